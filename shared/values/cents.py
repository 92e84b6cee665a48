"""Money: whole cents, rounded half up, once and at the end."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal


def half_up(cents: Decimal) -> int:
    """To whole cents."""
    return int(cents.quantize(Decimal(1), ROUND_HALF_UP))


def share(cents: int, part: int, whole: int) -> int:
    """`cents` × part / whole; 0 of nothing."""
    return half_up(Decimal(cents) * part / whole) if whole else 0


def dollars(cents: int) -> str:
    """`9700` → `97.00`. Not for negative amounts."""
    return f"{cents // 100}.{cents % 100:02}"
