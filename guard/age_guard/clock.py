"""The two clocks the guard reads, in one object so that tests can move them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Clock:
    """``monotonic`` in seconds measures waiting and the cache; ``wall``, timezone-aware, is held against
    ``expiresAt``."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], datetime] = _utc_now


SYSTEM_CLOCK = Clock()
