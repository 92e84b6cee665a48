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
from typing import TYPE_CHECKING, Any, Protocol

from shared.platform import firestore
from shared.platform.clock import Clock, wire_time
from shared.platform.errors import ChangedMeanwhile, Unavailable
from shared.platform.pubsub import Message, MessageRefused, Publisher
from shared.values import leases

if TYPE_CHECKING:
    from google.cloud.firestore import Client, WriteBatch

COLLECTION = "outbox"
# Younger entries belong to a request that is probably about to publish them itself.
GRACE = timedelta(seconds=10)
PAGE = 200

# Event ids with their messages, all of one topic and one ordering key.
Batch = Sequence[tuple[str, Message]]

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Event:
    """What happened. `data` holds camelCase names and JSON values, and nothing personal.

    Its shape is that of the topic's schema, `infra/topics/<topic>.proto`. `ordering_key`: see `Message`.
    """

    id: str
    type: str
    topic: str
    occurred_at: datetime
    request_id: str
    customer_hash: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    ordering_key: str = ""

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
        return Message(json.dumps(envelope, ensure_ascii=False, separators=(",", ":")), attributes, self.ordering_key)


class Outgoing(Protocol):
    """What may leave through the outbox: an `Event`, or a command. `id` is its document's name."""

    @property
    def id(self) -> str: ...

    @property
    def topic(self) -> str: ...

    def message(self) -> Message: ...


class Outbox:
    """The `outbox/{eventId}` collection and the publisher behind it."""

    def __init__(self, client: Client, publisher: Publisher, clock: Clock) -> None:
        self._client = client
        self._publisher = publisher
        self._clock = clock

    def add(self, batch: WriteBatch, event: Outgoing) -> None:
        """Write the event in the caller's batch: it is committed with the state change or not at all."""
        message = event.message()
        document = {
            "topic": event.topic,
            "data": message.data,
            "attributes": message.attributes,
            "orderingKey": message.ordering_key,
            "createdAt": self._clock.now(),
        }
        firestore.put(batch, self._client.collection(COLLECTION).document(event.id), document, None)

    def publish(self, events: Sequence[Outgoing]) -> None:
        """Publish committed events now. Failure policy: never fails the request; the relay publishes the rest.

        Not even with `ChangedMeanwhile`: the caller would decide, and commit, a second time.
        """
        sent: list[str] = []
        try:
            for topic, batch in _batches((event.topic, event.id, event.message()) for event in events):
                self._publisher.publish(topic, [message for _, message in batch])
                sent += [event_id for event_id, _ in batch]
        except Unavailable as error:
            log.warning("event_left_to_relay", extra={"reason": str(error), "events": [e.id for e in events]})
        try:
            self._forget(sent)
        except (Unavailable, ChangedMeanwhile) as error:
            # They go out once more, and who gets them dedupes.
            log.warning("event_left_to_relay", extra={"reason": str(error), "events": sent})

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

        Safe to run twice at once: a message may then go out twice, and consumers dedupe by event id. Neither a topic
        that does not answer nor an event that its topic refuses holds up the others: it stays, and the failure is
        raised at the end.
        """
        published, failures, silent = 0, list[Unavailable](), set[str]()
        for topic, batch in self._left_behind():
            # Each further batch would wait for the same time-out.
            if topic in silent:
                continue
            try:
                self._send_accepted(topic, batch)
                published += len(batch)
            except MessageRefused as error:
                failures.append(error)
            except Unavailable as error:
                failures.append(error)
                silent.add(topic)
        if failures:
            raise failures[0]
        return published

    def _left_behind(self) -> Iterator[tuple[str, Batch]]:
        now, last = self._clock.now(), None
        while True:
            query = self._client.collection(COLLECTION).order_by("createdAt").limit(PAGE)
            with firestore.translated():
                page = list(firestore.counted((query.start_after(last) if last else query).stream()))
            if not page:
                return
            last = page[-1]
            yield from _batches(_old_enough(page, now))

    def _send_accepted(self, topic: str, batch: Batch) -> None:
        """Publish all that the topic takes. Raises `MessageRefused`, when all others are out, if it refuses one.

        A refused batch is halved until each refused event stands alone: Pub/Sub does not say which one it was.
        """
        try:
            self._send(topic, batch)
        except MessageRefused as error:
            if len(batch) == 1:
                log.error("event_refused", extra={"eventId": batch[0][0], "topic": topic, "reason": error.sentence})
                raise
            self._send_halves(topic, batch)

    def _send_halves(self, topic: str, batch: Batch) -> None:
        refused, middle = None, len(batch) // 2
        for half in (batch[:middle], batch[middle:]):
            try:
                self._send_accepted(topic, half)
            except MessageRefused as error:
                refused = error
        if refused:
            raise refused

    def _send(self, topic: str, batch: Batch) -> None:
        self._publisher.publish(topic, [message for _, message in batch])
        try:
            self._forget([event_id for event_id, _ in batch])
        except ChangedMeanwhile as error:
            # Another relay forgets the same ones at this moment; if it does not, they go out once more.
            log.warning("event_left_to_relay", extra={"reason": str(error), "events": [name for name, _ in batch]})

    def _forget(self, event_ids: Sequence[str]) -> None:
        if not event_ids:
            return
        written = self._client.batch()
        for event_id in event_ids:
            firestore.remove(written, self._client.collection(COLLECTION).document(event_id))
        firestore.commit(written)


def _batches(entries: Iterable[tuple[str, str, Message]]) -> Iterable[tuple[str, Batch]]:
    """(topic, event id, message) by topic and ordering key: Pub/Sub takes messages of one key in a call."""
    found: dict[tuple[str, str], list[tuple[str, Message]]] = defaultdict(list)
    for topic, event_id, message in entries:
        found[topic, message.ordering_key].append((event_id, message))
    return [(topic, batch) for (topic, _), batch in found.items()]


def _old_enough(page: Sequence[Any], now: datetime) -> Iterator[tuple[str, str, Message]]:
    for document in page:
        entry = document.to_dict() or {}
        if not leases.younger(entry["createdAt"], GRACE, now):
            # Entries written before there were ordering keys have none.
            message = Message(entry["data"], entry["attributes"], entry.get("orderingKey", ""))
            yield entry["topic"], document.id, message
