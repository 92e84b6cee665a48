"""Events as record_event gets them."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any

from shared.platform.clock import wire_time

AT = datetime(2026, 7, 1, 17, tzinfo=UTC)
_numbers = count(1)


def attempt(at: datetime = AT, event_id: str = "", **changes: Any) -> dict[str, Any]:
    """A failed attempt; `changes` replace its data, None leaves one out."""
    data = {
        "success": False,
        "attemptId": "att_1",
        "method": "id_validation",
        "reason": "ID number must be exactly 4 digits",
        "code": "id_digits",
        "field": "idNumberLast4",
        "state": "TX",
        **changes,
    }
    return _event("verification.failed", at, event_id, data)


def success(at: datetime = AT, event_id: str = "", **changes: Any) -> dict[str, Any]:
    """A verification that was stored."""
    data = {
        "success": True,
        "attemptId": "att_1",
        "verificationId": "av_1",
        "method": "full_verification",
        "reason": "All checks passed",
        "state": "TX",
        "verifiedAt": wire_time(at),
        "expiresAt": wire_time(at.replace(year=at.year + 1)),
        "policyVersion": "2025-10-02/TX",
        "evidenceClass": "self_declared_id_digits",
        "supersedes": None,
        **changes,
    }
    return _event("verification.succeeded", at, event_id, data)


def erasure(at: datetime = AT, event_id: str = "") -> dict[str, Any]:
    data = {"verificationId": "av_1", "function": "verification_erase", "role": "admin", "code": "erased"}
    return _event("verification.erased", at, event_id, data)


def expiry(at: datetime = AT, event_id: str = "") -> dict[str, Any]:
    """A verification is over."""
    times = {"verifiedAt": wire_time(at), "expiresAt": wire_time(at)}
    return _event("verification.expired", at, event_id, {"verificationId": "av_1", "state": "TX", **times})


def sync_run(at: datetime = AT, event_id: str = "") -> dict[str, Any]:
    """A run of the sync that ended well."""
    counts = ("rowsSeen", "rowsWritten", "rowsRejected", "changedLate", "pages", "retries", "differences")
    named = {"jobId": "job_1", "source": "square", "mode": "incremental", "syncMode": "live"}
    times = {"startedAt": wire_time(at), "finishedAt": wire_time(at)}
    return _event(
        "sync.completed", at, event_id, {**named, **dict.fromkeys(counts, 4), "certificateGreen": True, **times}
    )


def alert(at: datetime = AT, event_id: str = "") -> dict[str, Any]:
    data = {
        "severity": "critical",
        "title": "Square failed",
        "message": "Its token was refused.",
        "tags": "sync,square",
    }
    return _event("alert.raised", at, event_id, {**data, "dedupKey": "sync:square", "value": "3", "threshold": "2.5"})


def _event(kind: str, at: datetime, event_id: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "eventId": event_id or f"evt_{next(_numbers):04}",
        "type": kind,
        "occurredAt": wire_time(at),
        "customerHash": "a" * 64,
        "requestId": "req_1",
        "data": {name: value for name, value in data.items() if value is not None},
    }
