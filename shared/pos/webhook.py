"""Square's webhooks: the signature, and which records an event is about. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from shared.pos.models import INCREMENTAL, OBJECTS
from shared.pos.requests import SyncRequest

# Of a refund without a payment: money given back to a card that never paid here.
UNLINKED = object()


def signature(key: str, url: str, body: bytes) -> str:
    """`x-square-hmacsha256-signature`: base64 of HMAC-SHA-256 of the notification URL and the raw body.

    The key is used as the text that Square shows; it is not base64 to be decoded.
    """
    return base64.b64encode(hmac.digest(key.encode(), url.encode() + body, hashlib.sha256)).decode()


def is_genuine(key: str, url: str, body: bytes, sent: str) -> bool:
    """Whether Square signed the body for this URL. An empty body is never genuine."""
    expected = signature(key, url, body)
    return bool(body) and hmac.compare_digest(expected.encode(), sent.encode("utf-8", "replace"))


def request_of(event: Mapping[str, Any], request_id: str) -> SyncRequest | None:
    """What an event asks to be read; None for one that concerns no table. Raises ValueError for a shape that is none.

    Nothing but ids is taken from the event: records are read from Square as they are by then, so that replays and a
    wrong order do no harm.
    """
    kind, data = event.get("type"), event.get("data")
    if not isinstance(kind, str) or not isinstance(data, dict):
        raise ValueError("type or data is missing.")
    if kind.startswith("catalog."):
        return SyncRequest(id=request_id, source="square", mode=INCREMENTAL)
    if not kind.startswith(("payment.", "refund.")):
        return None
    payment = data.get("id") if kind.startswith("payment.") else _payment_of_refund(data)
    if payment is UNLINKED:
        return None
    if not isinstance(payment, str) or not payment.replace("-", "").replace("_", "").isalnum():
        raise ValueError("the payment's id is missing.")
    return SyncRequest(id=request_id, source="square", mode=OBJECTS, stream="square_payments", ids=(payment,))


def _payment_of_refund(data: Mapping[str, Any]) -> Any:
    found = data.get("object")
    refund = found.get("refund") if isinstance(found, dict) else None
    if not isinstance(refund, dict):
        return None
    return UNLINKED if refund.get("unlinked") is True and not refund.get("payment_id") else refund.get("payment_id")
