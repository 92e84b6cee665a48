"""The daily budget of BigQuery: bytes that queries may be billed for, counted in Firestore for all instances."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared.platform import firestore
from shared.platform.clock import Clock
from shared.platform.contention import until_unchanged
from shared.platform.errors import Contended, Unavailable
from shared.platform.ids import Ids

if TYPE_CHECKING:
    from google.cloud.firestore import Client

COLLECTION = "query_budgets"
KEPT = timedelta(days=40)
# How long an instance does without Firestore once it has not answered.
STORE_REST_SECONDS = 5.0
GIB = 1024**3

log = logging.getLogger(__name__)


class BudgetSpent(Unavailable):
    code = "budget_spent"


class Budget:
    """`limit` in bytes a day (UTC). Failure policy: without Firestore the limit holds for each instance alone."""

    def __init__(self, client: Client, clock: Clock, ids: Ids, limit: int) -> None:
        self._client = client
        self._clock = clock
        self._ids = ids
        self._limit = limit
        self._guard = threading.Lock()
        self._spent_here: Counter[str] = Counter()
        self._store_rests_until = float("-inf")

    def spend(self, wanted: int) -> None:
        """Take `wanted` bytes of today's. Raises `BudgetSpent` when there are not so many left; nothing is taken."""
        day = self._clock.now().date().isoformat()
        if self._clock.monotonic() >= self._store_rests_until and self._spent_for_all(day, wanted):
            with self._guard:
                self._spent_here[day] += wanted
            return
        with self._guard:
            self._check(self._spent_here[day], wanted)
            self._spent_here[day] += wanted

    def _spent_for_all(self, day: str, wanted: int) -> bool:
        """False when Firestore does not answer."""
        try:
            until_unchanged(lambda: self._take(day, wanted), self._clock, self._ids)
        except (BudgetSpent, Contended):
            raise
        except Unavailable as error:
            self._store_rests_until = self._clock.monotonic() + STORE_REST_SECONDS
            log.warning("budget_without_store", extra={"reason": error.sentence})
            return False
        return True

    def _take(self, day: str, wanted: int) -> None:
        seen = firestore.read(self._document(day))
        spent = int(seen.data["bytes"]) if seen else 0
        self._check(spent, wanted)
        batch = self._client.batch()
        data = {"bytes": spent + wanted, "expireAt": self._clock.now() + KEPT}
        firestore.put(batch, self._document(day), data, seen)
        firestore.commit(batch)

    def _check(self, spent: int, wanted: int) -> None:
        if spent + wanted > self._limit:
            log.error("budget_spent", extra={"spentBytes": spent, "wantedBytes": wanted, "limitBytes": self._limit})
            raise BudgetSpent(
                f"Today's BigQuery budget of {self._limit / GIB:.1f} GiB is used up until midnight UTC. Raise "
                "BIGQUERY_DAILY_BYTES, or wait."
            )

    def _document(self, day: str) -> Any:
        return self._client.collection(COLLECTION).document(day)
