"""What a cached view is loaded from, when a test wants to count its loads and to break it."""

from __future__ import annotations

import json
import threading
from datetime import datetime
from typing import Any

from shared.platform.cache.models import Params, Version, View
from shared.platform.clock import Clock
from shared.platform.context import Platform
from shared.platform.errors import Unavailable

SENTENCE = "The source is down."
WAITS_SECONDS = 30.0


class Source:
    """Gives `{"load": 1}`, then `{"load": 2}`: the number of each load, failed ones too. `at`: when each began.

    `down`: loads raise `Unavailable`. `error`: they raise this. `hold`: they wait until it is set. `version` None: not
    known. `text` is part of what it gives.
    """

    def __init__(self, clock: Clock) -> None:
        self.at: list[datetime] = []
        self.version: str | None = None
        self.mode = "live"
        self.down = False
        self.error: Exception | None = None
        self.hold: threading.Event | None = None
        self.text = ""
        self._clock = clock
        self._guard = threading.Lock()

    @property
    def loads(self) -> int:
        return len(self.at)

    def view(self, **changes: Any) -> View:
        return View(**{"name": "of_a_test", "load": self._load, "version": self._version, **changes})

    def _version(self, platform: Platform, params: Params) -> Version:
        return Version(self.version, self.mode)

    def _load(self, platform: Platform, params: Params) -> bytes:
        with self._guard:
            self.at.append(self._clock.now())
            number, hold = self.loads, self.hold
        if hold:
            assert hold.wait(WAITS_SECONDS)
        if self.error:
            raise self.error
        if self.down:
            raise Unavailable(SENTENCE)
        return json.dumps({"load": number, "text": self.text}).encode()


def load_of(value: bytes) -> int:
    """Which load a value comes from."""
    return int(json.loads(value)["load"])
