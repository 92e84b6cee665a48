"""What has become of each alert on each channel, and who is at work on which.

`alert_deliveries/{eventId}`   the notice, and its state on each channel: kept for 90 days after the last is settled
`alert_threads/{dedupKey}`     an alert: how far each channel is, and a lease: one at a time sends its notices
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from shared.monitoring.notices import Notice
from shared.monitoring.order import FURTHEST, PENDING, Reached
from shared.platform import firestore
from shared.platform.context import Platform
from shared.platform.errors import ChangedMeanwhile, Unavailable
from shared.platform.firestore import Stored
from shared.platform.outbox import Outgoing
from shared.values import leases

if TYPE_CHECKING:
    from google.cloud.firestore import DocumentReference

DELIVERIES, THREADS = "alert_deliveries", "alert_threads"
# Longer than a function may run: what a crash leaves is taken over, what is slow is not.
LEASE = timedelta(seconds=90)
KEPT = timedelta(days=90)
SAVES = 10


@dataclass(frozen=True, kw_only=True)
class OnChannel:
    """A notice on one channel: its state, tries so far, when it is tried next, why it is as it is."""

    state: str = PENDING
    tries: int = 0
    due_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True)
class Delivery:
    notice: Notice
    channels: Mapping[str, OnChannel]

    def on(self, channel: str, now: OnChannel) -> Delivery:
        return replace(self, channels={**self.channels, channel: now})


@dataclass(frozen=True)
class Thread:
    """An alert that is worked on. `owner`: who has it."""

    key: str
    owner: str
    seen: Stored | None
    reached: Mapping[str, Reached] = field(default_factory=dict)

    def on(self, channel: str, reached: Reached) -> Thread:
        return replace(self, reached={**self.reached, channel: reached})


class Deliveries:
    """Every method raises `Unavailable` when Firestore does not answer."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def record(self, notice: Notice, channels: Sequence[str]) -> bool:
        """Keep that it is to be delivered; False when it was kept before.

        Its alert's document changes with it: whoever works on the alert does not let go without having seen it.
        """
        from google.cloud.firestore import Increment

        if firestore.read(self._delivery(notice.event_id)) is not None:
            return False
        delivery = Delivery(notice, {name: OnChannel() for name in channels})
        batch = self._platform.firestore.batch()
        firestore.put(batch, self._delivery(notice.event_id), self._document(delivery), None)
        news = {"dedupKey": notice.dedup_key, "recorded": Increment(1)}
        batch.set(self._thread(notice.dedup_key), news, merge=True)
        try:
            firestore.commit(batch)
        except ChangedMeanwhile:
            return False
        return True

    def take(self, key: str) -> Thread | None:
        """The alert, for LEASE; None: somebody has it. Raises `ChangedMeanwhile`."""
        now, owner = self._platform.clock.now(), self._platform.ids.new("own")
        seen = firestore.read(self._thread(key))
        if seen and seen.data.get("owner") and leases.ahead(seen.data["leaseUntil"], LEASE, now):
            return None
        reached = {name: _reached(found) for name, found in (seen.data.get("reached", {}) if seen else {}).items()}
        return self._put(Thread(key, owner, seen, reached))

    def save(self, thread: Thread, changed: Sequence[Delivery], outgoing: Sequence[Outgoing] = ()) -> Thread:
        """All in one commit, and the lease anew. Raises `Unavailable` when somebody else has the alert by now."""
        for _ in range(SAVES):
            try:
                return self._put(thread, changed, outgoing)
            except ChangedMeanwhile:
                thread = self.again(thread)
        raise Unavailable("The alert's notices come faster than they can be kept.")

    def again(self, thread: Thread) -> Thread:
        """As it is now. Raises `Unavailable` when somebody else has it."""
        seen = firestore.read(self._thread(thread.key))
        if seen is None or seen.data.get("owner") != thread.owner:
            raise Unavailable("Somebody else is at work on the alert.")
        return replace(thread, seen=seen)

    def release(self, thread: Thread) -> bool:
        """False, and it is kept, when a notice came meanwhile."""
        try:
            self._put(replace(thread, owner=""))
        except ChangedMeanwhile:
            return False
        return True

    def pending(self, key: str) -> list[Delivery]:
        """Of an alert, what is not settled on every channel, in order."""
        from google.cloud.firestore import FieldFilter

        deliveries = self._platform.firestore.collection(DELIVERIES)
        of_alert = deliveries.where(filter=FieldFilter("dedupKey", "==", key))
        waiting = of_alert.where(filter=FieldFilter("pending", "==", True))
        with firestore.translated():
            found = firestore.counted(waiting.stream(**firestore.in_time()))
            read = [_delivery_of(one.id, one.to_dict() or {}) for one in found]
        return sorted(read, key=lambda delivery: delivery.notice.place)

    def due(self) -> list[str]:
        """Keys of alerts with a notice that is to be tried by now, those that have waited longest first."""
        from google.cloud.firestore import FieldFilter

        now, found = self._platform.clock.now(), dict[str, datetime]()
        deliveries = self._platform.firestore.collection(DELIVERIES)
        waiting = deliveries.where(filter=FieldFilter("pending", "==", True))
        with firestore.translated():
            for one in firestore.counted(waiting.stream(**firestore.in_time())):
                delivery = _delivery_of(one.id, one.to_dict() or {})
                if any(is_due(on, now) for on in delivery.channels.values()):
                    notice = delivery.notice
                    found[notice.dedup_key] = min(notice.at, found.get(notice.dedup_key, notice.at))
        return sorted(found, key=lambda key: found[key])

    def _put(self, thread: Thread, changed: Sequence[Delivery] = (), outgoing: Sequence[Outgoing] = ()) -> Thread:
        reference, now = self._thread(thread.key), self._platform.clock.now()
        document = {
            "dedupKey": thread.key,
            "recorded": thread.seen.data.get("recorded", 0) if thread.seen else 0,
            "owner": thread.owner,
            "leaseUntil": now + LEASE,
            "reached": {name: asdict(reached) for name, reached in thread.reached.items()},
        }
        batch = self._platform.firestore.batch()
        firestore.put(batch, reference, document, thread.seen)
        for delivery in changed:
            batch.set(self._delivery(delivery.notice.event_id), self._document(delivery))
        for message in outgoing:
            self._platform.outbox.add(batch, message)
        version = firestore.commit(batch)
        self._platform.outbox.publish(outgoing)
        return replace(thread, seen=Stored(document, version))

    def _document(self, delivery: Delivery) -> dict[str, Any]:
        notice, pending = delivery.notice, any(on.state == PENDING for on in delivery.channels.values())
        return {
            "kind": notice.kind,
            "at": notice.at,
            "dedupKey": notice.dedup_key,
            "severity": notice.severity,
            "title": notice.title,
            "message": notice.message,
            "tags": notice.tags,
            "value": notice.value,
            "threshold": notice.threshold,
            "channels": {name: asdict(on) for name, on in delivery.channels.items()},
            "pending": pending,
            # What is pending is never forgotten.
            "expireAt": None if pending else self._platform.clock.now() + KEPT,
        }

    def _delivery(self, event_id: str) -> DocumentReference:
        return self._platform.firestore.collection(DELIVERIES).document(event_id)

    def _thread(self, key: str) -> DocumentReference:
        # Keys of other domains may hold anything; a document's name may not.
        return self._platform.firestore.collection(THREADS).document(quote(key, safe=":"))


def is_due(on: OnChannel, now: datetime) -> bool:
    return on.state == PENDING and (on.due_at is None or not leases.ahead(on.due_at, FURTHEST, now))


def _delivery_of(event_id: str, document: Mapping[str, Any]) -> Delivery:
    notice = Notice(
        event_id=event_id,
        kind=document["kind"],
        at=document["at"],
        severity=document["severity"],
        title=document["title"],
        message=document["message"],
        tags=document["tags"],
        dedup_key=document["dedupKey"],
        value=document["value"],
        threshold=document["threshold"],
    )
    return Delivery(notice, {name: OnChannel(**on) for name, on in document["channels"].items()})


def _reached(document: Mapping[str, Any]) -> Reached:
    return Reached(**document)
