"""Reading slices of a stream side by side: what comes out is deduplicated, counted and ready to be loaded."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace

from shared.platform.errors import SourceUnavailable
from shared.pos import compare
from shared.pos.errors import CursorExpired
from shared.pos.models import Page, Place, Reject, Slice, Stream, Tallies
from shared.pos.ports import Source
from shared.pos.warehouse import encoded

# A cursor lives for minutes and a slice is read in seconds: who needs more than this is up against something else.
RESTARTS = 5
HEARTBEAT_SECONDS = 20.0


@dataclass(frozen=True)
class Chunk:
    """All rows of a slice. `lines` are encoded for loading; `first` and `last` bound their `created_at`.

    `gone` likewise: rows that must not be in the table. They are in `places`, and in nothing else that is counted.
    """

    part: Slice
    lines: bytes = b""
    gone: bytes = b""
    rows: int = 0
    tallies: Tallies = field(default_factory=dict)
    places: frozenset[Place] = frozenset()
    first: str = ""
    last: str = ""
    rejects: tuple[Reject, ...] = ()
    pages: int = 0
    retries: int = 0


class Reader:
    """Reads from one source, `parallel` slices at once. `windows` of one run share it.

    None of them has more slices under way than its share and one: what is read waits in memory until it is loaded.
    """

    def __init__(self, source: Source, parallel: int, windows: int = 1) -> None:
        self._source = source
        self._under_way = 1 + math.ceil(parallel / windows)
        self._pool = ThreadPoolExecutor(parallel, thread_name_prefix="reader")

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def each(self, stream: Stream, parts: Iterable[Slice], go_on: Callable[[], bool] = lambda: True) -> Iterator[Chunk]:
        """The slices as they are read, in any order; none is begun after `go_on` has said no.

        `go_on` is asked at least every HEARTBEAT_SECONDS. The first failure ends it, when what was read has come out.
        """
        waiting, running, failure = iter(parts), set[Future[Chunk]](), None
        while True:
            while failure is None and len(running) < self._under_way and go_on() and (part := next(waiting, None)):
                running.add(self._pool.submit(self.chunk, stream, part))
            if not running:
                break
            finished, running = wait(running, timeout=HEARTBEAT_SECONDS, return_when=FIRST_COMPLETED)
            go_on()
            for future in finished:
                error = future.exception()
                if error is None:
                    yield future.result()
                failure = failure or error
        if failure is not None:
            raise failure

    def chunk(self, stream: Stream, part: Slice) -> Chunk:
        """One slice of a dated stream."""
        return _whole(stream, part, lambda: self._source.read(stream, part))

    def changed(self, stream: Stream, part: Slice) -> Chunk:
        """What changed of a stream that is not dated."""
        return _whole(stream, part, lambda: self._source.changed(stream, part))

    def listed(self, stream: Stream, part: Slice) -> Chunk:
        """All of a stream that is not dated; `part` only names it."""
        return _whole(stream, part, lambda: self._source.listed(stream))


def _whole(stream: Stream, part: Slice, pages: Callable[[], Iterator[Page]]) -> Chunk:
    """Failure policy: a forgotten cursor means from the beginning, since nothing of it was kept anywhere."""
    for _ in range(RESTARTS + 1):
        with suppress(CursorExpired):
            return chunk_of(stream, part, pages())
    raise SourceUnavailable(f"The pages of {stream.name} expired {RESTARTS + 1} times while they were read.")


def chunk_of(stream: Stream, part: Slice, pages: Iterable[Page]) -> Chunk:
    """The pages' records, each in its newest version.

    A row is kept as the line that will be loaded, a third of the memory that it takes as a dict.
    """
    kept: dict[tuple[str, ...], tuple[str, bytes, bool]] = {}
    rejects: list[Reject] = []
    count = retries = 0
    for page in pages:
        for rows, gone in ((page.rows, False), (page.gone, True)):
            for row in rows:
                key = compare.key_of(row, stream)
                if key not in kept or row["updated_at"] >= kept[key][0]:
                    kept[key] = (row["updated_at"], encoded([row]), gone)
        rejects += page.rejects
        count, retries = count + 1, retries + page.retries
    lines = [line for _, line, gone in kept.values() if not gone]
    removed = [line for _, line, gone in kept.values() if gone]
    chunk = Chunk(part=part, rejects=tuple(rejects), pages=count, retries=retries)
    return _summed(stream, part, lines, removed, chunk)


def _summed(stream: Stream, part: Slice, lines: list[bytes], gone: list[bytes], chunk: Chunk) -> Chunk:
    tallies: Tallies = {}
    places: set[Place] = set()
    first, last = "~", ""  # after and before every time
    start, end = compare.stamp(part.start), compare.stamp(part.end)
    for line in lines:
        row = json.loads(line)
        compare.count(tallies, row, stream, start, end)
        places.add(compare.place_of(row, stream))
        first, last = min(first, row["created_at"]), max(last, row["created_at"])
    for line in gone:
        places.add(compare.place_of(json.loads(line), stream))
    return replace(
        chunk,
        lines=b"".join(lines),
        gone=b"".join(gone),
        rows=len(lines),
        tallies=tallies,
        places=frozenset(places),
        first=first if lines else "",
        last=last,
    )
