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
from shared.platform.firestore import Stored
from shared.platform.pubsub import Message, MessageRefused, Publisher
from shared.values import leases

if TYPE_CHECKING:
    from google.cloud.firestore import Client, DocumentReference, WriteBatch

COLLECTION = "outbox"
# Younger entries belong to a request that is probably about to publish them itself.
GRACE = timedelta(seconds=10)
PAGE = 200
# Of what is written together: a page of them fits into the relay's memory.
MOST_BYTES = 100_000
# Pub/Sub takes 1,000, and 10 MB, in a call.
MOST_MESSAGES = 500

# Event ids with their messages, all of one topic and one ordering key.
Batch = Sequence[tuple[str, Message]]
# Topic, event id, message.
Waiting = tuple[str, str, Message]

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


@dataclass(frozen=True)
class _Entry:
    """A document, and what is to be published of it: one event, or those of a commit that were added together."""

    document: Any
    waiting: Sequence[Waiting]

    def without(self, sent: set[str]) -> list[Waiting]:
        return [one for one in self.waiting if one[1] not in sent]

    def went(self, sent: set[str]) -> bool:
        """Whether something of it was sent."""
        return len(self.without(sent)) < len(self.waiting)


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
        for parcel in _parcels(events):
            document = {"messages": _packed(map(_waiting, parcel)), "createdAt": self._clock.now()}
            firestore.put(batch, self._reference(parcel[0].id), document, None)

    def publish(self, events: Sequence[Outgoing]) -> None:
        """Publish committed events now. Failure policy: never fails the request; the relay publishes the rest.

        Not even with `ChangedMeanwhile`: the caller would decide, and commit, a second time.
        """
        sent = self._published(events)
        self._forget_published(sent, sent)

    def publish_together(self, commits: Sequence[Sequence[Outgoing]]) -> None:
        """As `publish`, of what each of some commits has added together."""
        sent = set(self._published([event for events in commits for event in events]))
        parcels = [parcel for events in commits for parcel in _parcels(events)]
        whole = [parcel for parcel in parcels if all(event.id in sent for event in parcel)]
        self._forget_published([parcel[0].id for parcel in whole], [event.id for parcel in whole for event in parcel])

    def _published(self, events: Sequence[Outgoing]) -> list[str]:
        """The ids of those that are."""
        sent: list[str] = []
        try:
            for topic, batch in _batches(map(_waiting, events)):
                self._publisher.publish(topic, [message for _, message in batch])
                sent += [event_id for event_id, _ in batch]
        except Unavailable as error:
            log.warning("event_left_to_relay", extra={"reason": str(error), "events": [e.id for e in events]})
        return sent

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
            for topic, batch in _batches(one for entry in page for one in entry.waiting):
                # Each further batch would wait for the same time-out.
                if topic in silent:
                    continue
                try:
                    self._send_accepted(topic, batch, sent)
                except MessageRefused as error:
                    failures.append(error)
                except Unavailable as error:
                    failures.append(error)
                    silent.add(topic)
            self._forget(page, sent)
            published += len(sent)
        if failures:
            raise failures[0]
        return published

    def _left_behind(self) -> Iterator[list[_Entry]]:
        now, last = self._clock.now(), None
        while True:
            query = self._client.collection(COLLECTION).order_by("createdAt").limit(PAGE)
            with firestore.translated():
                page = list(firestore.counted((query.start_after(last) if last else query).stream()))
            if not page:
                return
            last = page[-1]
            yield _old_enough(page, now)

    def _send_accepted(self, topic: str, batch: Batch, sent: set[str]) -> None:
        """Publish all that the topic takes, and add it to `sent`.

        Raises `MessageRefused`, when all others are out, if it refuses one.

        A refused batch is halved until each refused event stands alone: Pub/Sub does not say which one it was.
        """
        try:
            self._publisher.publish(topic, [message for _, message in batch])
            sent.update(event_id for event_id, _ in batch)
        except MessageRefused as error:
            if len(batch) == 1:
                log.error("event_refused", extra={"eventId": batch[0][0], "topic": topic, "reason": error.sentence})
                raise
            self._send_halves(topic, batch, sent)

    def _send_halves(self, topic: str, batch: Batch, sent: set[str]) -> None:
        refused, middle = None, len(batch) // 2
        for half in (batch[:middle], batch[middle:]):
            try:
                self._send_accepted(topic, half, sent)
            except MessageRefused as error:
                refused = error
        if refused:
            raise refused

    def _forget(self, page: Sequence[_Entry], sent: set[str]) -> None:
        """What was sent; of a document with several, what was not is kept: it alone goes out again."""
        batch = self._client.batch()
        changed = [(entry, entry.without(sent)) for entry in page if entry.went(sent)]
        for entry, left in changed:
            found = entry.document
            if not left:
                firestore.remove(batch, found.reference)
            else:
                kept = {**found.to_dict(), "messages": _packed(left)}
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
    return event.topic, event.id, event.message()


def _parcels(events: Sequence[Outgoing]) -> Iterator[Sequence[Outgoing]]:
    """Cut so that each is a document of its own. The same events are always cut alike."""
    parcel: list[Outgoing] = []
    size = 0
    for event in events:
        data = event.message().data
        if parcel and size + len(data) > MOST_BYTES:
            yield parcel
            parcel, size = [], 0
        parcel.append(event)
        size += len(data)
    if parcel:
        yield parcel


def _packed(waiting: Iterable[Waiting]) -> str:
    """As text: Firestore would take each attribute of each message for a field."""
    return json.dumps(
        [
            {"id": event_id, "topic": topic, "data": m.data, "attributes": m.attributes, "orderingKey": m.ordering_key}
            for topic, event_id, m in waiting
        ],
        ensure_ascii=False,
        separators=(",", ":"),
    )


def _unpacked(document: Any) -> list[Waiting]:
    entry = document.to_dict() or {}
    if "messages" not in entry:
        # Entries written before there were ordering keys have none.
        message = Message(entry["data"], entry["attributes"], entry.get("orderingKey", ""))
        return [(entry["topic"], document.id, message)]
    return [
        (one["topic"], one["id"], Message(one["data"], one["attributes"], one["orderingKey"]))
        for one in json.loads(entry["messages"])
    ]


def _batches(entries: Iterable[Waiting]) -> Iterable[tuple[str, Batch]]:
    """By topic and ordering key: Pub/Sub takes messages of one key in a call."""
    found: dict[tuple[str, str], list[tuple[str, Message]]] = defaultdict(list)
    for topic, event_id, message in entries:
        found[topic, message.ordering_key].append((event_id, message))
    return [
        (topic, batch[start : start + MOST_MESSAGES])
        for (topic, _), batch in found.items()
        for start in range(0, len(batch), MOST_MESSAGES)
    ]


def _old_enough(page: Sequence[Any], now: datetime) -> list[_Entry]:
    old = [document for document in page if not leases.younger(document.get("createdAt"), GRACE, now)]
    return [_Entry(document, _unpacked(document)) for document in old]
