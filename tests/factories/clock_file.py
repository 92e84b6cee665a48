"""The file that moves the clock of functions in this process and in others (CLOCK_FILE)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path


@dataclass
class ClockFile:
    """Real time plus an offset; name `path` in CLOCK_FILE before the function starts."""

    path: Path
    offset: timedelta = timedelta()

    def advance(self, **length: float) -> None:
        self.offset += timedelta(**length)
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps({"offsetSeconds": self.offset.total_seconds()}))
        fresh.replace(self.path)
