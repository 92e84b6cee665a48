"""Test people, through every route that knows them."""

from __future__ import annotations

from typing import Any

import pytest

from local.provision import PubSub
from shared.platform.context import Platform
from shared.runtime import instance
from shared.verification import sandbox
from tests.factories.api import VerificationApi
from tests.factories.documents import documents
from tests.factories.messages import pulled

# id → status, method, field, code of a verify, and status of a status
OUTCOMES: dict[str, tuple[int, str | None, str | None, str | None, int]] = {
    "sandbox-verified": (200, "full_verification", None, None, 200),
    "sandbox-expired": (200, "full_verification", None, None, 200),
    "sandbox-minor": (400, "age_check", "dateOfBirth", "under_age", 404),
    "sandbox-bad-name": (400, "input_validation", "fullName", "name_parts", 404),
    "sandbox-bad-date": (400, "age_check", "dateOfBirth", "date_format", 404),
    "sandbox-future-date": (400, "age_check", "dateOfBirth", "date_in_future", 404),
    "sandbox-bad-state": (400, "input_validation", "state", "state_invalid", 404),
    "sandbox-bad-id": (400, "id_validation", "idNumberLast4", "id_digits", 404),
    "sandbox-rate-limited": (429, None, None, "too_many_attempts", 404),
    "sandbox-unavailable": (503, None, None, "temporarily_unavailable", 503),
}
NONSENSE = {"fullName": "x", "dateOfBirth": "x", "idNumberLast4": "x", "state": "x"}


def test_every_test_person_is_in_this_table() -> None:
    assert set(OUTCOMES) == {*sandbox.CLAIMS, sandbox.RATE_LIMITED, sandbox.UNAVAILABLE}


@pytest.mark.parametrize("customer", OUTCOMES)
@pytest.mark.parametrize("route", ["verify", "resubmit"])
@pytest.mark.parametrize("form", [{}, NONSENSE], ids=["good form", "nonsense"])
def test_the_outcome_follows_from_the_id_alone(
    api: VerificationApi, route: str, customer: str, form: dict[str, Any]
) -> None:
    answer = getattr(api, route)(customer, **form)
    body = answer.json
    found = (answer.status_code, body.get("method"), body.get("field"), body.get("code"))
    assert found == OUTCOMES[customer][:4]


@pytest.mark.parametrize("customer", OUTCOMES)
def test_the_status_follows_from_the_id_alone(api: VerificationApi, customer: str) -> None:
    assert api.status(customer).status_code == OUTCOMES[customer][4]


def test_verified_and_expired_people_have_a_record(api: VerificationApi) -> None:
    verified, expired = (api.status(f"sandbox-{name}").json for name in ("verified", "expired"))
    assert (verified["verified"], verified["expired"]) == (True, False)
    assert (expired["verified"], expired["expired"], expired["ageToken"]) == (False, True, None)


def test_the_limited_person_is_told_when_to_come_back(api: VerificationApi) -> None:
    body = api.verify("sandbox-rate-limited").json
    assert (body["attempts"], body["maxAttempts"]) == (3, 3)
    assert body["resetAt"]


def test_an_age_token_of_a_test_person_is_known(api: VerificationApi) -> None:
    age_token = api.verify("sandbox-verified").json["ageToken"]
    assert api.own_status(age_token).json["verified"] is True


def test_nothing_is_stored_and_no_event_leaves(api: VerificationApi, platform: Platform, pubsub: PubSub) -> None:
    for customer in OUTCOMES:
        api.verify(customer)
    assert {path.partition("/")[0] for path in documents(platform.firestore)} <= {"rate_limits"}
    assert pulled(pubsub) == []


def test_other_sandbox_ids_are_customers_like_any(api: VerificationApi) -> None:
    assert api.verify("sandbox-somebody").json["method"] == "full_verification"
    assert api.verify("sandbox-somebody").json["method"] == "cache"


@pytest.mark.parametrize("customer", OUTCOMES)
def test_in_production_they_are_customers_like_any(
    api: VerificationApi, monkeypatch: pytest.MonkeyPatch, customer: str
) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    instance.forget()
    assert api.status(customer).status_code == 404
    assert api.verify(customer).json["method"] == "full_verification"
    assert api.status(customer).json["verified"] is True
