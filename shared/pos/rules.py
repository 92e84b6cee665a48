"""How a run is cut into windows and slices, and when source and warehouse say the same. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from shared.pos.models import (
    BACKFILL,
    CREATED,
    FULL,
    INCREMENTAL,
    UPDATED,
    Counters,
    Field,
    Job,
    Row,
    Slice,
    Stream,
    Window,
)

# Providers show changes late, and clocks differ: what is read again costs little, what is missed is lost.
OVERLAP = timedelta(minutes=10)
FIRST_RUN = timedelta(days=730)
RE_READ = timedelta(days=14)
# A slice is in memory as a whole, and eight of them are at once: about fifteen pages, a day at least, a week at most.
ROWS_A_SLICE = 1_500
MOST_DAYS = 7
SLICE = timedelta(days=MOST_DAYS)
DURATION = re.compile(r"P(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?")
SHORT = re.compile(r"(\d{1,5})([ymwd])")
DAYS = {"y": 365, "m": 30, "w": 7, "d": 1}


def moment_of(text: str, now: datetime) -> datetime:
    """A day (`2026-01-31`), an RFC 3339 time, or how long before now (`P14D`, `P2Y`, `14d`, `2y`).

    A year has 365 days, a month 30. Raises ValueError.
    """
    days = _days_of(text)
    if days is not None:
        return now - timedelta(days=days)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{text[:40]}' is neither a day, nor an RFC 3339 time, nor a duration like P14D.") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _days_of(text: str) -> int | None:
    short, long = SHORT.fullmatch(text), DURATION.fullmatch(text)
    if short:
        return int(short[1]) * DAYS[short[2]]
    if long and any(long.groups()):
        return sum(int(n or 0) * d for n, d in zip(long.groups(), (365, 30, 7, 1), strict=True))
    return None


def plan(job: Job, streams: Sequence[Stream], watermarks: Mapping[str, datetime | None]) -> list[Window]:
    """The windows of a job. A stream without a watermark is read as for the first time, whatever the mode."""
    end = job.end or job.created_at
    found = [window for stream in streams for window in _of_stream(job, stream, watermarks.get(stream.name), end)]
    return [replace(window, id=f"{job.id}.{number:03}") for number, window in enumerate(found)]


def _of_stream(job: Job, stream: Stream, watermark: datetime | None, end: datetime) -> Iterator[Window]:
    if job.mode == INCREMENTAL and watermark is not None:
        # A clock that was moved back must not make the window empty.
        yield _window(job, stream, UPDATED, min(watermark, end) - OVERLAP, end, recent=True)
        return
    start = midnight(_beginning(job, watermark, end))
    if not stream.dated:
        yield _window(job, stream, CREATED, start, end, whole=True)
        return
    for first, last in months(start, end):
        yield _window(job, stream, CREATED, first, last)
    if job.mode == FULL and watermark is not None:
        # What changed lately may have been made long ago; and the last run may be longer ago than what is asked for.
        unread = min(start, watermark - OVERLAP) if _up_to_its_present(job) else start
        yield _window(job, stream, UPDATED, unread, end)


def _beginning(job: Job, watermark: datetime | None, end: datetime) -> datetime:
    first = end - FIRST_RUN
    if job.mode == BACKFILL:
        return job.start or first
    if watermark is None:
        # The watermark that it leaves says that all before it was read: also when a nightly re-read comes first.
        return min(job.start or first, first)
    return _re_read_from(job, end)


def _re_read_from(job: Job, end: datetime) -> datetime:
    return job.start or end - RE_READ


def first_day(job: Job) -> str:
    """The first day (YYYY-MM-DD) that a re-read reads by creation."""
    return midnight(_re_read_from(job, job.end or job.created_at)).date().isoformat()


def _window(
    job: Job, stream: Stream, by: Field, start: datetime, end: datetime, *, whole: bool = False, recent: bool = False
) -> Window:
    return Window(
        id="",
        job=job.id,
        source=job.source,
        stream=stream.name,
        by=by,
        start=start,
        end=end,
        whole=whole,
        recent=recent,
    )


def midnight(moment: datetime) -> datetime:
    """Of its UTC day: a day is never divided between windows or slices."""
    return datetime.combine(moment.astimezone(UTC).date(), time(), UTC)


def months(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """[start, end) cut at the first of each month."""
    while start < end:
        following = (start.replace(day=1) + timedelta(days=32)).replace(
            day=1, hour=0, minute=0, second=0, microsecond=0
        )
        yield start, min(following, end)
        start = following


def pieces(start: datetime, end: datetime, days: int = MOST_DAYS) -> Iterator[tuple[datetime, datetime]]:
    """[start, end) cut after so many days, at midnight."""
    while start < end:
        following = midnight(start + timedelta(days=days))
        yield start, min(following, end)
        start = following


def first_slices(window: Window, locations: Sequence[str]) -> list[Slice]:
    """The first day of a window: how much there is in it says how long the other slices may be."""
    start, end = next(pieces(window.start, window.end, 1), (window.end, window.end))
    return [Slice(window.by, start, end, location) for location in locations]


def slices(window: Window, locations: Sequence[str], days: int = MOST_DAYS) -> list[Slice]:
    """All slices of a window, the first ones included."""
    first = first_slices(window, locations)
    rest = pieces(first[0].end if first else window.end, window.end, days)
    return first + [Slice(window.by, start, end, location) for start, end in rest for location in locations]


def days_a_slice(rows_a_day: int) -> int:
    return min(MOST_DAYS, max(1, ROWS_A_SLICE // max(1, rows_a_day)))


def day_slices(days: Iterable[str], locations: Sequence[str], end: datetime) -> list[Slice]:
    """What must be read to know these days everywhere: adjoining days in one slice, nothing after `end`."""
    found = sorted({date.fromisoformat(day) for day in days})
    return [
        Slice(CREATED, _start_of(first), min(_start_of(last) + timedelta(days=1), end), location)
        for first, last in _runs(found)
        for location in locations
        if _start_of(first) < end
    ]


def days_of(part: Slice) -> set[str]:
    """The days that a slice of `day_slices` covers."""
    count = (part.end - part.start) / timedelta(days=1)
    return {(part.start + timedelta(days=n)).date().isoformat() for n in range(math.ceil(count))}


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _runs(days: Sequence[date]) -> Iterator[tuple[date, date]]:
    first = last = None
    for day in days:
        if first is not None and last is not None:
            if day - last == timedelta(days=1) and day - first < SLICE:
                last = day
                continue
            yield first, last
        first = last = day
    if first is not None and last is not None:
        yield first, last


def watermark_after(job: Job, watermark: datetime | None) -> datetime | None:
    """Where the next increment begins. It moves with a job that has read all that changed up to its own present.

    A backfill reads what was made: what was made before it and changed since the watermark is still to come.
    """
    if not _up_to_its_present(job) or (job.mode == BACKFILL and watermark is not None):
        return watermark
    return job.created_at


def _up_to_its_present(job: Job) -> bool:
    return job.end is None or job.end >= job.created_at


def sum_of(counters: Iterable[Counters]) -> Counters:
    found = Counters()
    for one in counters:
        found = found.plus(one)
    return found


def newest(rows: Iterable[Row]) -> list[Row]:
    """Each record once, as it was changed last: a list that changes while it is read has some of them twice."""
    found: dict[Any, Row] = {}
    for row in rows:
        if row["id"] not in found or row["updated_at"] >= found[row["id"]]["updated_at"]:
            found[row["id"]] = row
    return list(found.values())


def next_run(now: datetime) -> datetime:
    """When the schedule asks for the next increment: every quarter of an hour."""
    return now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0) + timedelta(minutes=15)
