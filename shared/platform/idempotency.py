"""Answers kept by idempotency key: `idempotency/{hash}`, 24 hours, readable only with the key that was sent.

The caller's key and body are never stored: the document's name and the body's fingerprint are keyed hashes, and the
answer is sealed under a key derived from the caller's own.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from shared.platform import firestore
from shared.platform.clock import Clock
from shared.platform.contention import until_unchanged
from shared.platform.crypto import keyed_hash, seal, unseal
from shared.platform.errors import ChangedMeanwhile, Conflict, Unprocessable
from shared.platform.firestore import Stored
from shared.platform.ids import Ids

if TYPE_CHECKING:
    from google.cloud.firestore import Client

COLLECTION = "idempotency"
KEPT = timedelta(hours=24)
# A first request that died leaves its claim; after this it may be taken over. Longer than any function's time-out.
LEASE = timedelta(seconds=90)


@dataclass(frozen=True)
class Claim:
    """The right to answer for one key. Pass it to `finish` or `release`."""

    name: str
    seal_key: bytes
    document: dict[str, Any]


@dataclass(frozen=True)
class KeptAnswer:
    status: int
    body: dict[str, Any]


class IdempotencyStore:
    """One document per (function, caller, key)."""

    def __init__(self, client: Client, secret: bytes, clock: Clock, ids: Ids) -> None:
        self._client = client
        self._secret = secret
        self._clock = clock
        self._ids = ids

    def claim(self, scope: str, key: str, body: bytes, subject: str) -> Claim | KeptAnswer:
        """The right to run, or the answer of the first run.

        `scope`: function and caller; `subject`: customer hash, so that an erasure finds the document.
        Raises `Unprocessable` (other body), `Conflict` (first still running), `Unavailable`.
        """
        # No key holds a line end, so no other caller's scope and key make the same name.
        name = keyed_hash(self._secret, f"{scope}\n{key}")
        seal_key = hmac.digest(self._secret, f"answer|{scope}\n{key}".encode(), hashlib.sha256)
        fingerprint = hmac.digest(self._secret, b"body|" + body, hashlib.sha256).hex()
        seen = firestore.read(self._reference(name))
        if seen and self._alive(seen.data):
            return self._first_answer(seen.data, fingerprint, name, seal_key)
        claim = Claim(name, seal_key, self._running(fingerprint, subject))
        try:
            self._write(claim.name, claim.document, seen)
        except ChangedMeanwhile:
            raise _in_progress() from None
        return claim

    def finish(self, claim: Claim, answer: KeptAnswer) -> None:
        """Keep the answer for 24 hours. Raises `Unavailable`; a claim that was taken over meanwhile is left alone."""
        # Brings what shapes answers with it, which only endpoints have.
        from shared.platform.wire import json_text

        plain = json_text({"status": answer.status, "body": answer.body}).encode()
        sealed = seal(claim.seal_key, plain, claim.name.encode(), self._ids.entropy)
        seen = self._own(claim)
        if seen:
            self._settle(claim, {**claim.document, "state": "done", "answer": sealed}, seen)

    def release(self, claim: Claim) -> None:
        """Give the key back after a failure that is worth another try. Raises `Unavailable`."""
        seen = self._own(claim)
        if seen:
            batch = self._client.batch()
            firestore.remove(batch, self._reference(claim.name), seen)
            # An erasure may have deleted it meanwhile: that gives the key back as well.
            with suppress(ChangedMeanwhile):
                firestore.commit(batch)

    def forget(self, subject: str) -> None:
        """Delete every answer kept for a customer. Raises `Unavailable`."""
        with firestore.translated():
            query = self._client.collection(COLLECTION).where(filter=_equals("subject", subject)).select([])
            references = [found.reference for found in firestore.counted(query.stream())]
        for start in range(0, len(references), 400):
            chunk = references[start : start + 400]
            until_unchanged(partial(self._delete, chunk), self._clock, self._ids)

    def _first_answer(self, data: dict[str, Any], fingerprint: str, name: str, seal_key: bytes) -> KeptAnswer:
        if data["fingerprint"] != fingerprint:
            raise Unprocessable(
                "This Idempotency-Key was used with another body. Send a new key for a new request.",
                code="idempotency_key_reused",
            )
        if data["state"] == "running":
            raise _in_progress()
        # Money is written with two places, and again when it is replayed.
        kept = json.loads(unseal(seal_key, data["answer"], name.encode()), parse_float=Decimal)
        return KeptAnswer(kept["status"], kept["body"])

    def _alive(self, data: dict[str, Any]) -> bool:
        until = data["leaseUntil"] if data["state"] == "running" else data["expireAt"]
        return bool(self._clock.now() < until)

    def _running(self, fingerprint: str, subject: str) -> dict[str, Any]:
        now: datetime = self._clock.now()
        return {
            "state": "running",
            "claimId": self._ids.new("claim"),
            "fingerprint": fingerprint,
            "subject": subject,
            "leaseUntil": now + LEASE,
            "expireAt": now + KEPT,
        }

    def _own(self, claim: Claim) -> Stored | None:
        seen = firestore.read(self._reference(claim.name))
        return seen if seen and seen.data["claimId"] == claim.document["claimId"] else None

    def _settle(self, claim: Claim, document: dict[str, Any], seen: Stored) -> None:
        try:
            self._write(claim.name, document, seen)
        except ChangedMeanwhile:
            return

    def _write(self, name: str, document: dict[str, Any], seen: Stored | None) -> None:
        batch = self._client.batch()
        firestore.put(batch, self._reference(name), document, seen)
        firestore.commit(batch)

    def _delete(self, references: list[Any]) -> None:
        batch = self._client.batch()
        for reference in references:
            firestore.remove(batch, reference)
        firestore.commit(batch)

    def _reference(self, name: str) -> Any:
        return self._client.collection(COLLECTION).document(name)


def _equals(name: str, value: str) -> Any:
    from google.cloud.firestore import FieldFilter

    return FieldFilter(name, "==", value)


def _in_progress() -> Conflict:
    return Conflict(
        "The first request with this Idempotency-Key is still running. Try again in a moment.",
        code="request_in_progress",
        headers={"Retry-After": "1"},
    )
