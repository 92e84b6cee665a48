"""POST /api/age-verification/verify, through its functions-framework app."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.factories.claims import verify_body
from tests.factories.tokens import bearer

PATH = "/api/age-verification/verify"
Function = Callable[[str], FlaskClient]


@pytest.fixture
def verify(function: Function) -> Callable[..., Any]:
    client = function("verification_verify")
    return lambda **changes: client.post(PATH, json=verify_body(**changes), headers=bearer("service", "orders"))


def test_first_full_then_from_the_record(verify: Callable[..., Any]) -> None:
    first, second = verify(), verify()
    assert (first.status_code, first.json["method"]) == (200, "full_verification")
    assert (second.status_code, second.json["method"]) == (200, "cache")
    assert second.json["verificationId"] == first.json["verificationId"]
    assert second.json["reason"] == "Previously verified customer"


def test_three_failures_then_the_limit_even_when_correct(verify: Callable[..., Any]) -> None:
    refused = [verify(idNumberLast4="12") for _ in range(3)]
    assert [(r.status_code, r.json["attemptsRemaining"]) for r in refused] == [(400, 2), (400, 1), (400, 0)]
    blocked = verify()
    assert blocked.status_code == 429
    assert blocked.json["resetAt"] == refused[0].json["resetAt"]
    assert blocked.json["error"] == "Too many verification attempts"
