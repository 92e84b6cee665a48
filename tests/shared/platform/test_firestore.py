"""Reading a document, and committing only what was decided on its newest version."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from google.cloud.firestore import Client, DocumentReference

from local.ports import free_port
from shared.platform import firestore
from shared.platform.clock import Clock
from shared.platform.contention import until_unchanged
from shared.platform.context import Platform
from shared.platform.errors import ChangedMeanwhile, Contended, Unavailable
from shared.platform.ids import Ids
from tests.factories.silence import Silence

EVERYTHING = {
    "text": "José 李\n",
    "bytes": b"\0\xff",
    "number": 5,
    "fraction": 0.5,
    "yes": True,
    "nothing": None,
    "time": datetime(2026, 7, 1, 17, 0, 0, 123_000, UTC),
    "list": [{"id": "a", "at": datetime(2026, 7, 1, tzinfo=UTC)}, {}, "x"],
    "map": {"1": 2, "a b": {}},
}


@pytest.fixture
def client(platform: Platform) -> Client:
    return platform.firestore


@pytest.fixture
def document(client: Client) -> DocumentReference:
    return client.collection("things").document("one")


@pytest.fixture
def put(client: Client, document: DocumentReference) -> Callable[..., None]:
    def write(data: dict[str, Any], seen: firestore.Stored | None) -> None:
        batch = client.batch()
        firestore.put(batch, document, data, seen)
        firestore.commit(batch)

    return write


Put = Callable[..., None]


def test_a_document_is_read_as_it_was_written(put: Put, document: DocumentReference) -> None:
    put(EVERYTHING, None)
    seen = firestore.read(document)
    assert seen is not None
    assert seen.data == EVERYTHING == document.get().to_dict()


def test_no_document_is_none(document: DocumentReference) -> None:
    assert firestore.read(document) is None


def test_a_document_is_made_once(put: Put) -> None:
    put({"a": 1}, None)
    with pytest.raises(ChangedMeanwhile):
        put({"a": 2}, None)


def test_the_whole_document_is_replaced(put: Put, document: DocumentReference) -> None:
    put({"a": 1, "b": {"c": 1}}, None)
    put({"b": {"d": 2}}, firestore.read(document))
    assert document.get().to_dict() == {"b": {"d": 2}}


def test_a_version_that_is_not_the_newest_writes_nothing(put: Put, client: Client, document: DocumentReference) -> None:
    put({"a": 1}, None)
    seen = firestore.read(document)
    put({"a": 2}, seen)
    with pytest.raises(ChangedMeanwhile):
        put({"a": 3}, seen)
    batch = client.batch()
    assert seen is not None
    firestore.remove(batch, document, seen)
    batch.create(client.collection("things").document("two"), {})
    with pytest.raises(ChangedMeanwhile):
        firestore.commit(batch)
    assert document.get().to_dict() == {"a": 2}
    assert not client.collection("things").document("two").get().exists


def test_a_document_that_is_gone_is_not_written(put: Put, document: DocumentReference) -> None:
    put({"a": 1}, None)
    seen = firestore.read(document)
    document.delete()
    with pytest.raises(ChangedMeanwhile):
        put({"a": 2}, seen)
    assert firestore.read(document) is None


def test_removing_the_version_that_was_read_removes_it(put: Put, client: Client, document: DocumentReference) -> None:
    put({"a": 1}, None)
    seen = firestore.read(document)
    assert seen is not None
    batch = client.batch()
    firestore.remove(batch, document, seen)
    firestore.commit(batch)
    assert firestore.read(document) is None


def test_eight_at_once_lose_no_update(put: Put, document: DocumentReference) -> None:
    put({"n": 0}, None)

    def decide() -> None:
        seen = firestore.read(document)
        assert seen is not None
        put({"n": seen.data["n"] + 1}, seen)

    clock = Clock()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: until_unchanged(decide, clock, Ids(clock)), range(24)))
    assert document.get().to_dict() == {"n": 24}


# --- a store that does not answer


def calls(client: Client) -> list[Callable[[], Any]]:
    document = client.collection("things").document("one")
    batch = client.batch()
    batch.create(document, {})
    return [
        lambda: firestore.read(document, 0.3),
        lambda: firestore.commit(batch, 0.3),
        lambda: firestore.probe(client, 0.3),
    ]


@pytest.mark.parametrize("call", range(3), ids=["read", "commit", "probe"])
@pytest.mark.parametrize("kind", ["nobody listens", "nobody answers"])
def test_it_is_unavailable_with_a_time_to_come_back(monkeypatch: pytest.MonkeyPatch, kind: str, call: int) -> None:
    with Silence() as silent:
        address = silent.address if kind == "nobody answers" else f"127.0.0.1:{free_port()}"
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", address)
        with pytest.raises(Unavailable) as refused:
            calls(firestore.connect("a-project"))[call]()
    assert not isinstance(refused.value, Contended)
    assert refused.value.headers == {"Retry-After": "2"}
    assert "127.0.0.1" not in refused.value.sentence
