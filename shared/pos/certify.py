"""The reconciliation certificate: what the source says of days, or of a whole list, beside what BigQuery says.

Failure policy: what differs is read from the source again and put in its place, once; what still differs makes the run
red. A source that has nothing where the warehouse has something is broken, not empty: nothing is taken out for it.
A record that could not become a row is counted on neither side: what the warehouse knows of it stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from shared.platform.clock import Clock
from shared.pos import compare, rules
from shared.pos.errors import SuddenlyEmpty
from shared.pos.models import Certificate, Difference, Stream, Tallies
from shared.pos.ports import Source
from shared.pos.reader import Chunk, Reader
from shared.pos.warehouse import Warehouse

# A list that has lost so much is taken for a broken answer, not for a clearance.
MOST_LOST = 0.5
FEW = 20


class Certifier:
    """Compares one stream, in the name of a job."""

    def __init__(
        self, source: Source, reader: Reader, warehouse: Warehouse, clock: Clock, stream: Stream, job: str
    ) -> None:
        self._source = source
        self._reader = reader
        self._warehouse = warehouse
        self._clock = clock
        self._stream = stream
        self._job = job

    def window(self, start: datetime, end: datetime, source: Tallies, go_on: Callable[[], bool]) -> Certificate:
        """All days of [start, end), of which `source` was counted while they were read."""
        warehouse = self._warehouse.tallies(self._stream, start, end)
        self._check_not_empty(source, warehouse)
        found = compare.differences(self._stream, source, warehouse)
        if not found:
            return self._certificate(source, ())
        again = {difference.day for difference in found}
        repaired, fresh = self._days(again, end, go_on)
        unchanged = {place: tally for place, tally in source.items() if place[1] not in again}
        return self._certificate(unchanged | fresh, repaired.differences, repaired.repaired, repaired.uncertified)

    def days(self, days: Iterable[str], end: datetime, go_on: Callable[[], bool]) -> Certificate:
        """These days, as far as they lie before `end`, read anew."""
        return self._days(set(days), end, go_on)[0]

    def listed(self, chunk: Chunk) -> Certificate:
        """A stream that is not dated: all that it lists."""
        source = chunk.tallies
        rejected = bool(chunk.rejects)
        found = self._differing(source, chunk.part.start, chunk.part.end, None, rejected=rejected)
        if found:
            self._warehouse.replace(self._stream, chunk.lines)
            left = self._differing(source, chunk.part.start, chunk.part.end, None, rejected=rejected)
            return self._certificate(source, left, len(found) - len(left))
        return self._certificate(source, ())

    def check_not_empty(self, chunk: Chunk) -> None:
        """Raises `SuddenlyEmpty` when a list has lost what a shop does not lose in a day."""
        known = compare.total(self._warehouse.tallies(self._stream, chunk.part.start, chunk.part.end)).count
        lost = known - chunk.rows - len(chunk.rejects)
        if known and (not chunk.rows or (lost > FEW and lost > MOST_LOST * known)):
            raise SuddenlyEmpty(
                f"{self._stream.name}: the source lists {chunk.rows} where {known} are known. Nothing was deleted. "
                "Look at the source; docs/square.md says what to do if it is right."
            )

    def _days(self, days: set[str], end: datetime, go_on: Callable[[], bool]) -> tuple[Certificate, Tallies]:
        locations = self._source.locations(self._stream)
        parts = rules.day_slices(days, locations, end)
        chunks = list(self._reader.each(self._stream, parts, go_on))
        read = _read_everywhere(chunks, len(locations))
        source: Tallies = {}
        for chunk in chunks:
            kept = {place: tally for place, tally in chunk.tallies.items() if place[1] in read}
            source = compare.together(source, kept)
        if not read:
            return self._certificate({}, (), 0, len(days)), {}
        start = datetime.fromisoformat(f"{min(read)}T00:00:00+00:00")
        until = min(end, datetime.fromisoformat(f"{max(read)}T00:00:00+00:00") + timedelta(days=1))
        rejects = [reject for chunk in chunks for reject in chunk.rejects]
        if rejects:
            self._warehouse.reject(self._stream, rejects, self._job, self._clock.now())
        found = self._differing(source, start, until, read, rejected=bool(rejects))
        repaired = len(found)
        if found:
            self._repair(found, chunks)
            found = self._differing(source, start, until, read, rejected=bool(rejects))
        certificate = self._certificate(source, found, repaired - len(found), len(days - read))
        return certificate, source

    def _differing(
        self, source: Tallies, start: datetime, end: datetime, days: set[str] | None, *, rejected: bool
    ) -> list[Difference]:
        warehouse = self._known(start, end, days)
        self._check_not_empty(source, warehouse)
        found = compare.differences(self._stream, source, warehouse)
        if found and rejected:
            return compare.differences(self._stream, source, self._known(start, end, days, self._job))
        return found

    def _known(self, start: datetime, end: datetime, days: set[str] | None, rejected_by: str = "") -> Tallies:
        found = self._warehouse.tallies(self._stream, start, end, rejected_by)
        return found if days is None else {place: tally for place, tally in found.items() if place[1] in days}

    def _repair(self, found: list[Difference], chunks: list[Chunk]) -> None:
        days = {difference.day for difference in found}
        wanted = [chunk for chunk in chunks if days & rules.days_of(chunk.part)]
        lines, gone = (b"".join(found) for found in zip(*((chunk.lines, chunk.gone) for chunk in wanted), strict=True))
        if lines:
            self._warehouse.replace(self._stream, lines)
        if gone:
            self._warehouse.remove(self._stream, gone)

    def _check_not_empty(self, source: Tallies, warehouse: Tallies) -> None:
        there = compare.total(warehouse).count
        if there and not compare.total(source).count:
            raise SuddenlyEmpty(
                f"{self._stream.name}: the source has nothing where {there} rows are known. Nothing was deleted. "
                "Look at the source; docs/square.md says what to do if it is right."
            )

    def _certificate(
        self, source: Tallies, found: Iterable[Difference], repaired: int = 0, uncertified: int = 0
    ) -> Certificate:
        return compare.certificate(self._stream, self._clock.now(), source, tuple(found), repaired, uncertified)


def _read_everywhere(chunks: Iterable[Chunk], locations: int) -> set[str]:
    """The days that were read at all locations: the time may have been over in between."""
    times: dict[str, int] = {}
    for chunk in chunks:
        for day in rules.days_of(chunk.part):
            times[day] = times.get(day, 0) + 1
    return {day for day, count in times.items() if count == locations}
