"""GET /api/age-verification/statistics, from attempts that record_event has stored."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from local.provision import PubSub
from tests.factories.api import VerificationApi
from tests.factories.messages import pulled, push


@pytest.fixture
def recorded(function: Callable[[str], FlaskClient], pubsub: PubSub, tables: None) -> Callable[[], None]:
    """Deliver everything that was published so far."""
    recorder = function("audit_record_event")

    def deliver() -> None:
        for message in pulled(pubsub):
            assert push(recorder, message).status_code == 200

    return deliver


def test_attempts_and_outcomes(api: VerificationApi, recorded: Callable[[], None]) -> None:
    api.verify("c-1")
    api.verify("c-1")
    api.verify("c-2", state="CA")
    for _ in range(3):
        api.verify("c-3", idNumberLast4="12")
    api.verify("c-3")
    api.verify("c-4", state="ZZ")
    recorded()
    body = api.statistics().json
    assert body["success"] is True
    assert "timestamp" in body
    day = body["statistics"].pop("daily")
    assert body["statistics"] == {
        "totalAttempts": 7,
        "successfulVerifications": 2,
        "failedVerifications": 5,
        "successRate": "28.57",
        "period": "30 days",
        "byMethod": {"full_verification": 2, "id_validation": 3, "input_validation": 1, "rate_limit": 1},
        "byState": {"TX": 4, "CA": 1, "unknown": 2},
    }
    assert [(d["attempts"], d["successful"]) for d in day] == [(7, 2)]


def test_with_no_attempts_the_rate_is_0_00(api: VerificationApi, tables: None) -> None:
    statistics = api.statistics().json["statistics"]
    assert (statistics["totalAttempts"], statistics["successRate"], statistics["daily"]) == (0, "0.00", [])


@pytest.mark.parametrize(("days", "period"), [(1, "1 days"), (365, "365 days")])
def test_days_may_be_1_to_365(api: VerificationApi, tables: None, days: int, period: str) -> None:
    assert api.statistics(days=days).json["statistics"]["period"] == period


@pytest.mark.parametrize("days", ["0", "366", "-1", "abc", "1.5", "", "1e2", "99999999999999999999"])
def test_any_other_number_of_days_is_400(api: VerificationApi, days: str) -> None:
    answer = api.statistics(days=days)
    assert (answer.status_code, answer.json["field"]) == (400, "days")


def test_admins_only(api: VerificationApi) -> None:
    callers = [api.as_("customer", "c-1"), api.as_("service", "orders")]
    assert [caller.statistics().status_code for caller in callers] == [403, 403]
