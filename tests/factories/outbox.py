"""Events of no particular domain, and what of them is in the outbox."""

from __future__ import annotations

from shared.platform.context import Platform
from shared.platform.outbox import COLLECTION, Event
from tests.factories.documents import documents


def event_of(platform: Platform, name: str, topic: str, n: object = 1, key: str = "") -> Event:
    """`data` is {n}; `key` orders it."""
    return Event(
        id=name,
        type="thing.happened",
        topic=topic,
        occurred_at=platform.clock.now(),
        request_id="r-1",
        customer_hash="abc",
        data={"n": n},
        ordering_key=key,
    )


def left(platform: Platform) -> list[str]:
    """Names of the outbox's documents."""
    return sorted(path.rpartition("/")[2] for path in documents(platform.firestore, COLLECTION))
