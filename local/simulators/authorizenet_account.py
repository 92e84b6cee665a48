"""The simulated Authorize.Net account: its credentials, how it writes money and time, and its cards.

Tokens besides those of `securePaymentContainerRequest`: a `dataValue` that begins with `tok_` is always accepted, may
be used again, and stands for a card of its own, whose digits follow from the text. What the text contains decides what
becomes of a charge: `declin` declined, `held` held for review, `expired` error 8, `invalid` error 6, else approved.
Other cards decline when the billing zip is 46282, or when they are charged 70.02, as in the real sandbox.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

LOGIN: Final = "simLogin01"
TRANSACTION_KEY: Final = "simTransKey00001"
CLIENT_KEY: Final = "simClientKey0001"
# 128 characters, which look like hex and are used as the text that they are.
SIGNATURE_KEY: Final = "0123456789ABCDEF" * 8
DESCRIPTOR: Final = "COMMON.ACCEPT.INAPP.PAYMENT"
TOKEN: Final = "tok_"
DECLINING_ZIP: Final = "46282"
DECLINED_CENTS: Final = 7002
TEST_CARD: Final = "4111111111111111"

APPROVE, DECLINE, HOLD, EXPIRED, INVALID, ERROR = "approve", "decline", "hold", "expired", "invalid", "error"
FATES: Final = {"declin": DECLINE, "held": HOLD, "expired": EXPIRED, "invalid": INVALID}
BRANDS: Final = {"4": "Visa", "5": "MasterCard", "2": "MasterCard", "6": "Discover"}
LONG_BRANDS: Final = {"34": "AmericanExpress", "37": "AmericanExpress", "35": "JCB", "30": "JCB"}
DINERS: Final = ("36", "38")

DAY: Final = 86_400_000
# The day turns, and what was captured is settled, at midnight six hours west of Greenwich.
CUT_OFF: Final = 6 * 3_600_000
LOCAL: Final = timedelta(hours=-6)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Card:
    """`expires` as YYYY-MM; `zip` as the form had it; `token` for one that a `tok_` stands for."""

    number: str
    expires: str
    zip: str = ""
    token: str = ""

    @classmethod
    def of_token(cls, text: str) -> Card:
        digits = "4" + str(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]))[:14].zfill(14)
        check = next(last for last in "0123456789" if _luhn(digits + last))
        return cls(digits + check, "2199-12", token=text)

    @classmethod
    def read(cls, text: str) -> Card:
        return cls(**json.loads(text))

    def text(self) -> str:
        return json.dumps(asdict(self))

    @property
    def last4(self) -> str:
        return self.number[-4:]

    @property
    def masked(self) -> str:
        return f"XXXX{self.last4}"

    @property
    def brand(self) -> str:
        if self.number[:2] in DINERS:
            return "DinersClub"
        return LONG_BRANDS.get(self.number[:2]) or BRANDS.get(self.number[:1], "Visa")

    def fate(self, zip_code: str, cents: int, now: datetime) -> str:
        """By itself, when nobody has said what becomes of it."""
        if self.token:
            return next((fate for part, fate in FATES.items() if part in self.token), APPROVE)
        if not self.number.isdecimal() or not _luhn(self.number):
            return INVALID
        if self._expired(now):
            return EXPIRED
        declined = DECLINING_ZIP in (zip_code, self.zip) or cents == DECLINED_CENTS
        return DECLINE if declined else APPROVE

    def _expired(self, now: datetime) -> bool:
        digits = "".join(filter(str.isdecimal, self.expires))
        if len(digits) == 4:  # MMYY
            digits = f"20{digits[2:]}{digits[:2]}"
        if len(digits) == 6 and int(digits[:4]) < 1900:  # MMYYYY
            digits = digits[2:] + digits[:2]
        return digits < now.strftime("%Y%m")


def _luhn(number: str) -> bool:
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number))]
    return len(number) > 11 and sum(value - 9 * (value > 9) for value in doubled) % 10 == 0


def cents_of(value: Any) -> int | None:
    """Of dollars as a text or a number; None for what is no amount."""
    try:
        cents = Decimal(str(value)) * 100
    except InvalidOperation:
        return None
    return int(cents) if cents > 0 and cents == cents.to_integral_value() else None


def dollars(cents: int) -> float:
    return cents / 100


def cut_off_after(moment: int) -> int:
    """The first turn of the day after a moment; both in milliseconds."""
    return ((moment - CUT_OFF) // DAY + 1) * DAY + CUT_OFF


def batch_of(cut_off: int) -> int:
    return 10_000_000 + cut_off // DAY


def cut_off_of(batch: int) -> int:
    return (batch - 10_000_000) * DAY + CUT_OFF


def utc(moment: int) -> str:
    """`2011-09-01T16:30:49.39Z`: as many digits as are needed."""
    found = EPOCH + timedelta(milliseconds=moment)
    fraction = f".{moment % 1000:03}".rstrip("0").rstrip(".")
    return f"{found:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def local(moment: int) -> str:
    return f"{EPOCH + timedelta(milliseconds=moment) + LOCAL:%Y-%m-%dT%H:%M:%S}"
