"""What a unix-cron schedule means: whether it names a minute, and how often it runs in a month."""

from __future__ import annotations

import calendar
from datetime import datetime

MONTHS = tuple(name.upper() for name in calendar.month_abbr[1:])
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


def runs(schedule: str, year: int, month: int) -> int:
    """Runs of `minute hour day month weekday` in that month (`*`, lists, ranges, steps, names).

    A schedule that limits both day and weekday runs on the days that fit either, as unix-cron has it. Raises ValueError
    for anything else.
    """
    fields = _fields(schedule)
    minutes, hours = _values(fields[0], 0, 59), _values(fields[1], 0, 23)
    if month not in _values(fields[3], 1, 12, MONTHS):
        _days(fields, year, month)
        return 0
    return len(minutes) * len(hours) * len(_days(fields, year, month))


def is_due(schedule: str, local: datetime) -> bool:
    """Whether a schedule names this minute, in the time zone of `local`. Raises ValueError as `runs` does."""
    fields = _fields(schedule)
    return (
        local.minute in _values(fields[0], 0, 59)
        and local.hour in _values(fields[1], 0, 23)
        and local.month in _values(fields[3], 1, 12, MONTHS)
        and local.day in _days(fields, local.year, local.month)
    )


def _fields(schedule: str) -> list[str]:
    fields = schedule.split()
    if len(fields) != 5:
        raise ValueError(
            f"A schedule has five fields (minute hour day month weekday), not {len(fields)}: '{schedule}'."
        )
    return fields


def _days(fields: list[str], year: int, month: int) -> set[int]:
    dates, weekdays = _values(fields[2], 1, 31), {day % 7 for day in _values(fields[4], 0, 7, WEEKDAYS)}
    in_month = set(range(1, calendar.monthrange(year, month)[1] + 1))
    on_weekday = {day for day in in_month if (calendar.weekday(year, month, day) + 1) % 7 in weekdays}
    either = "*" not in (fields[2][0], fields[4][0])
    return (dates & in_month) | on_weekday if either else dates & in_month & on_weekday


def _values(field: str, low: int, high: int, names: tuple[str, ...] = ()) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = (f"{low}-{high}" if span == "*" else span).partition("-")
        start = _number(first, field, low, names)
        end = _number(last, field, low, names) if dash else high if slash else start
        stride = _number(step, field, low, ()) if slash else 1
        if not (low <= start <= end <= high and stride > 0):
            raise ValueError(f"'{field}' does not fit a schedule: its values go from {low} to {high}.")
        found.update(range(start, end + 1, stride))
    return found


def _number(text: str, field: str, low: int, names: tuple[str, ...]) -> int:
    if text.upper() in names:
        return names.index(text.upper()) + low
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"'{field}' does not fit a schedule: '{text}' is no number.")
    return int(text)
