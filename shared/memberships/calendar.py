"""Months and billing periods. Pure."""

from __future__ import annotations

import calendar
from datetime import date


def months_after(anchor: date, months: int) -> date:
    """The same day of the month, `months` later; the last day where it does not exist."""
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    return date(year, month + 1, min(anchor.day, calendar.monthrange(year, month + 1)[1]))


def period_of(anchor: date, day: date) -> tuple[date, date]:
    """The period that the day is in: [begin, end), counted from the anchor, which is not after the day."""
    months = (day.year - anchor.year) * 12 + day.month - anchor.month
    if months_after(anchor, months) > day:
        months -= 1
    return months_after(anchor, months), months_after(anchor, months + 1)
