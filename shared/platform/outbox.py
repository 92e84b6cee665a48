"""Events leave through the outbox: written in the transaction of the state change, published after it.

An event exists if and only if its state change was committed. Publishing is tried at once; what a crash or an
unreachable Pub/Sub left behind is published by the `relay_outbox` job. Delivery is at least once.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from shared.platform import firestore
from shared.platform.clock import Clock, wire_time
from shared.platform.errors import ChangedMeanwhile, Unavailable
from shared.platform.firestore import Stored
from shared.platform.outbox_documents import Batch, Entry, Waiting, batches, packed, parcels, unpacked
from shared.platform.pubsub import Message, MessageRefused, Publisher
from shared.values import leases

if TYPE_CHECKING:
    from google.cloud.firestore import Client, DocumentReference, WriteBatch

COLLECTION = "outbox"
# Younger entries belong to a request that is probably about to publish them itself.
GRACE = timedelta(seconds=10)
PAGE = 200

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
        firestore.put(batch, self._reference(event.id), document, None)

    def add_together(self, batch: WriteBatch, events: Sequence[Outgoing]) -> None:
        """As `add`, in one document for many: a commit of hundreds of events writes, and forgets, few of them."""
        for parcel in parcels(map(_waiting, events)):
            document = {"messages": packed(parcel), "createdAt": self._clock.now()}
            firestore.put(batch, self._reference(parcel[0].id), document, None)

    def publish(self, events: Sequence[Outgoing]) -> None:
        """Publish committed events now. Failure policy: never fails the request; the relay publishes the rest.

        Not even with `ChangedMeanwhile`: the caller would decide, and commit, a second time.
        """
        sent = self._published(list(map(_waiting, events)))
        self._forget_published(sent, sent)

    def publish_together(self, commits: Sequence[Sequence[Outgoing]]) -> None:
        """As `publish`, of what each of some commits has added together."""
        cut = [parcel for events in commits for parcel in parcels(map(_waiting, events))]
        sent = set(self._published([one for parcel in cut for one in parcel]))
        whole = [parcel for parcel in cut if all(one.id in sent for one in parcel)]
        self._forget_published([parcel[0].id for parcel in whole], [one.id for parcel in whole for one in parcel])

    def _published(self, waiting: Sequence[Waiting]) -> list[str]:
        """The ids of those that are."""
        sent: list[str] = []
        try:
            for batch in batches(waiting):
                self._send(batch)
                sent += [one.id for one in batch]
        except Unavailable as error:
            log.warning("event_left_to_relay", extra={"reason": str(error), "events": [one.id for one in waiting]})
        return sent

    def _send(self, batch: Batch) -> None:
        self._publisher.publish(batch[0].topic, [one.message for one in batch])

    def _forget_published(self, documents: Sequence[str], events: Sequence[str]) -> None:
        batch = self._client.batch()
        for name in documents:
            firestore.remove(batch, self._reference(name))
        try:
            if documents:
                firestore.commit(batch)
        except (Unavailable, ChangedMeanwhile) as error:
            # They go out once more, and who gets them dedupes.
            log.warning("event_left_to_relay", extra={"reason": str(error), "events": list(events)})

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
        for page in self._left_behind():
            sent = set[str]()
            for batch in batches(one for entry in page for one in entry.waiting):
                # Each further batch would wait for the same time-out.
                if batch[0].topic in silent:
                    continue
                try:
                    self._send_accepted(batch, sent)
                except MessageRefused as error:
                    failures.append(error)
                except Unavailable as error:
                    failures.append(error)
                    silent.add(batch[0].topic)
            self._forget(page, sent)
            published += len(sent)
        if failures:
            raise failures[0]
        return published

    def _left_behind(self) -> Iterator[list[Entry]]:
        now, last = self._clock.now(), None
        while True:
            query = self._client.collection(COLLECTION).order_by("createdAt").limit(PAGE)
            with firestore.translated():
                page = list(firestore.counted((query.start_after(last) if last else query).stream()))
            if not page:
                return
            last = page[-1]
            yield _old_enough(page, now)

    def _send_accepted(self, batch: Batch, sent: set[str]) -> None:
        """Publish all that the topic takes, and add it to `sent`.

        Raises `MessageRefused`, when all others are out, if it refuses one.

        A refused batch is halved until each refused event stands alone: Pub/Sub does not say which one it was.
        """
        try:
            self._send(batch)
            sent.update(one.id for one in batch)
        except MessageRefused as error:
            if len(batch) == 1:
                refused = {"eventId": batch[0].id, "topic": batch[0].topic}
                log.error("event_refused", extra={**refused, "reason": error.sentence})
                raise
            self._send_halves(batch, sent)

    def _send_halves(self, batch: Batch, sent: set[str]) -> None:
        refused, middle = None, len(batch) // 2
        for half in (batch[:middle], batch[middle:]):
            try:
                self._send_accepted(half, sent)
            except MessageRefused as error:
                refused = error
        if refused:
            raise refused

    def _forget(self, page: Sequence[Entry], sent: set[str]) -> None:
        """What was sent; of a document with several, what was not is kept: it alone goes out again."""
        batch = self._client.batch()
        changed = [(entry, entry.without(sent)) for entry in page if entry.went(sent)]
        for entry, left in changed:
            found = entry.document
            if not left:
                firestore.remove(batch, found.reference)
            else:
                kept = {**found.to_dict(), "messages": packed(left)}
                firestore.put(batch, found.reference, kept, Stored({}, found.update_time))
        try:
            if changed:
                firestore.commit(batch)
        except ChangedMeanwhile as error:
            # Another relay forgets the same ones at this moment; if it does not, they go out once more.
            log.warning("event_left_to_relay", extra={"reason": str(error), "events": sorted(sent)})

    def _reference(self, name: str) -> DocumentReference:
        return self._client.collection(COLLECTION).document(name)


def _waiting(event: Outgoing) -> Waiting:
    return Waiting(event.topic, event.id, event.message())


def _old_enough(page: Sequence[Any], now: datetime) -> list[Entry]:
    return [unpacked(one) for one in page if not leases.younger(one.get("createdAt"), GRACE, now)]
