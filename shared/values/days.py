"""Days of the store."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo


def day_of(moment: datetime, zone: str) -> date:
    """The store's day."""
    return moment.astimezone(ZoneInfo(zone)).date()


def midnight(day: date, zone: str) -> datetime:
    """The moment that a store's day begins."""
    return datetime.combine(day, time(), ZoneInfo(zone))
