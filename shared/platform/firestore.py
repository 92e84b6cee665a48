"""Firestore: one client per instance, one way to read a document, one way to commit a compare-and-set batch.

Nothing here is a storage abstraction: repositories use `google.cloud.firestore` itself. What is added is a fast
single read, deadlines, and the two outcomes callers decide on: `ChangedMeanwhile` and `Unavailable`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from shared.platform import tally
from shared.platform.errors import RETRY_SENTENCE, ChangedMeanwhile, Unavailable

if TYPE_CHECKING:
    from google.cloud.firestore import Client, DocumentReference, WriteBatch

Found = TypeVar("Found")
READ_SECONDS = 4.0
COMMIT_SECONDS = 6.0
READ_TRIES = 3
SCALARS = {
    bool: "boolean_value",
    int: "integer_value",
    float: "double_value",
    str: "string_value",
    bytes: "bytes_value",
}


@dataclass(frozen=True)
class Stored:
    """A document as read: its fields, and the version that a compare-and-set names."""

    data: dict[str, Any]
    version: Any


def connect(project: str) -> Client:
    from google.cloud import firestore

    return firestore.Client(project=project)


def read(reference: DocumentReference, timeout: float = READ_SECONDS) -> Stored | None:
    """The document, or None when there is none. Raises `Unavailable`.

    `DocumentReference.get` opens a stream for each read and wraps it three times; this is the same call on the same
    channel at a third of its CPU (docs/decisions/0004), which is what keeps cached answers under their limit.
    """
    from google.cloud.firestore_v1 import _helpers

    client = reference._client
    document = _get_document(client, reference._document_path, timeout)
    tally.add(reads=1)
    if document is None:
        return None
    return Stored(_helpers.decode_dict(document.fields, client), document.update_time)


def _get_document(client: Client, name: str, timeout: float) -> Any:
    import grpc

    call, request = _unary_get(client._firestore_api.transport.grpc_channel)
    for attempt in range(READ_TRIES):
        try:
            return call(request(name=name), metadata=client._rpc_metadata, timeout=timeout)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return None
            if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED) or attempt + 1 == READ_TRIES:
                raise _unavailable() from error
    raise _unavailable()


@lru_cache(maxsize=4)
def _unary_get(channel: Any) -> tuple[Any, Any]:
    from google.cloud.firestore_v1.types import Document, GetDocumentRequest

    request, document = type(GetDocumentRequest.pb(GetDocumentRequest())), type(Document.pb(Document()))
    call = channel.unary_unary(
        "/google.firestore.v1.Firestore/GetDocument",
        request_serializer=request.SerializeToString,
        response_deserializer=document.FromString,
    )
    return call, request


def commit(batch: WriteBatch, timeout: float = COMMIT_SECONDS) -> Any:
    """Commit all or nothing; the version that the first document has now.

    Raises `ChangedMeanwhile` when a precondition fails, `Unavailable` without an answer.

    Not retried here: after a lost answer only the caller can tell whether its write is there already.
    """
    from google.api_core.exceptions import Aborted, AlreadyExists, FailedPrecondition, NotFound

    with translated():
        try:
            results = batch.commit(retry=None, timeout=timeout)
        except (Aborted, AlreadyExists, FailedPrecondition, NotFound) as error:
            raise ChangedMeanwhile(type(error).__name__) from error
    tally.add(writes=len(results))
    return results[0].update_time if results else None


def put(batch: WriteBatch, reference: DocumentReference, data: dict[str, Any], seen: Stored | None) -> None:
    """Write the whole document, provided that it is still as `seen` (None: that it still does not exist).

    `WriteBatch.create` and `update` wrap every value several times; the same protobuf written directly takes a fraction
    of their CPU, which is what a commit of many documents costs (docs/decisions/0021).
    """
    from google.cloud.firestore_v1.types import Write

    write = _write_type()(update={"name": reference._document_path})
    for name, value in data.items():
        _encode(value, write.update.fields[name])
    if seen is None:
        write.current_document.exists = False
    else:
        write.current_document.update_time.CopyFrom(_timestamp(seen.version))
    batch._add_write_pbs([Write.wrap(write)])


def increase(
    batch: WriteBatch,
    reference: DocumentReference,
    data: dict[str, Any],
    amounts: Mapping[str, int],
    least: Mapping[str, int] | None = None,
) -> None:
    """Add to fields of a document, which is made if it is not there; `data` replaces fields, all others stay.

    `amounts` and `least` by field path, of simple names with dots between. `least`: set where there is nothing or more.
    """
    from google.cloud.firestore_v1.types import Write

    write = _write_type()(update={"name": reference._document_path})
    write.update_mask.field_paths.extend(data)
    for name, value in data.items():
        _encode(value, write.update.fields[name])
    for path, amount in amounts.items():
        write.update_transforms.add(field_path=path, increment={"integer_value": amount})
    for path, value in (least or {}).items():
        write.update_transforms.add(field_path=path, minimum={"integer_value": value})
    batch._add_write_pbs([Write.wrap(write)])


def in_time() -> dict[str, Any]:
    """Options of a query's `stream()` that answers in READ_SECONDS: the client's own retries go on for five minutes."""
    from google.api_core.retry import Retry, if_exception_type

    return {"retry": Retry(if_exception_type()), "timeout": READ_SECONDS}


def counted(documents: Iterable[Found]) -> Iterator[Found]:
    """What a query's `stream()` gives, as it comes, tallied. A query that finds nothing is billed as one read."""
    found = 0
    try:
        for document in documents:
            found += 1
            yield document
    finally:
        tally.add(reads=max(1, found))


def remove(batch: WriteBatch, reference: DocumentReference, seen: Stored | None = None) -> None:
    """Delete the document, provided that it is still as `seen` (None: however it is, and if it is)."""
    from google.cloud.firestore_v1.types import Write

    write = _write_type()(delete=reference._document_path)
    if seen is not None:
        write.current_document.update_time.CopyFrom(_timestamp(seen.version))
    batch._add_write_pbs([Write.wrap(write)])


def probe(client: Client, timeout: float) -> None:
    """One cheap read. Raises `Unavailable` when it is not answered in `timeout` seconds."""
    read(client.collection("health").document("probe"), timeout)


@contextmanager
def translated() -> Iterator[None]:
    """Failure policy: a store that does not answer is `Unavailable` (503), never a half-answer."""
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError

    try:
        yield
    except (GoogleAPIError, GoogleAuthError) as error:
        raise _unavailable() from error


def _unavailable() -> Unavailable:
    return Unavailable(RETRY_SENTENCE, headers={"Retry-After": "2"})


@lru_cache(maxsize=1)
def _write_type() -> Any:
    from google.cloud.firestore_v1.types import Write

    return type(Write.pb(Write()))


def _encode(value: Any, into: Any) -> None:
    """A value of a document as its protobuf. Raises TypeError for what no document of ours holds."""
    if value is None:
        into.null_value = 0
    elif isinstance(value, datetime):
        into.timestamp_value.CopyFrom(_timestamp(value))
    elif isinstance(value, list | tuple):
        # Set, so that an empty list is one too.
        into.array_value.SetInParent()
        for one in value:
            _encode(one, into.array_value.values.add())
    elif isinstance(value, dict):
        into.map_value.SetInParent()
        for name, one in value.items():
            _encode(one, into.map_value.fields[name])
    else:
        setattr(into, _scalar(value), value)


def _scalar(value: Any) -> str:
    """The name of the protobuf's field for it. bool before int, which it is too."""
    for kind, name in SCALARS.items():
        if isinstance(value, kind):
            return name
    raise TypeError(f"A document cannot hold a {type(value).__name__}.")


def _timestamp(moment: Any) -> Any:
    """Of a time, or of a version: those that were read have more digits than a datetime, and keep them."""
    from google.protobuf.timestamp_pb2 import Timestamp

    if isinstance(moment, Timestamp):
        return moment
    if hasattr(moment, "timestamp_pb"):
        return moment.timestamp_pb()
    written = Timestamp()
    written.FromDatetime(moment)
    return written
