"""What age verification tells the rest of the house: topic `verification-events`. Nothing in them is personal."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared.platform.clock import wire_time
from shared.platform.outbox import Event
from shared.verification.models import Refusal, Verification

TOPIC = "verification-events"


def succeeded(
    event_id: str,
    attempt_id: str,
    customer_hash: str,
    request_id: str,
    record: Verification,
    supersedes: str | None,
) -> Event:
    """A verification was stored."""
    data = {
        "success": True,
        "attemptId": attempt_id,
        "verificationId": record.id,
        "method": record.method,
        "reason": "All checks passed",
        "state": record.state,
        "verifiedAt": wire_time(record.verified_at),
        "expiresAt": wire_time(record.expires_at),
        "policyVersion": record.policy_version,
        "evidenceClass": record.evidence_class,
        "supersedes": supersedes,
    }
    return _event("succeeded", event_id, record.verified_at, customer_hash, request_id, data)


def failed(
    event_id: str, attempt_id: str, customer_hash: str, request_id: str, refusal: Refusal, at: datetime
) -> Event:
    """An attempt was evaluated and refused; it counts against the limit."""
    data = {
        "success": False,
        "attemptId": attempt_id,
        "method": refusal.method,
        "reason": refusal.reason,
        "code": refusal.code,
        "field": refusal.field,
        "state": refusal.state,
    }
    return _event("failed", event_id, at, customer_hash, request_id, data)


def rate_limited(event_id: str, attempt_id: str, customer_hash: str, request_id: str, at: datetime) -> Event:
    """An attempt was turned away unevaluated."""
    data = {
        "success": False,
        "attemptId": attempt_id,
        "method": "rate_limit",
        "reason": "Too many attempts",
        "code": "too_many_attempts",
    }
    return _event("rate_limited", event_id, at, customer_hash, request_id, data)


def erased(event_id: str, customer_hash: str, request_id: str, record: Verification, role: str, at: datetime) -> Event:
    """The customer's personal data and data key were deleted. `role`: who asked."""
    data = {"verificationId": record.id, "function": "verification_erase", "role": role, "code": "erased"}
    return _event("erased", event_id, at, customer_hash, request_id, data)


def expired(customer_hash: str, record: Verification) -> Event:
    """A verification is over. The same for each time that it is told: one id, and the moment that it was over."""
    data = {
        "verificationId": record.id,
        "state": record.state,
        "verifiedAt": wire_time(record.verified_at),
        "expiresAt": wire_time(record.expires_at),
    }
    return _event("expired", f"evt_expired_{record.id}", record.expires_at, customer_hash, "", data)


def _event(kind: str, event_id: str, at: datetime, customer_hash: str, request_id: str, data: dict[str, Any]) -> Event:
    return Event(
        id=event_id,
        type=f"verification.{kind}",
        topic=TOPIC,
        occurred_at=at,
        request_id=request_id,
        customer_hash=customer_hash,
        data=data,
    )
