"""What a simulated Square account consists of: ids, locations, names, and what an order's lines are.

Everything here follows from a number and the seed, so that it need not be stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Final

TOKEN: Final = "sim-square-token"
MERCHANT: Final = "MSIMULATED0001"
TIMEZONE: Final = "America/Chicago"
# The first is the main location and has 70 % of the sales.
LOCATIONS: Final = ("LSIMMAIN00001", "LSIMNORTH0002")
LOCATION_NAMES: Final = ("Main Street", "North Loop")
PAYMENT, ORDER, REFUND, CUSTOMER = "SQPAY", "SQORD", "SQREF", "SQCUS"
ITEM, VARIATION, CATEGORY, IMAGE = "SQITM", "SQVAR", "SQCAT", "SQIMG"
# source_type, card brand, entry method
SOURCES: Final = (
    ("CARD", "VISA", "EMV"),
    ("CARD", "MASTERCARD", "CONTACTLESS"),
    ("CARD", "AMERICAN_EXPRESS", "EMV"),
    ("CARD", "DISCOVER", "SWIPED"),
    ("CASH", "", ""),
    ("WALLET", "", ""),
)
CATEGORIES: Final = ("Teas", "Oils", "Edibles", "Topicals", "Pets", "Drinks", "Flower", "Gifts", "Books", "Care")
KINDS: Final = ("Rose", "Crème", "Balm", "Thé Noir", "Gummies", "Tonic", "Salve", "Jalapeño Honey", "Drops", "Soap")
VARIATION_NAMES: Final = ("Regular", "Large", "Family")
QUIRKY: Final = 'Señor "Ñ" Nº {number}\nlimited edition'
MASK: Final = (1 << 60) - 1
MASK_64: Final = (1 << 64) - 1
# Odd, so that multiplying by it can be undone.
STEP: Final = 0x9E3779B97F4A7C1
UNDO: Final = pow(STEP, -1, 1 << 60)
MILLISECONDS_A_DAY: Final = 86_400_000


@dataclass(frozen=True)
class Ids:
    """Unguessable-looking ids that lead back to the row's number. Another seed has other ids."""

    seed: int

    @cached_property
    def _offset(self) -> int:
        return mixed(self.seed) & MASK

    def of(self, prefix: str, number: int) -> str:
        return f"{prefix}{(number * STEP + self._offset) & MASK:015X}"

    def number(self, prefix: str, text: str) -> int | None:
        """None for what is no id of this kind."""
        digits = text.removeprefix(prefix)
        if len(text) != len(prefix) + 15 or len(digits) != 15:
            return None
        try:
            return ((int(digits, 16) - self._offset) * UNDO) & MASK
        except ValueError:
            return None


def mixed(number: int) -> int:
    """64 bits that look random."""
    number = (number ^ (number >> 31)) * 0x7FB5D329728EA185 + 0x5851F42D4C957F2D & MASK_64
    number = (number ^ (number >> 27)) * 0x81DADEF4BC2DD44D & MASK_64
    return number ^ (number >> 33)


def wire(milliseconds: int) -> str:
    """RFC 3339 with milliseconds and `Z`."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}.{rest:03}Z"


def milliseconds(moment: datetime) -> int:
    """Since 1970, rounded down."""
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def item_name(number: int) -> str:
    if number % 20 == 7:
        return QUIRKY.format(number=number)
    return f"{KINDS[number % len(KINDS)]} {CATEGORIES[number % 7]} {number}"


def variation_count(number: int) -> int:
    return 1 + number % 3


def variation_number(item: int, index: int) -> int:
    return item * 4 + index


def price(item: int, index: int, seed: int) -> int | None:
    """Cents; None: the price is typed in at the till."""
    if item % 25 == 11:
        return None
    return (mixed(item * 31 + seed) % 90 + 5) * 100 + 99 + index * 500


@dataclass(frozen=True)
class Line:
    """`item` 0: a custom amount. `gross` is exactly `base` times `quantity`."""

    item: int
    variation: int
    quantity: str
    base: int
    gross: int


COUNTS: Final = (1, 1, 1, 2, 2, 2, 3, 3, 4)


def lines(payment: int, amount: int, seed: int, items: int) -> list[Line]:
    """1 to 4 lines whose gross sum is the amount."""
    chance = mixed(payment * 4099 + seed)
    count = min(COUNTS[chance % 9], max(1, amount // 200))
    left, found = amount, []
    for index in range(count):
        chance = mixed(chance + index)
        gross = left if index == count - 1 else max(1, left * (20 + chance % 60) // 100)
        left -= gross
        found.append(_line(chance >> 8, gross, items))
    return found


def _line(chance: int, gross: int, items: int) -> Line:
    quantity, base = _quantity(chance, gross)
    if items == 0 or chance % 25 == 3:
        return Line(0, 0, quantity, base, gross)
    # Squared: few items are most of the sales.
    share = (chance >> 8) % 65_536
    item = 1 + share * share * items // (65_536 * 65_536)
    return Line(item, (chance >> 24) % variation_count(item), quantity, base, gross)


def _quantity(chance: int, gross: int) -> tuple[str, int]:
    wanted = (chance >> 32) % 16
    if wanted == 0 and gross % 3 == 0:
        return "1.5", gross // 3 * 2
    for units in (4, 3, 2):
        if wanted < units and gross % units == 0:
            return str(units), gross // units
    return "1", gross
