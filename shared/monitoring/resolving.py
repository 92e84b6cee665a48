"""What becomes of parked messages: published again or thrown away, each once, on an operator's order."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.monitoring import events
from shared.monitoring.dead_letters import COLLECTION, PARKED, REPLAYED, DeadLetters, Parked
from shared.monitoring.letters import keyring, opened
from shared.platform import firestore
from shared.platform.context import Platform
from shared.platform.crypto import Undecryptable
from shared.platform.errors import ChangedMeanwhile, Unavailable
from shared.platform.pubsub import MessageRefused

# What is left of one that was resolved.
KEPT = timedelta(days=90)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Order:
    """What somebody wants done: with these, or with all that a function, or (neither) anybody has given up by then."""

    id: str
    action: str
    ids: tuple[str, ...]
    function: str
    until: datetime

    def means(self, letter: Parked) -> bool:
        if self.ids:
            return letter.id in self.ids
        return self.function in ("", letter.function) and letter.parked_at <= self.until


class Resolver:
    """Opens what is sealed."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def carry_out(self, order: Order) -> int:
        """Publish again, or throw away, what an order means; how many.

        One that its topic refuses, or that cannot be opened, stays. Neither it nor a topic that does not answer holds
        up any other: that is raised, as `Unavailable`, at the end.
        """
        resolved, failures = 0, list[Unavailable]()
        for letter in DeadLetters(self._platform).parked():
            if order.means(letter):
                try:
                    resolved += self._resolve(letter, order)
                except Unavailable as error:
                    failures.append(error)
        if failures:
            raise failures[0]
        return resolved

    def _resolve(self, letter: Parked, order: Order) -> bool:
        seen = firestore.read(self._document(letter.id))
        if seen is None or seen.data["state"] != PARKED:
            return False
        if order.action == REPLAYED and not self._published(letter, seen):
            return False
        # A crash before this commit: it is published once more, and whoever gets it dedupes.
        return self._mark(letter, order, seen)

    def _published(self, letter: Parked, seen: firestore.Stored) -> bool:
        try:
            kept = opened(
                letter.id, seen.data["keyId"], seen.data["sealed"], letter.published_at, keyring(self._platform)
            )
            self._platform.publisher.publish(letter.topic, [kept.message()])
        except (MessageRefused, Undecryptable) as error:
            log.error("dead_letter_stays", extra={"letter": letter.id, "reason": type(error).__name__})
            return False
        return True

    def _mark(self, letter: Parked, order: Order, seen: firestore.Stored) -> bool:
        now = self._platform.clock.now()
        told = events.resolved(self._platform.ids.new("evt"), now, order.id, letter.function, order.action)
        left = {name: value for name, value in seen.data.items() if name not in ("sealed", "keyId")}
        batch = self._platform.firestore.batch()
        resolved = {**left, "state": order.action, "resolvedAt": now, "order": order.id, "expireAt": now + KEPT}
        firestore.put(batch, self._document(letter.id), resolved, seen)
        self._platform.outbox.add(batch, told)
        try:
            firestore.commit(batch)
        except ChangedMeanwhile:
            # Somebody else has resolved it at the same moment.
            return False
        self._platform.outbox.publish([told])
        return True

    def _document(self, letter_id: str) -> Any:
        return self._platform.firestore.collection(COLLECTION).document(letter_id)
