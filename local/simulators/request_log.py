"""What was asked of a simulator: counts by status and path, and the fastest second."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from typing import Any


class RequestLog:
    """Counts requests to the provider's API; calls to the control API do not count."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        with self._lock:
            self._by_status: Counter[str] = Counter()
            self._by_path: Counter[str] = Counter()
            self._recent: deque[float] = deque()
            self._most_in_a_second = 0
            self._under_way = 0
            self._most_at_once = 0

    def began(self) -> None:
        with self._lock:
            now = time.monotonic()
            self._recent.append(now)
            while self._recent[0] <= now - 1:
                self._recent.popleft()
            self._most_in_a_second = max(self._most_in_a_second, len(self._recent))
            self._under_way += 1
            self._most_at_once = max(self._most_at_once, self._under_way)

    def ended(self, path: str, status: str) -> None:
        with self._lock:
            self._by_status[status] += 1
            self._by_path[path] += 1
            self._under_way = max(0, self._under_way - 1)

    def report(self) -> dict[str, Any]:
        """`perSecondMax` is the highest count in any sliding second, `parallelMax` the most under way at once."""
        with self._lock:
            return {
                "total": sum(self._by_status.values()),
                "byStatus": dict(self._by_status),
                "byPath": dict(self._by_path),
                "perSecondMax": self._most_in_a_second,
                "parallelMax": self._most_at_once,
            }
