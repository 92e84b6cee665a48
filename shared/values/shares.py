"""Shares of a whole as text."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal


def per_cent(part: int, whole: int) -> str:
    """`1.20%`; `0.00%` of nothing."""
    share = Decimal(100 * part) / whole if whole else Decimal(0)
    return f"{share.quantize(Decimal('0.01'), ROUND_HALF_UP)}%"
