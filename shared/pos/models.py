"""What a sync is made of: streams, slices of time, windows of slices, tallies and certificates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

# One row of a table: column → JSON value. Money is whole cents, a time is RFC 3339 text with `Z`.
Row = dict[str, Any]
Field = Literal["created", "updated"]
CREATED: Field = "created"
UPDATED: Field = "updated"
INCREMENTAL, BACKFILL, FULL, OBJECTS = "incremental", "backfill", "full", "objects"
SOURCES = ("square", "lightspeed")
MODES = (INCREMENTAL, BACKFILL, FULL)
LIVE, MOCK = "live", "mock"
# The ids of made-up records begin with it.
MOCK_PREFIX = "mock-"
QUEUED, RUNNING, DONE, FAILED = "queued", "running", "done", "failed"


@dataclass(frozen=True)
class Reject:
    """A record that is no row: `record` is the provider's JSON as text (cut), `reason` says what is wrong with it."""

    record_id: str
    reason: str
    record: str


@dataclass(frozen=True)
class Page:
    """What one answer of a provider became. `gone`: rows of records that do not count any more."""

    rows: Sequence[Row]
    rejects: Sequence[Reject] = ()
    retries: int = 0
    gone: Sequence[Row] = ()


@dataclass(frozen=True)
class Slice:
    """A piece of a stream that is read in one go: [start, end) by creation or by last change, at one location."""

    by: Field
    start: datetime
    end: datetime
    location: str = ""


@dataclass(frozen=True, kw_only=True)
class Stream:
    """A table that is kept like a part of a source.

    `dated`: partitioned by `created_at`, read in slices of time, certified per location and day; else listed whole,
    and what a whole list lacks is deleted. `amount` is the column whose sum is certified, `location` the column that
    names the place; either may be empty. `constant`: of the table's rows only those with these values are the stream's.
    """

    name: str
    source: str
    table: str
    key: tuple[str, ...]
    dated: bool
    amount: str = ""
    location: str = ""
    # Blanked when the source has deleted the record.
    personal: tuple[str, ...] = ()
    # What is known stays known when the source does not tell it any more.
    sticky: tuple[str, ...] = ()
    constant: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Tally:
    """Of one location and day: rows, sum of cents, newest change (RFC 3339, empty without rows)."""

    count: int = 0
    cents: int = 0
    newest: str = ""

    def plus(self, cents: int, updated_at: str) -> Tally:
        return Tally(self.count + 1, self.cents + cents, max(self.newest, updated_at))


# (location, day as YYYY-MM-DD); both empty for a stream that is listed whole.
Place = tuple[str, str]
Tallies = dict[Place, Tally]


@dataclass(frozen=True)
class Difference:
    """A place where source and warehouse do not say the same."""

    stream: str
    location: str
    day: str
    source: Tally
    warehouse: Tally


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """What a run has compared. Green: nothing differs, after repairs (`repaired` counts the places).

    `uncertified`: days that changed and that there was no time to compare; the nightly re-read does.
    """

    stream: str
    checked_at: datetime
    places: int = 0
    rows: int = 0
    cents: int = 0
    newest: str = ""
    newest_day: str = ""
    repaired: int = 0
    uncertified: int = 0
    differences: tuple[Difference, ...] = ()
    more: int = 0  # differences that are not listed, since there are so many

    @property
    def green(self) -> bool:
        return not self.differences


@dataclass(frozen=True)
class Counters:
    """What a run has done. `written`: rows that were new or changed; `changed_late`: of these, found by a re-read."""

    seen: int = 0
    written: int = 0
    rejected: int = 0
    changed_late: int = 0
    pages: int = 0
    retries: int = 0

    def plus(self, other: Counters) -> Counters:
        return Counters(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))


@dataclass(frozen=True, kw_only=True)
class Window:
    """A part of a job that one message works on: a month of one stream, or what changed since the watermark.

    `whole`: all of a stream that is not dated is listed. `recent`: the newest days are certified too, whatever changed.
    """

    id: str
    job: str
    source: str
    stream: str
    by: Field
    start: datetime
    end: datetime
    whole: bool = False
    recent: bool = False


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run of a source. `start` and `end` are what was asked for; None: the mode's default."""

    id: str
    source: str
    mode: str
    request_id: str
    created_at: datetime
    sync_mode: str = ""  # LIVE or MOCK, once it runs
    start: datetime | None = None
    end: datetime | None = None
    status: str = QUEUED
    windows: int = 0
    windows_done: int = 0
    resumed: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: Mapping[str, str] | None = None

    @property
    def over(self) -> bool:
        return self.status in (DONE, FAILED)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a window is: the slices whose rows are in BigQuery, and what was counted in them.

    `slice_days`: how long its slices are; 0 until its first day has been read. `error`: code and message of what ended
    it, None for a success.
    """

    slice_days: int = 0
    done: frozenset[str] = frozenset()
    tallies: Tallies = field(default_factory=dict)
    counters: Counters = Counters()
    certificate: Certificate | None = None
    error: Mapping[str, str] | None = None
