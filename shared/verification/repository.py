"""Where verifications are kept: `verifications/{hash}` and `verification_attempts/{hash}` in Firestore.

Every write names the versions of the documents that its decision was made from; when one has changed, nothing is
written and `ChangedMeanwhile` says: decide again. The state and its event are one commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.platform import firestore
from shared.platform.context import Platform
from shared.platform.firestore import Stored
from shared.platform.outbox import Event, Outbox, Outgoing
from shared.verification.models import WINDOW, DataKey, FailedAttempt, Verification

if TYPE_CHECKING:
    from google.cloud.firestore import Client, DocumentReference

VERIFICATIONS = "verifications"
ATTEMPTS = "verification_attempts"


@dataclass(frozen=True)
class Record:
    """A verification as read, with its version."""

    verification: Verification
    seen: Stored


@dataclass(frozen=True)
class Found:
    """A record that a query found, and whose it is."""

    customer_hash: str
    record: Record

    @property
    def verification(self) -> Verification:
        return self.record.verification

    @property
    def place(self) -> Place:
        return Place(self.verification.expires_at, self.customer_hash)


@dataclass(frozen=True)
class Place:
    """Where a list by expiry goes on: behind this record."""

    expires_at: datetime
    customer_hash: str


@dataclass(frozen=True)
class Window:
    """The failed attempts of a customer as read, with their version (None: none was ever stored)."""

    failures: tuple[FailedAttempt, ...]
    seen: Stored | None


class VerificationRepository:
    """Loads and commits by customer hash. Every method raises `Unavailable` when Firestore does not answer."""

    def __init__(self, client: Client, outbox: Outbox) -> None:
        self._client = client
        self._outbox = outbox

    @classmethod
    def on(cls, platform: Platform) -> VerificationRepository:
        return cls(platform.firestore, platform.outbox)

    def record(self, customer_hash: str) -> Record | None:
        seen = firestore.read(self._verification(customer_hash))
        return Record(_from_document(seen.data), seen) if seen else None

    def window(self, customer_hash: str) -> Window:
        seen = firestore.read(self._attempts(customer_hash))
        failures = seen.data["failures"] if seen else []
        return Window(tuple(FailedAttempt(id=f["id"], at=f["at"]) for f in failures), seen)

    def unreminded(self, since: datetime, until: datetime, after: Place | None, limit: int) -> list[Found]:
        """Those that expire in (since, until] and whose customer was not told yet; the first to expire first."""
        from google.cloud.firestore import FieldFilter

        query = (
            self._client.collection(VERIFICATIONS)
            .where(filter=FieldFilter("expiryNoticeSentAt", "==", None))
            .where(filter=FieldFilter("expiresAt", ">", since))
            .where(filter=FieldFilter("expiresAt", "<=", until))
            .order_by("expiresAt")
            .order_by("__name__")
            .limit(limit)
        )
        with firestore.translated():
            return _found((query.start_after(self._cursor(after)) if after else query).stream())

    def untold(self, until: datetime, after: Place | None, limit: int) -> list[Found]:
        """Those that have expired by then and of which no event has told; the first to expire first."""
        from google.cloud.firestore import FieldFilter

        query = (
            self._client.collection(VERIFICATIONS)
            .where(filter=FieldFilter("expiredToldAt", "==", None))
            .where(filter=FieldFilter("expiresAt", "<=", until))
            .order_by("expiresAt")
            .order_by("__name__")
            .limit(limit)
        )
        with firestore.translated():
            return _found((query.start_after(self._cursor(after)) if after else query).stream())

    def save_noted(self, changes: Sequence[tuple[Found, Verification, Outgoing | None]]) -> None:
        """What was noted on records, each with what leaves for it, all in one commit. Raises `ChangedMeanwhile`."""
        batch = self._client.batch()
        for found, changed, outgoing in changes:
            firestore.put(batch, self._verification(found.customer_hash), _to_document(changed), found.record.seen)
            if outgoing:
                self._outbox.add(batch, outgoing)
        firestore.commit(batch)

    def save_success(
        self,
        customer_hash: str,
        verification: Verification,
        record: Record | None,
        window: Window,
        event: Event,
    ) -> None:
        """The new record, in place of `record`. The window is written too: it is what attempts race for."""
        batch = self._client.batch()
        self._put_window(batch, customer_hash, window.failures, window, event)
        firestore.put(
            batch,
            self._verification(customer_hash),
            _to_document(verification),
            record.seen if record else None,
        )
        self._outbox.add(batch, event)
        firestore.commit(batch)

    def save_failure(
        self,
        customer_hash: str,
        failures: tuple[FailedAttempt, ...],
        record: Record | None,
        window: Window,
        event: Event,
        blocked_until: datetime | None,
    ) -> None:
        """One more failed attempt; a window that is full now also blocks the cached answer of `record`."""
        batch = self._client.batch()
        self._put_window(batch, customer_hash, failures, window, event)
        if record and blocked_until:
            blocked = _to_document(replace(record.verification, blocked_until=blocked_until))
            firestore.put(batch, self._verification(customer_hash), blocked, record.seen)
        self._outbox.add(batch, event)
        firestore.commit(batch)

    def erase(self, customer_hash: str, record: Record, event: Event) -> None:
        """The record with its data key. The attempt window stays: it is not personal, and the limit still holds."""
        batch = self._client.batch()
        firestore.remove(batch, self._verification(customer_hash), record.seen)
        self._outbox.add(batch, event)
        firestore.commit(batch)

    def _put_window(
        self,
        batch: Any,
        customer_hash: str,
        failures: tuple[FailedAttempt, ...],
        window: Window,
        event: Event,
    ) -> None:
        newest = max((f.at for f in failures), default=event.occurred_at)
        document = {
            "failures": [{"id": f.id, "at": f.at} for f in failures],
            "lastEventId": event.id,
            "expireAt": newest + WINDOW + timedelta(days=1),
        }
        firestore.put(batch, self._attempts(customer_hash), document, window.seen)

    def _cursor(self, place: Place) -> dict[str, Any]:
        return {"expiresAt": place.expires_at, "__name__": self._verification(place.customer_hash)}

    def _verification(self, customer_hash: str) -> DocumentReference:
        return self._client.collection(VERIFICATIONS).document(customer_hash)

    def _attempts(self, customer_hash: str) -> DocumentReference:
        return self._client.collection(ATTEMPTS).document(customer_hash)


def _to_document(v: Verification) -> dict[str, Any]:
    return {
        "verificationId": v.id,
        "verified": True,
        "method": v.method,
        "verifiedAt": v.verified_at,
        "expiresAt": v.expires_at,
        "age": v.age,
        "state": v.state,
        "policyVersion": v.policy_version,
        "evidenceClass": v.evidence_class,
        "tokenFamily": v.token_family,
        "dataKeyId": v.data_key.key_id,
        "dataKey": v.data_key.wrapped,
        "sealed": v.sealed,
        "blockedUntil": v.blocked_until,
        "expiryNoticeQueuedAt": v.expiry_notice_queued_at,
        "expiryNoticeSentAt": v.expiry_notice_sent_at,
        "expiryNoticeFailedAt": v.expiry_notice_failed_at,
        "expiredToldAt": v.expired_told_at,
    }


def _from_document(d: dict[str, Any]) -> Verification:
    return Verification(
        id=d["verificationId"],
        method=d["method"],
        verified_at=d["verifiedAt"],
        expires_at=d["expiresAt"],
        age=d["age"],
        state=d["state"],
        policy_version=d["policyVersion"],
        evidence_class=d["evidenceClass"],
        token_family=d["tokenFamily"],
        data_key=DataKey(key_id=d["dataKeyId"], wrapped=d["dataKey"]),
        sealed=d["sealed"],
        blocked_until=d["blockedUntil"],
        # Records from before there were reminders have one of these four.
        expiry_notice_queued_at=d.get("expiryNoticeQueuedAt"),
        expiry_notice_sent_at=d["expiryNoticeSentAt"],
        expiry_notice_failed_at=d.get("expiryNoticeFailedAt"),
        expired_told_at=d.get("expiredToldAt"),
    )


def _found(documents: Iterable[Any]) -> list[Found]:
    return [Found(one.id, _record(one.to_dict() or {}, one.update_time)) for one in documents]


def _record(data: dict[str, Any], version: Any) -> Record:
    return Record(_from_document(data), Stored(data, version))
