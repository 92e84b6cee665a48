"""A clock whose monotonic time is moved by the test as well; whoever sleeps on it moves it."""

from __future__ import annotations

import threading

from tests.factories.clock import TestClock


class SteppingClock(TestClock):
    """`advance` moves `now()` and `monotonic()` alike, and for threads at once never back."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def advance(self, **length: float) -> None:
        with self._lock:
            super().advance(**length)

    def monotonic(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.advance(seconds=seconds)
