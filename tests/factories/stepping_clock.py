"""A clock whose monotonic time is moved by the test as well; whoever sleeps on it moves it."""

from __future__ import annotations

from tests.factories.clock import TestClock


class SteppingClock(TestClock):
    """`advance` moves `now()` and `monotonic()` alike."""

    def monotonic(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.advance(seconds=seconds)
