"""What the outbox's documents hold: one message each, or those of a commit that were added together."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from shared.platform.pubsub import Message

# Of what is written together: a page of them fits into the relay's memory.
MOST_BYTES = 100_000
# Pub/Sub takes 1,000, and 10 MB, in a call.
MOST_MESSAGES = 500


class Waiting(NamedTuple):
    """A message that is to be published. `id`: of its event or command."""

    topic: str
    id: str
    message: Message


# All of one topic and one ordering key.
Batch = Sequence[Waiting]


@dataclass(frozen=True)
class Entry:
    """A document as Firestore gave it, and what of it is to be published."""

    document: Any
    waiting: Sequence[Waiting]

    def without(self, sent: set[str]) -> list[Waiting]:
        return [one for one in self.waiting if one.id not in sent]

    def went(self, sent: set[str]) -> bool:
        """Whether something of it was sent."""
        return len(self.without(sent)) < len(self.waiting)


def parcels(waiting: Iterable[Waiting]) -> Iterator[Sequence[Waiting]]:
    """Cut so that each is a document of its own. The same messages are always cut alike."""
    parcel: list[Waiting] = []
    size = 0
    for one in waiting:
        length = len(one.message.data)
        if parcel and size + length > MOST_BYTES:
            yield parcel
            parcel, size = [], 0
        parcel.append(one)
        size += length
    if parcel:
        yield parcel


def packed(waiting: Iterable[Waiting]) -> str:
    """As text: Firestore would take each attribute of each message for a field."""
    return json.dumps(
        [
            {"id": event_id, "topic": topic, "data": m.data, "attributes": m.attributes, "orderingKey": m.ordering_key}
            for topic, event_id, m in waiting
        ],
        ensure_ascii=False,
        separators=(",", ":"),
    )


def unpacked(document: Any) -> Entry:
    entry = document.to_dict() or {}
    if "messages" not in entry:
        # Entries written before there were ordering keys have none.
        message = Message(entry["data"], entry["attributes"], entry.get("orderingKey", ""))
        return Entry(document, [Waiting(entry["topic"], document.id, message)])
    several = [
        Waiting(one["topic"], one["id"], Message(one["data"], one["attributes"], one["orderingKey"]))
        for one in json.loads(entry["messages"])
    ]
    return Entry(document, several)


def batches(waiting: Iterable[Waiting]) -> Iterator[Batch]:
    """By topic and ordering key: Pub/Sub takes messages of one key in a call."""
    found: dict[tuple[str, str], list[Waiting]] = defaultdict(list)
    for one in waiting:
        found[one.topic, one.message.ordering_key].append(one)
    for batch in found.values():
        yield from (batch[start : start + MOST_MESSAGES] for start in range(0, len(batch), MOST_MESSAGES))
