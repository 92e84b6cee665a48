"""Events leave through the outbox: written in the transaction of the state change, published after it.

An event exists if and only if its state change was committed. Publishing is tried at once; what a crash or an
unreachable Pub/Sub left behind is published by the `relay_outbox` job. Delivery is at least once.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.platform import firestore
from shared.platform.clock import Clock, wire_time
from shared.platform.errors import ChangedMeanwhile, Unavailable
from shared.platform.pubsub import Message, Publisher

if TYPE_CHECKING:
    from google.cloud.firestore import Client, WriteBatch

COLLECTION = "outbox"
# Younger entries belong to a request that is probably about to publish them itself.
GRACE = timedelta(seconds=10)
PAGE = 200

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Event:
    """What happened. `data` holds camelCase names and JSON values, and nothing personal."""

    id: str
    type: str
    topic: str
    occurred_at: datetime
    request_id: str
    customer_hash: str = ""
    data: dict[str, Any] = field(default_factory=dict)

    def message(self) -> Message:
        occurred_at = wire_time(self.occurred_at)
        envelope = {
            "eventId": self.id,
            "type": self.type,
            "occurredAt": occurred_at,
            "customerHash": self.customer_hash,
            "requestId": self.request_id,
            "data": self.data,
        }
        attributes = {
            "type": self.type,
            "eventId": self.id,
            "customerHash": self.customer_hash,
            "occurredAt": occurred_at,
        }
        return Message(json.dumps(envelope, ensure_ascii=False, separators=(",", ":")), attributes)


class Outbox:
    """The `outbox/{eventId}` collection and the publisher behind it."""

    def __init__(self, client: Client, publisher: Publisher, clock: Clock) -> None:
        self._client = client
        self._publisher = publisher
        self._clock = clock

    def add(self, batch: WriteBatch, event: Event) -> None:
        """Write the event in the caller's batch: it is committed with the state change or not at all."""
        message = event.message()
        document = {
            "topic": event.topic,
            "data": message.data,
            "attributes": message.attributes,
            "createdAt": self._clock.now(),
        }
        batch.create(self._client.collection(COLLECTION).document(event.id), document)

    def publish(self, events: Sequence[Event]) -> None:
        """Publish committed events now. Failure policy: never fails the request; the relay publishes the rest.

        Not even with `ChangedMeanwhile`: the caller would decide, and commit, a second time.
        """
        try:
            self._send({event.id: (event.topic, event.message()) for event in events})
        except (Unavailable, ChangedMeanwhile) as error:
            log.warning("event_left_to_relay", extra={"reason": str(error), "events": [e.id for e in events]})

    def announce(self, event: Event) -> None:
        """An event without a state change: straight to Pub/Sub, and into the outbox only when that fails."""
        try:
            self._publisher.publish(event.topic, [event.message()])
        except Unavailable as error:
            log.warning("event_left_to_relay", extra={"reason": error.sentence, "events": [event.id]})
            batch = self._client.batch()
            self.add(batch, event)
            firestore.commit(batch)

    def relay(self) -> int:
        """Publish everything that was left behind; the number of events published. Raises `Unavailable`.

        Safe to run twice at once: a message may then go out twice, and consumers dedupe by event id. A topic that
        does not answer does not hold up the others: its events stay, and the failure is raised at the end.
        """
        published, failures = 0, []
        for topic, left in self._left_behind():
            try:
                self._send({event_id: (topic, message) for event_id, message in left.items()})
                published += len(left)
            except Unavailable as error:
                failures.append(error)
        if failures:
            raise failures[0]
        return published

    def _left_behind(self) -> Iterator[tuple[str, dict[str, Message]]]:
        now, last = self._clock.now(), None
        while True:
            query = self._client.collection(COLLECTION).order_by("createdAt").limit(PAGE)
            with firestore.translated():
                page = list((query.start_after(last) if last else query).stream())
            if not page:
                return
            last = page[-1]
            yield from _by_topic(page, now)

    def _send(self, messages: dict[str, tuple[str, Message]]) -> None:
        by_topic: dict[str, list[Message]] = defaultdict(list)
        for topic, message in messages.values():
            by_topic[topic].append(message)
        for topic, batch in by_topic.items():
            self._publisher.publish(topic, batch)
        self._forget(messages)

    def _forget(self, event_ids: Iterable[str]) -> None:
        batch = self._client.batch()
        for event_id in event_ids:
            batch.delete(self._client.collection(COLLECTION).document(event_id))
        firestore.commit(batch)


def _by_topic(page: Sequence[Any], now: datetime) -> Iterable[tuple[str, dict[str, Message]]]:
    found: dict[str, dict[str, Message]] = defaultdict(dict)
    for document in page:
        entry = document.to_dict() or {}
        # A clock that was moved back leaves entries from the future: they are left behind as well.
        if not now - GRACE < entry["createdAt"] <= now:
            found[entry["topic"]][document.id] = Message(entry["data"], entry["attributes"])
    return found.items()
