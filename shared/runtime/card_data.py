"""Card numbers are for the gateway's own form: a body that holds one is refused, and nothing of it is kept."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from shared.platform.errors import Invalid

# Digits as people write them: in groups, with up to three characters between them.
GROUPS = re.compile("[0-9]+(?:[\\s._/,:\\-\u2010-\u2015\u2212\u200b-\u200d\u2060\ufeff]{1,3}[0-9]+)*")
# Lengths and beginnings of the networks' numbers.
NETWORKS = re.compile(
    r"4\d{12}(\d{3}){0,2}|5[1-5]\d{14}|2(2[2-9]|[3-6]\d|7[0-2])\d{13}|3[47]\d{13}|3\d{13,18}|6\d{15,18}"
)
# Of a number that is written in groups; the last one has what is left.
GROUP_LENGTHS = range(3, 8)
# Long random text may hold such a run of digits: there it counts only if no letter or digit touches it.
OPAQUE = frozenset({"token", "id", "customerid"})
NAMES = frozenset(
    {
        "cardnumber",
        "ccnumber",
        "creditcard",
        "creditcardnumber",
        "number",
        "pan",
        "cardcode",
        "cvc",
        "cvc2",
        "cvn",
        "cvv",
        "cvv2",
        "securitycode",
        "expirationdate",
        "expiry",
        "expmonth",
        "expyear",
        "trackdata",
        "track1",
        "track2",
    }
)


class CardDataRefused(Invalid):
    code = "card_data_not_accepted"

    def __init__(self) -> None:
        super().__init__(
            "Card data is not accepted here, and nothing of it was kept. Send the token that the payment form gave."
        )


def refuse(body: Mapping[str, Any]) -> None:
    """Raises `CardDataRefused` for a card number anywhere in the body, or for a field that is named as one."""
    if any(name in NAMES or _holds_card(name, value) for name, value in _leaves("", body)):
        raise CardDataRefused


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every value with the name that it stands under; the names themselves too, since a number may be one."""
    waiting = [(name, value)]
    while waiting:
        found, inner = waiting.pop()
        if isinstance(inner, Mapping):
            yield from (("", key) for key in inner)
            waiting += [(_plain(key), below) for key, below in inner.items()]
        elif isinstance(inner, list):
            waiting += [(found, below) for below in inner]
        else:
            yield found, inner


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _holds_card(name: str, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return False
    text = _plain_digits(f"{value:.0f}" if isinstance(value, float) else _written(value))
    runs = (match for match in GROUPS.finditer(text) if name not in OPAQUE or _stands_alone(match))
    return any(_among(run[0]) for run in runs)


def _plain_digits(text: str) -> str:
    """Wide, Arabic and other scripts' digits are digits too."""
    plain = unicodedata.normalize("NFKC", text)
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in plain)


def _stands_alone(run: re.Match[str]) -> bool:
    before, after = run.string[: run.start()][-1:], run.string[run.end() :][:1]
    return not (before.isalnum() or after.isalnum())


def _written(value: str | int) -> str:
    # Python refuses to write an integer of thousands of digits, and none of them is a card.
    return value if isinstance(value, str) else str(value) if abs(value) < 10**20 else ""


def _among(run: str) -> bool:
    """Whether one group, or some of card-like length that follow each other, are a card's number."""
    groups = re.findall("[0-9]+", run)
    for start in range(len(groups)):
        for end in range(start + 1, len(groups) + 1):
            part = groups[start:end]
            digits = "".join(part)
            if len(digits) > 19:
                break
            if all(len(group) in GROUP_LENGTHS for group in part[:-1]) and _is_card(digits):
                return True
    return False


def _is_card(digits: str) -> bool:
    """A network's number that passes the Luhn check."""
    if not NETWORKS.fullmatch(digits):
        return False
    doubled = (int(d) * (1 + place % 2) for place, d in enumerate(reversed(digits)))
    return sum(d // 10 + d % 10 for d in doubled) % 10 == 0
