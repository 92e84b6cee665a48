"""The file that moves the clock of functions in this process and in others (CLOCK_FILE)."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shared.platform.clock import MovableClock


@dataclass
class ClockFile:
    """Real time plus an offset; name `path` in CLOCK_FILE before the function starts."""

    path: Path
    offset: timedelta = timedelta()

    def stand_at(self, moment: datetime) -> None:
        """It goes on from there."""
        self.offset = moment - datetime.now(UTC)
        self.advance()

    def advance(self, **length: float) -> None:
        self.offset += timedelta(**length)
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps({"offsetSeconds": self.offset.total_seconds()}))
        fresh.replace(self.path)


class HurriedClock(MovableClock):
    """Who pauses does not wait: the clock goes on by that length, for every process that looks at the file."""

    def __init__(self, file: ClockFile) -> None:
        super().__init__(str(file.path))
        self._file = file
        self._skipped = 0.0
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        return super().monotonic() + self._skipped

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._file.advance(seconds=seconds)
            self._skipped += seconds
