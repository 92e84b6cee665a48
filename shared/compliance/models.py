"""Counts, and what they are worth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True)
class Year:
    """365 store days that end with `day`: `start` is the first moment of the first, `end` that of tomorrow."""

    day: date
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Counts:
    """Attempts of a year and the successful ones; items for sale and those with a certificate that counts."""

    attempts: int
    successful: int
    products: int
    with_coa: int


@dataclass(frozen=True)
class Score:
    """Per cent of attempts and of products, and points out of 100; each with two decimals."""

    success_rate: Decimal
    coa_coverage: Decimal
    points: Decimal
    status: str
