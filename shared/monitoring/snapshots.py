"""What is known of something that nobody may wait for: looked up behind, by one thread, while the last is served."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from shared.platform.clock import Clock

# A look-up that takes longer is as good as none.
LATE_SECONDS = 60.0

log = logging.getLogger(__name__)
Seen = TypeVar("Seen")


class Snapshot(Generic[Seen]):
    """`latest()` answers at once; what is older than `fresh_seconds` is looked up anew meanwhile.

    Failure policy: a look-up that fails, or hangs, leaves the last snapshot, which `failing` then says.
    """

    def __init__(self, look: Callable[[], Seen], clock: Clock, fresh_seconds: float) -> None:
        self._look = look
        self._clock = clock
        self._fresh_seconds = fresh_seconds
        self._lock = threading.Lock()
        self._running: threading.Thread | None = None
        self._seen: Seen | None = None
        self._asked = float("-inf")
        self._failed = False

    def latest(self) -> Seen | None:
        """None until there is a first one."""
        with self._lock:
            if not self._under_way and self._clock.monotonic() - self._asked >= self._fresh_seconds:
                self._asked = self._clock.monotonic()
                # A daemon: one that hangs does not hold up the end of its instance.
                self._running = threading.Thread(target=self._refresh, daemon=True, name="snapshot")
                self._running.start()
            return self._seen

    @property
    def failing(self) -> bool:
        """Whether the last look-up failed, or has been under way for too long."""
        return self._failed or (self._under_way and self._clock.monotonic() - self._asked > LATE_SECONDS)

    def settle(self, seconds: float) -> None:
        """Wait for the look-up that is under way."""
        if self._running:
            self._running.join(seconds)

    @property
    def _under_way(self) -> bool:
        return self._running is not None and self._running.is_alive()

    def _refresh(self) -> None:
        try:
            self._seen = self._look()
            self._failed = False
        except Exception as error:  # noqa: BLE001 - see the failure policy above
            self._failed = True
            log.warning("snapshot_failed", extra={"reason": type(error).__name__})
