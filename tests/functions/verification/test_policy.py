"""GET /api/age-verification/policy"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.factories.api import VerificationApi
from tests.factories.clock import TestClock


def test_it_explains_the_rule_in_force(api: VerificationApi) -> None:
    answer = api.policy(state="TX", date="2026-07-01")
    assert answer.status_code == 200
    assert answer.json["policy"] == {
        "state": "TX",
        "stateName": "Texas",
        "timeZone": "America/Chicago",
        "date": "2026-07-01",
        "rule": {
            "version": "2025-10-02/TX",
            "minimumAge": 21,
            "validityDays": 365,
            "citation": "Texas DSHS consumable-hemp emergency rules, 25 TAC §§300.701–300.702",
            "inForceFrom": "2025-10-02",
        },
        "evidenceClass": "self_declared_id_digits",
    }


def test_the_state_may_be_lower_case_and_the_day_of_an_earlier_rule(api: VerificationApi) -> None:
    policy = api.policy(state="tx", date="2025-10-01").json["policy"]
    assert (policy["state"], policy["rule"]["version"]) == ("TX", "house-1/US")


@pytest.mark.parametrize(("state", "day"), [("TX", "2026-07-01"), ("HI", "2026-06-30"), ("GU", "2026-07-01")])
def test_today_is_the_day_in_the_state(still: VerificationApi, clock: TestClock, state: str, day: str) -> None:
    clock.at = datetime(2026, 7, 1, 9, tzinfo=UTC)
    assert still.policy(state=state).json["policy"]["date"] == day


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"state": "ZZ"}, "state"),
        ({}, "state"),
        ({"state": "TX", "date": "2026-02-30"}, "date"),
        ({"state": "TX", "date": "20260101"}, "date"),
        ({"state": "TX", "day": "2026-01-01"}, "day"),
    ],
)
def test_a_wrong_query_is_named(api: VerificationApi, query: dict[str, str], field: str) -> None:
    answer = api.policy(**query)
    assert (answer.status_code, answer.json["field"]) == (400, field)


def test_every_signed_in_caller_may_ask(api: VerificationApi) -> None:
    callers = [api.as_("customer", "c-1"), api.as_("service", "orders"), api]
    assert {caller.policy(state="TX").status_code for caller in callers} == {200}
