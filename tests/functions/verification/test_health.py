"""GET /health/age-verification"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from shared.runtime import instance
from tests.factories.silence import Silence
from tests.factories.stopwatch import Stopwatch

PATH = "/health/age-verification"


def test_it_is_healthy_while_firestore_answers(function: Callable[[str], FlaskClient]) -> None:
    answer = function("verification_health").get(PATH)
    assert answer.status_code == 200
    body = answer.json
    assert body.keys() == {"status", "service", "timestamp", "storage"}
    assert (body["status"], body["service"], body["storage"]) == ("healthy", "age-verification", "firestore")


def test_it_is_unhealthy_when_firestore_does_not_answer_within_a_second(
    function: Callable[[str], FlaskClient], monkeypatch: pytest.MonkeyPatch, silence: Silence
) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", silence.address)
    instance.forget()
    client = function("verification_health")
    with Stopwatch() as watch:
        answer = client.get(PATH)
    assert (answer.status_code, answer.json["status"], answer.json["storage"]) == (503, "unhealthy", "firestore")
    # One second for the store, and before it at most another for the permit of the rate limit.
    assert watch.elapsed >= 1
    assert watch.seconds < 2.5
