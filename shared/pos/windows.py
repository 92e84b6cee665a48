"""One window of a run: read its slices, load them, keep how far it is, and have it compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from shared.platform.clock import Clock
from shared.pos import compare, rules
from shared.pos.certify import Certifier
from shared.pos.compare import NOTHING
from shared.pos.models import (
    CREATED,
    FULL,
    UPDATED,
    Certificate,
    Counters,
    Job,
    Progress,
    Reject,
    Slice,
    Stream,
    Window,
)
from shared.pos.ports import Source
from shared.pos.reader import Chunk, Reader
from shared.pos.repository import LEASE, SyncRepository
from shared.pos.warehouse import Warehouse

# A load job and a MERGE for so many rows; what is read meanwhile waits as encoded lines.
FLUSH_ROWS = 10_000


@dataclass
class Buffer:
    """Chunks that are read and not loaded yet."""

    chunks: list[Chunk] = field(default_factory=list)
    rows: int = 0

    def add(self, chunk: Chunk) -> None:
        self.chunks.append(chunk)
        self.rows += chunk.rows


@dataclass(frozen=True, kw_only=True)
class Run:
    """What the windows of one run share.

    `out_of_time`: whether the function must end soon. `seen`: told of rows that were read. `by_force`: leases of others
    count for nothing, a person has said that they are dead.
    """

    job: Job
    source: Source
    reader: Reader
    warehouse: Warehouse
    repository: SyncRepository
    clock: Clock
    owner: str
    out_of_time: Callable[[], bool]
    seen: Callable[[int], None]
    by_force: bool = False
    _busiest: dict[str, int] = field(default_factory=dict)

    def read(self, stream: Stream, chunk: Chunk) -> None:
        """A slice of any window was read."""
        self.seen(chunk.rows)
        days = max(1.0, (chunk.part.end - chunk.part.start) / timedelta(days=1))
        self._busiest[stream.name] = max(self.busiest(stream), int(chunk.rows / days))

    def busiest(self, stream: Stream) -> int:
        """The most rows a day at one location that the run has met: a window may begin on a holiday."""
        return self._busiest.get(stream.name, 0)


class WindowRun:
    """Works on a window whose lease the run's owner holds."""

    def __init__(self, run: Run, window: Window, stream: Stream, progress: Progress) -> None:
        self._run = run
        self._window = window
        self._stream = stream
        self._progress = progress
        self._certifier = Certifier(run.source, run.reader, run.warehouse, run.clock, stream, run.job.id)
        self._kept_at = run.clock.now()

    def run(self) -> Progress | None:
        """What it came to, when everything is loaded and compared; None when the time is over: go on later.

        Failure policy: whatever is raised, slices that were read before are loaded and kept first.
        """
        if not self._stream.dated:
            certificate = self._listed() if self._window.whole else self._changed()
        elif not self._read():
            return None
        elif self._window.by == CREATED:
            window, source = self._window, self._progress.tallies
            certificate = self._certifier.window(window.start, window.end, source, self._go_on)
        else:
            certificate = self._certifier.days(self._touched_days(), self._window.end, self._go_on)
        return replace(self._progress, certificate=certificate)

    # --- a dated stream

    def _read(self) -> bool:
        """Whether all slices are in BigQuery."""
        locations = self._run.source.locations(self._stream)
        if not self._progress.slice_days:
            self._load(rules.first_slices(self._window, locations))
            self._progress = replace(self._progress, slice_days=rules.days_a_slice(self._run.busiest(self._stream)))
            self._keep()
        parts = rules.slices(self._window, locations, self._progress.slice_days)
        self._load(parts)
        return self._progress.done >= {_name(part) for part in parts}

    def _load(self, parts: list[Slice]) -> None:
        """Read and load what is not there yet, until the time is over."""
        waiting = [part for part in parts if _name(part) not in self._progress.done]
        buffer = Buffer()
        try:
            for chunk in self._run.reader.each(self._stream, waiting, self._go_on):
                self._run.read(self._stream, chunk)
                buffer.add(chunk)
                if buffer.rows >= FLUSH_ROWS:
                    self._flush(buffer.chunks)
                    buffer = Buffer()
        finally:
            self._flush(buffer.chunks)

    def _go_on(self) -> bool:
        if self._run.clock.now() - self._kept_at > LEASE / 4:
            self._keep()
        return not self._run.out_of_time()

    def _flush(self, chunks: list[Chunk]) -> None:
        """A slice's name is kept when its rows are in BigQuery, never before."""
        if not chunks:
            return
        changed = self._merge(chunks)
        tallies = self._progress.tallies
        for chunk in chunks:
            # Of changes it is only kept which days they touched: those are compared as a whole.
            fresh = chunk.tallies if self._window.by == CREATED else dict.fromkeys(chunk.places, NOTHING)
            tallies = compare.together(tallies, fresh)
        done = self._progress.done | {_name(chunk.part) for chunk in chunks}
        self._progress = replace(self._progress, done=done, tallies=tallies)
        self._count(chunks, changed)
        self._keep()

    def _keep(self) -> None:
        self._run.repository.checkpoint(self._window, self._progress, self._run.owner)
        self._kept_at = self._run.clock.now()

    def _touched_days(self) -> set[str]:
        """The days of what changed. An increment also looks at the newest ones: there a silent source would show.

        A re-read does not look at those that it reads by creation: other windows compare them, once.
        """
        source = self._run.repository.source(self._window.source)
        # Before its first day the warehouse has no whole days, only what changed since.
        first = source.get("horizon", {}).get(self._stream.name, "")
        days = {day for _, day in self._progress.tallies if day >= first}
        if self._run.job.mode == FULL:
            days = {day for day in days if day < rules.first_day(self._run.job)}
        if self._window.recent:
            today = self._window.end.date()
            days |= {today.isoformat(), (today - timedelta(days=1)).isoformat()}
            newest = self._run.repository.states([self._stream.name])[self._stream.name].get("newestDay", "")
            days |= {newest} if newest else set()
        return days

    # --- a stream that is listed as a whole

    def _changed(self) -> Certificate | None:
        """Failure policy: deletions may not be told, so whatever has changed has the list compared as well."""
        chunk = self._run.reader.changed(self._stream, self._part())
        self._run.seen(chunk.rows)
        changed = self._merge([chunk])
        self._count([chunk], changed)
        return self._listed() if changed else None

    def _listed(self) -> Certificate:
        chunk = self._run.reader.listed(self._stream, self._part())
        self._run.seen(chunk.rows)
        self._certifier.check_not_empty(chunk)
        changed = self._merge([chunk])
        # What a list lacks might be what has lost its id.
        if chunk.rows and all(reject.record_id for reject in chunk.rejects):
            rejected_by = self._run.job.id if chunk.rejects else ""
            changed += self._run.warehouse.remove_missing(self._stream, chunk.lines, rejected_by)
        self._count([chunk], changed)
        return self._certifier.listed(chunk)

    def _part(self) -> Slice:
        return Slice(self._window.by, self._window.start, self._window.end)

    # --- both

    def _merge(self, chunks: Iterable[Chunk]) -> int:
        found = list(chunks)
        rejects: list[Reject] = [reject for chunk in found for reject in chunk.rejects]
        if rejects:
            self._run.warehouse.reject(self._stream, rejects, self._run.job.id, self._run.clock.now())
        changed = self._remove(found)
        filled = [chunk for chunk in found if chunk.rows]
        if not filled:
            return changed
        first, last = min(chunk.first for chunk in filled), max(chunk.last for chunk in filled)
        lines = filled[0].lines if len(filled) == 1 else b"".join(chunk.lines for chunk in filled)
        return changed + self._run.warehouse.merge(self._stream, lines, first, last)

    def _remove(self, chunks: Iterable[Chunk]) -> int:
        """What is gone. Days that are read by creation are compared as a whole: there the repair takes it out."""
        gone = b"".join(chunk.gone for chunk in chunks) if self._window.by == UPDATED else b""
        return self._run.warehouse.remove(self._stream, gone) if gone else 0

    def _count(self, chunks: Iterable[Chunk], changed: int) -> None:
        found = list(chunks)
        counted = Counters(
            seen=sum(chunk.rows for chunk in found),
            written=changed,
            rejected=sum(len(chunk.rejects) for chunk in found),
            changed_late=changed if self._run.job.mode == FULL else 0,
            pages=sum(chunk.pages for chunk in found),
            retries=sum(chunk.retries for chunk in found),
        )
        self._progress = replace(self._progress, counters=self._progress.counters.plus(counted))


def _name(part: Slice) -> str:
    return f"{part.start:%Y-%m-%dT%H:%M}|{part.location}"
