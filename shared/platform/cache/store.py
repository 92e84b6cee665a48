"""Entries in Firestore: a head, which every lookup reads, and the value in parts, which an instance reads once.

`cache_entries/{key}` is the head; `cache_parts/{key}-{n}` hold the compressed value. Every change is a compare-and-set
on the head, so that what was loaded before an invalidation is never stored after it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.platform import firestore
from shared.platform.cache.models import Head
from shared.platform.clock import Clock
from shared.platform.errors import Unavailable

if TYPE_CHECKING:
    from google.cloud.firestore import Client, DocumentReference, WriteBatch

ENTRIES, PARTS = "cache_entries", "cache_parts"
# A document holds 1 MiB.
PART_BYTES = 900 * 1024
# Of entries that nobody has asked for. An entry that is used keeps its last value, however old it gets.
KEPT = timedelta(days=30)
# Writes that one batch may hold are many more; a page is what one call reads.
PAGE = 100
# Nobody loads it, and its source need not be left alone any longer.
INVALIDATED = {"invalid": True, "leaseUntil": None, "leaseOwner": "", "retryAt": None}
FIELDS = {
    "view": "view",
    "params": "params",
    "loaded_at": "loadedAt",
    "checked_at": "checkedAt",
    "version": "version",
    "mode": "mode",
    "etag": "etag",
    "load_ms": "loadMs",
    "parts": "parts",
    "invalid": "invalid",
    "epoch": "epoch",
    "lease_owner": "leaseOwner",
    "lease_until": "leaseUntil",
    "failures": "failures",
    "retry_at": "retryAt",
    "error": "error",
}


class StoreDown(Exception):
    """Firestore does not answer. Not a failure of what was to be loaded: the cache goes on without its store."""


@dataclass(frozen=True)
class Entry:
    """A head as read, with what a compare-and-set needs."""

    head: Head
    seen: firestore.Stored


class CacheStore:
    """Raises `StoreDown` when Firestore does not answer, `ChangedMeanwhile` when somebody was faster."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    def entry(self, key: str) -> Entry | None:
        with _answering():
            seen = firestore.read(self._head(key))
        return Entry(_head_of(seen.data), seen) if seen else None

    def newest(self) -> Head | None:
        """The head that was last known to be right, of all."""
        query = self._client.collection(ENTRIES).order_by("checkedAt", direction="DESCENDING").limit(1)
        with _answering(), firestore.translated():
            found = list(firestore.counted(query.stream(**firestore.in_time())))
        return _head_of(found[0].to_dict() or {}) if found else None

    def value(self, key: str, head: Head) -> bytes | None:
        """None when the parts are not those of this head: it was replaced meanwhile, or they are gone."""
        found = bytearray()
        for number in range(head.parts):
            with _answering():
                part = firestore.read(self._part(key, number))
            if part is None or part.data.get("etag") != head.etag:
                return None
            found += part.data["data"]
        return zlib.decompress(bytes(found)) if found else None

    def put(self, key: str, head: Head, entry: Entry | None) -> Entry:
        """Replace the head; the value stays, and is kept as long as its head. The entry as it is then."""
        batch, now = self._client.batch(), self._clock.now()
        expires = entry.seen.data["expireAt"] if entry else now + KEPT
        renewed = expires - now < KEPT / 2
        expires = now + KEPT if renewed else expires
        document = self._put_head(batch, key, head, entry, expires)
        for number in range(head.parts if renewed else 0):
            batch.set(self._part(key, number), {"expireAt": expires}, merge=True)
        return Entry(head, firestore.Stored(document, _commit(batch)))

    def save(self, key: str, head: Head, value: bytes, entry: Entry) -> Head:
        """Replace head and value; the head as it was stored."""
        packed = zlib.compress(value)
        pieces = [packed[start : start + PART_BYTES] for start in range(0, len(packed), PART_BYTES)]
        stored = replace(head, parts=len(pieces))
        batch, now = self._client.batch(), self._clock.now()
        self._put_head(batch, key, stored, entry, now + KEPT)
        for number, piece in enumerate(pieces):
            batch.set(self._part(key, number), {"etag": head.etag, "data": piece, "expireAt": now + KEPT})
        for number in range(len(pieces), entry.head.parts):
            firestore.remove(batch, self._part(key, number))
        _commit(batch)
        return stored

    def invalidate(self) -> int:
        """Mark every entry, and take it from whoever is loading it; how many there are."""
        from google.cloud.firestore import Increment

        count = 0
        for page in self._pages():
            batch = self._client.batch()
            for document in page:
                batch.update(document.reference, {**INVALIDATED, "epoch": Increment(1)})
            _commit(batch)
            count += len(page)
        return count

    def _pages(self) -> Iterator[list[Any]]:
        last = None
        while True:
            query = self._client.collection(ENTRIES).order_by("__name__").limit(PAGE)
            with _answering(), firestore.translated():
                page = list(
                    firestore.counted(
                        (query.start_after(last) if last else query).select(["view"]).stream(**firestore.in_time())
                    )
                )
            if not page:
                return
            last = page[-1]
            yield page

    def _put_head(
        self, batch: WriteBatch, key: str, head: Head, entry: Entry | None, expires: datetime
    ) -> dict[str, Any]:
        values = asdict(head)
        document = {**{wire: values[name] for name, wire in FIELDS.items()}, "expireAt": expires}
        firestore.put(batch, self._head(key), document, entry.seen if entry else None)
        return document

    def _head(self, key: str) -> DocumentReference:
        return self._client.collection(ENTRIES).document(key)

    def _part(self, key: str, number: int) -> DocumentReference:
        return self._client.collection(PARTS).document(f"{key}-{number}")


def _commit(batch: WriteBatch) -> Any:
    with _answering():
        return firestore.commit(batch)


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except Unavailable as error:
        raise StoreDown from error


def _head_of(data: dict[str, Any]) -> Head:
    return Head(**{name: data[wire] for name, wire in FIELDS.items() if wire in data})
