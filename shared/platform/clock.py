"""Time, injected. Nothing else asks the operating system for it."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Real time: `now()` is an aware UTC datetime, `monotonic()` seconds that never go back."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.perf_counter()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class MovableClock(Clock):
    """Real time plus an offset kept in a file, so that every process of the local stack sees the same moved clock.

    File: `{"offsetSeconds": <float>}`; a missing file means no offset. Re-read when its mtime or inode changes.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._offset = timedelta()

    def now(self) -> datetime:
        return super().now() + self._current_offset()

    def _current_offset(self) -> timedelta:
        try:
            stat = os.stat(self._path)
        except FileNotFoundError:
            return timedelta()
        if (stat.st_mtime_ns, stat.st_ino) != self._seen:
            with open(self._path, encoding="utf-8") as file:
                self._offset = timedelta(seconds=json.load(file)["offsetSeconds"])
            self._seen = (stat.st_mtime_ns, stat.st_ino)
        return self._offset


def wire_time(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds and `Z`, as every time on the wire."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_wire_time(text: str) -> datetime:
    """The opposite of `wire_time`. Raises ValueError."""
    return datetime.fromisoformat(text)


def to_milliseconds(moment: datetime) -> datetime:
    """Cut to whole milliseconds: what is stored equals what is on the wire."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
