"""What counts are worth. No clock and no SDK."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor

from shared.compliance.models import Counts, Score, Year
from shared.values.days import day_of, midnight

DAYS = 365
WEIGHT = Fraction(2, 5)
# What a shop has for having figures at all.
BASE = 20
PENDING = "Pending"
# The least points of each status, the best first.
STATUSES = ((90, "Excellent"), (75, "Good"), (0, "Needs Improvement"))


def year(now: datetime, zone: str) -> Year:
    """Whole days in the store's zone, today included."""
    today = day_of(now, zone)
    return Year(today, midnight(today - timedelta(days=DAYS - 1), zone), midnight(today + timedelta(days=1), zone))


def score(counts: Counts) -> Score:
    """Of no attempt and no product nothing is said; where one of them is missing, it counts as 0 per cent."""
    if not counts.attempts and not counts.products:
        return Score(rounded(Fraction()), rounded(Fraction()), rounded(Fraction()), PENDING)
    rate = per_cent(counts.successful, counts.attempts)
    coverage = per_cent(counts.with_coa, counts.products)
    points = rounded(WEIGHT * rate + WEIGHT * coverage + BASE)
    return Score(rounded(rate), rounded(coverage), points, status(points))


def status(points: Decimal) -> str:
    """By the points as they are shown."""
    return next(name for least, name in STATUSES if points >= least)


def per_cent(part: int, whole: int) -> Fraction:
    """Exact; 0 of nothing."""
    return Fraction(100 * part, whole) if whole else Fraction()


def rounded(value: Fraction) -> Decimal:
    """Two decimals, half up."""
    return Decimal(floor(value * 100 + Fraction(1, 2))).scaleb(-2)
