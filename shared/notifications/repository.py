"""`mails/{emailId}`: who sends a mail and what became of it, so that no mail is sent twice. No address is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.notifications.models import KEPT, Sending
from shared.platform import firestore
from shared.platform.context import Platform
from shared.platform.firestore import Stored
from shared.platform.outbox import Event, Outbox

if TYPE_CHECKING:
    from google.cloud.firestore import Client, DocumentReference

MAILS = "mails"


@dataclass(frozen=True)
class Kept:
    """A mail as read, with its version."""

    sending: Sending
    seen: Stored


class Mails:
    """Raises `Unavailable` from every method when Firestore does not answer."""

    def __init__(self, client: Client, outbox: Outbox) -> None:
        self._client = client
        self._outbox = outbox

    @classmethod
    def on(cls, platform: Platform) -> Mails:
        return cls(platform.firestore, platform.outbox)

    def get(self, email_id: str) -> Kept | None:
        seen = firestore.read(self._mail(email_id))
        return Kept(_sending(email_id, seen.data), seen) if seen else None

    def put(self, sending: Sending, kept: Kept | None, told: Sequence[Event] = ()) -> Kept:
        """Provided that it is still as `kept` (None: that it still is not there). Raises `ChangedMeanwhile`."""
        batch, document = self._client.batch(), _document(sending)
        firestore.put(batch, self._mail(sending.email_id), document, kept.seen if kept else None)
        for event in told:
            self._outbox.add(batch, event)
        return Kept(sending, Stored(document, firestore.commit(batch)))

    def _mail(self, email_id: str) -> DocumentReference:
        return self._client.collection(MAILS).document(email_id)


def _document(sending: Sending) -> dict[str, Any]:
    return {
        "template": sending.template,
        "about": sending.about,
        "customerHash": sending.customer_hash,
        "messageId": sending.message_id,
        "state": sending.state,
        "owner": sending.owner,
        "leaseUntil": sending.lease_until,
        "attempts": sending.attempts,
        "queuedAt": sending.queued_at,
        "code": sending.code,
        "answer": sending.answer,
        "endedAt": sending.ended_at,
        "expireAt": (sending.ended_at or sending.lease_until) + KEPT,
    }


def _sending(email_id: str, d: dict[str, Any]) -> Sending:
    return Sending(
        email_id=email_id,
        template=d["template"],
        about=d["about"],
        customer_hash=d["customerHash"],
        message_id=d["messageId"],
        state=d["state"],
        owner=d["owner"],
        lease_until=d["leaseUntil"],
        attempts=d["attempts"],
        queued_at=d["queuedAt"],
        code=d["code"],
        answer=d["answer"],
        ended_at=d["endedAt"],
    )
