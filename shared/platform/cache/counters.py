"""How often the cache was asked and what came of it, over all instances.

Counted in memory and added to one Firestore document: at most every 10 s for each instance, two seconds after the first
uncounted lookup at the earliest. Failure policy: what an instance has not written when it is killed is not counted.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared.platform import firestore
from shared.platform.cache.models import State
from shared.platform.clock import Clock
from shared.platform.errors import ChangedMeanwhile, Unavailable

if TYPE_CHECKING:
    from google.cloud.firestore import Client

COLLECTION, DOCUMENT = "cache_statistics", "totals"
SOON_SECONDS = 2.0
APART_SECONDS = 10.0
# A failed lookup has no state.
FIELD = {
    State.HIT: "hits",
    State.STALE: "stale",
    State.MISS: "misses",
    State.COLLAPSED: "misses",
    State.DEGRADED: "errors",
    None: "errors",
}

log = logging.getLogger(__name__)


class Counters:
    """This instance's part of the statistics."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._guard = threading.Lock()
        self._counted: Counter[str] = Counter()
        self._timer: threading.Timer | None = None
        self._written = -APART_SECONDS

    def count(self, state: State | None, seconds: float) -> None:
        with self._guard:
            self._counted[FIELD[state]] += 1
            self._counted["microseconds"] += int(seconds * 1_000_000)
            if self._timer is None:
                wait = max(SOON_SECONDS, self._written + APART_SECONDS - self._clock.monotonic())
                # An instance without a request is frozen: the timer goes on with its next one.
                self._timer = threading.Timer(wait, self.write)
                self._timer.daemon = True
                self._timer.start()

    def write(self) -> None:
        """Add what was counted. Failure policy: kept for the next time when Firestore does not answer."""
        with self._guard:
            if self._timer:
                self._timer.cancel()
            counted, self._counted, self._timer = self._counted, Counter(), None
            self._written = self._clock.monotonic()
        if not counted:
            return
        try:
            self._add(counted)
        except (Unavailable, ChangedMeanwhile) as error:
            log.warning("cache_statistics_kept", extra={"reason": str(error)})
            with self._guard:
                self._counted += counted

    def read(self) -> tuple[Mapping[str, int], datetime | None]:
        """The totals of all instances, this one's included, and since when. Raises `Unavailable`."""
        self.write()
        seen = firestore.read(self._document)
        found: dict[str, Any] = dict(seen.data) if seen else {}
        since = found.pop("since", None)
        return found, since

    def _add(self, counted: Mapping[str, int]) -> None:
        from google.cloud.firestore import Increment

        if firestore.read(self._document) is None and self._made(counted):
            return
        batch = self._client.batch()
        batch.update(self._document, {name: Increment(number) for name, number in counted.items()})
        firestore.commit(batch)

    def _made(self, counted: Mapping[str, int]) -> bool:
        """False when another instance was faster."""
        batch = self._client.batch()
        batch.create(self._document, {**counted, "since": self._clock.now()})
        try:
            firestore.commit(batch)
        except ChangedMeanwhile:
            return False
        return True

    @property
    def _document(self) -> Any:
        return self._client.collection(COLLECTION).document(DOCUMENT)
