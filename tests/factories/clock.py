"""A clock that a test moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from shared.platform.clock import Clock


class TestClock(Clock):
    """Stands at noon in Texas on 1 July 2026 until it is moved."""

    __test__ = False

    def __init__(self, at: datetime = datetime(2026, 7, 1, 17, tzinfo=UTC)) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def advance(self, **length: float) -> None:
        self.at += timedelta(**length)
