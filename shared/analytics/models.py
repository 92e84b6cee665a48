"""Whose sales, and in which time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

SOURCES = ("square", "lightspeed")
ALL = "all"


@dataclass(frozen=True)
class Period:
    """Store days up to and with today: the first moment of each window, and of tomorrow. Aware datetimes."""

    day: date
    today: datetime
    week: datetime
    month: datetime
    half_year: datetime
    year: datetime
    two_years: datetime
    end: datetime
