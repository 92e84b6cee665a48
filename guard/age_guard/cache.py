"""Remembers for a short while who may order. Refusals are never remembered: a customer who has just verified
must not be told to verify."""

import hashlib
import threading
from collections import OrderedDict

from age_guard.clock import Clock
from age_guard.verified import VerifiedAge

Key = tuple[str, str]


def cache_key(customer_id: str, authorization: str | None) -> Key:
    """Bound to the caller's credentials, so that nobody gets an answer the service would not have given them.
    Hashed, because a token has no business in a long-lived dictionary."""
    return customer_id, hashlib.sha256((authorization or "").encode()).hexdigest()


class PositiveCache:
    """At most ``max_entries`` verifications, each for ``seconds`` and never past its ``expires_at``.
    Thread-safe; 0 seconds or 0 entries keep nothing."""

    def __init__(self, seconds: float, max_entries: int, clock: Clock) -> None:
        self._seconds = seconds
        self._max_entries = max_entries
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: OrderedDict[Key, tuple[VerifiedAge, float]] = OrderedDict()

    def get(self, key: Key) -> VerifiedAge | None:
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            verified, asked_at = entry
            if self._is_fresh(verified, asked_at):
                self._entries.move_to_end(key)
                return verified
            del self._entries[key]
            return None

    def put(self, key: Key, verified: VerifiedAge, asked_at: float) -> None:
        """``asked_at``: monotonic time before the service was asked, so that slow answers are not kept
        longer."""
        if not self._is_fresh(verified, asked_at):
            return
        with self._lock:
            self._entries[key] = verified, asked_at
            self._entries.move_to_end(key)
            while len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)

    def _is_fresh(self, verified: VerifiedAge, asked_at: float) -> bool:
        age = self._clock.monotonic() - asked_at
        return 0 <= age < self._seconds and self._clock.wall() < verified.expires_at
