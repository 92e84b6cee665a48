"""The one map from failures to the wire."""

from __future__ import annotations

from typing import Any

from shared.platform.errors import Failure
from shared.runtime.request import Answer

INTERNAL = "Something went wrong on our side. Try again; if it stays, tell us the requestId."


def answer_for(failure: Failure, request_id: str) -> Answer:
    """`{success, error, code, requestId}` plus the fields of the failure."""
    body = {"success": False, "error": failure.sentence, "code": failure.code, "requestId": request_id}
    return Answer(failure.status, {**body, **failure.fields}, failure.headers)


def internal(request_id: str) -> Answer:
    """Shows nothing of the exception."""
    body: dict[str, Any] = {
        "success": False,
        "error": INTERNAL,
        "code": "internal_error",
        "requestId": request_id,
    }
    return Answer(500, body)
