"""Values in parts, on the Firestore emulator: whole, or not at all."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.platform import firestore
from shared.platform.cache import rules
from shared.platform.cache.cache import Cache
from shared.platform.cache.models import Head, State, View
from shared.platform.cache.store import ENTRIES, KEPT, PART_BYTES, PARTS, CacheStore, Entry
from shared.platform.context import Platform
from shared.platform.errors import ChangedMeanwhile
from tests.factories.documents import documents
from tests.factories.source import Source, load_of
from tests.factories.stepping_clock import SteppingClock

KEY = "of_a_test-1"
SMALL = b'{"small": true}'


def noise(size: int, seed: int = 1) -> bytes:
    """Bytes that no compression makes smaller."""
    return random.Random(seed).randbytes(size)


@pytest.fixture
def store(platform: Platform) -> CacheStore:
    return CacheStore(platform.firestore, platform.clock)


def entry_of(store: CacheStore) -> Entry:
    found = store.entry(KEY)
    assert found
    return found


def saved(store: CacheStore, value: bytes) -> Head:
    """Store a value as the cache does: under a lease, with the ETag of the value."""
    entry = store.entry(KEY)
    store.put(KEY, replace(entry.head if entry else Head(view="v"), lease_owner="me"), entry)
    return store.save(KEY, Head(view="v", etag=rules.etag_of(value)), value, entry_of(store))


def parts(platform: Platform) -> list[str]:
    return sorted(path.rpartition("/")[2] for path in documents(platform.firestore, PARTS))


@pytest.mark.parametrize(
    ("size", "number"), [(0, 1), (1, 1), (PART_BYTES - 400, 1), (PART_BYTES, 2), (4 * PART_BYTES + 7, 5)]
)
def test_a_value_of_any_size_comes_back_whole(store: CacheStore, platform: Platform, size: int, number: int) -> None:
    value = noise(size)
    head = saved(store, value)
    assert head.parts == number == len(parts(platform))
    assert entry_of(store).head == head
    assert store.value(KEY, head) == value


def test_what_can_be_compressed_is(store: CacheStore, platform: Platform) -> None:
    value = b'{"name": "Gummies", "price": 19.99},' * 100_000
    assert saved(store, value).parts == 1
    (part,) = documents(platform.firestore, PARTS).values()
    assert len(part["data"]) < len(value) / 50
    assert store.value(KEY, entry_of(store).head) == value


def test_a_value_that_gets_smaller_leaves_no_part_behind(store: CacheStore, platform: Platform) -> None:
    saved(store, noise(2 * PART_BYTES + 1))
    assert len(parts(platform)) == 3
    head = saved(store, SMALL)
    assert parts(platform) == [f"{KEY}-0"]
    assert store.value(KEY, head) == SMALL


@pytest.mark.parametrize("number", [0, 1])
def test_without_one_of_its_parts_there_is_no_value(store: CacheStore, platform: Platform, number: int) -> None:
    head = saved(store, noise(PART_BYTES + 1))
    platform.firestore.collection(PARTS).document(f"{KEY}-{number}").delete()
    assert store.value(KEY, head) is None


@pytest.mark.parametrize("number", [0, 1])
def test_a_part_of_another_value_is_none_of_it(store: CacheStore, platform: Platform, number: int) -> None:
    """A reader may have a head whose parts are replaced between its reads."""
    head = saved(store, noise(PART_BYTES + 1))
    platform.firestore.collection(PARTS).document(f"{KEY}-{number}").update({"etag": "of another"})
    assert store.value(KEY, head) is None


def test_a_head_of_a_value_that_was_replaced_finds_nothing(store: CacheStore) -> None:
    old = saved(store, noise(PART_BYTES + 1))
    new = saved(store, noise(PART_BYTES + 1, seed=2))
    assert store.value(KEY, old) is None
    assert store.value(KEY, new) == noise(PART_BYTES + 1, seed=2)


def test_who_was_overtaken_stores_neither_head_nor_parts(store: CacheStore) -> None:
    first = saved(store, SMALL)
    seen = entry_of(store)
    winner = saved(store, noise(PART_BYTES + 1))
    with pytest.raises(ChangedMeanwhile):
        store.save(KEY, replace(first, etag="loser"), b"{}", seen)
    with pytest.raises(ChangedMeanwhile):
        store.put(KEY, replace(first, lease_owner="loser"), seen)
    with pytest.raises(ChangedMeanwhile):
        store.put(KEY, first, None)
    assert entry_of(store).head == winner
    assert store.value(KEY, winner) == noise(PART_BYTES + 1)


def test_every_entry_is_invalidated_and_taken_from_who_loads_it(store: CacheStore, platform: Platform) -> None:
    """More entries than one page of the query holds."""
    seen = {}
    for start in range(0, 230, 115):
        batch = platform.firestore.batch()
        for number in range(start, start + 115):
            firestore.put(batch, platform.firestore.collection(ENTRIES).document(f"v-{number:03}"), {"view": "v"}, None)
        firestore.commit(batch)
    store.put("leased", Head(view="v", etag="e", lease_owner="me", lease_until=platform.clock.now()), None)
    seen["leased"] = store.entry("leased")
    assert store.invalidate() == 231
    heads = documents(platform.firestore, ENTRIES).values()
    assert {(head["invalid"], head["leaseOwner"], head["leaseUntil"]) for head in heads} == {(True, "", None)}
    with pytest.raises(ChangedMeanwhile):
        store.save("leased", Head(view="v", etag="e"), SMALL, seen["leased"])


def test_nothing_to_invalidate(store: CacheStore) -> None:
    assert store.invalidate() == 0


def test_parts_are_kept_as_long_as_their_head(store: CacheStore, platform: Platform, clock: SteppingClock) -> None:
    """Firestore removes a document some time after `expireAt`: a value must not lose its parts before its head."""
    head = saved(store, noise(PART_BYTES + 1))
    for _ in range(8):
        clock.advance(days=10)
        store.put(KEY, head, entry_of(store))
        (kept,) = {document["expireAt"] for document in documents(platform.firestore, PARTS).values()}
        assert kept == documents(platform.firestore, ENTRIES)[f"{ENTRIES}/{KEY}"]["expireAt"]
        assert clock.now() + KEPT / 2 <= kept <= clock.now() + KEPT + timedelta(seconds=1)


# --- through the cache


def test_a_large_value_comes_whole_to_another_instance(here: Cache, there: Cache, source: Source, view: View) -> None:
    source.text = noise(2 * PART_BYTES).hex()
    loaded, found = here.get(view, {}), there.get(view, {})
    assert (loaded.state, found.state, source.loads) == (State.MISS, State.HIT, 1)
    assert loaded.value == found.value
    assert loaded.head.parts >= 3


@pytest.mark.parametrize("change", [{"etag": "of another"}, None], ids=["of another value", "gone"])
def test_a_value_that_lost_a_part_is_loaded_anew(
    platform: Platform, here: Cache, there: Cache, source: Source, view: View, change: dict[str, str] | None
) -> None:
    """Also when the data has not changed, so that the head alone would be as good as new."""
    source.version = "1"
    source.text = noise(PART_BYTES).hex()
    broken = here.get(view, {})
    part = platform.firestore.collection(PARTS).document(f"{rules.key_of(view, {})}-1")
    part.update(change) if change else part.delete()
    found = there.get(view, {})
    assert (found.state, load_of(found.value), source.loads) == (State.MISS, 2, 2)
    assert found.head.etag != broken.head.etag
    assert [cache.get(view, {}).state for cache in (here, there, Cache(platform))] == [State.HIT] * 3
