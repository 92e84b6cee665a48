"""POST /api/age-verification/verify, through its functions-framework app."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from shared.platform.clock import wire_time
from shared.platform.context import Platform
from shared.runtime import instance
from tests.factories.api import VerificationApi
from tests.factories.clock import TestClock
from tests.factories.documents import documents
from tests.factories.personal import personal_in
from tests.factories.silence import Silence
from tests.factories.verifications import person_of

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
NEXT = {"code", "nextStep", "attemptsRemaining", "resetAt"}


def test_first_full_then_from_the_record(api: VerificationApi) -> None:
    first, second = api.verify(), api.verify()
    assert (first.status_code, first.json["method"]) == (200, "full_verification")
    assert (second.status_code, second.json["method"]) == (200, "cache")
    assert second.json["verificationId"] == first.json["verificationId"]
    assert second.json["reason"] == "Previously verified customer"
    assert second.json["verifiedAt"] == first.json["verifiedAt"]
    assert second.json.keys() == first.json.keys()
    assert isinstance(second.json["processingTime"], int)


def test_the_answer_has_the_fields_of_the_contract_and_no_others(api: VerificationApi) -> None:
    answer = api.verify().json
    assert answer.keys() == {
        *("success", "verificationId", "verified", "method", "reason", "age", "verifiedAt", "expiresAt"),
        *("timestamp", "processingTime", "ageToken"),
    }
    assert (answer["success"], answer["verified"], answer["reason"]) == (True, True, "All checks passed")
    assert answer["verificationId"].startswith("av_")
    assert all(TIME.fullmatch(answer[name]) for name in ("verifiedAt", "expiresAt", "timestamp"))
    assert isinstance(answer["processingTime"], int)


def test_a_verification_holds_365_days_to_the_second(still: VerificationApi, clock: TestClock) -> None:
    first = still.verify()
    assert first.json["expiresAt"] == wire_time(clock.at + timedelta(days=365))
    clock.advance(days=365, seconds=-1)
    assert still.verify().json["method"] == "cache"
    clock.advance(seconds=1)
    again = still.verify()
    assert (again.json["method"], again.json["verifiedAt"]) == ("full_verification", wire_time(clock.at))
    assert again.json["verificationId"] != first.json["verificationId"]


# --- refused claims


@pytest.mark.parametrize(
    ("changes", "method", "field", "code", "reason"),
    [
        ({"fullName": "José"}, "input_validation", "fullName", "name_parts", None),
        ({"fullName": "R2 D2"}, "input_validation", "fullName", None, None),
        (
            {"dateOfBirth": "31/01/1990"},
            "age_check",
            "dateOfBirth",
            "date_format",
            "Invalid date format. Use YYYY-MM-DD",
        ),
        ({"dateOfBirth": "2005-02-30"}, "age_check", "dateOfBirth", "date_invalid", "Invalid date of birth"),
        ({"dateOfBirth": "2126-01-01"}, "age_check", "dateOfBirth", "date_in_future", None),
        ({"dateOfBirth": "2010-01-01"}, "age_check", "dateOfBirth", "under_age", "Must be at least 21 years old"),
        ({"state": "ZZ"}, "input_validation", "state", "state_invalid", "Invalid state code"),
        ({"idNumberLast4": "123"}, "id_validation", "idNumberLast4", "id_digits", "ID number must be exactly 4 digits"),
    ],
)
def test_a_refusal_says_what_failed_and_what_to_do_next(
    still: VerificationApi,
    clock: TestClock,
    changes: dict[str, str],
    method: str,
    field: str,
    code: str | None,
    reason: str | None,
) -> None:
    answer = still.verify(**changes)
    body = answer.json
    assert (answer.status_code, body["success"], body["verified"]) == (400, False, False)
    assert (body["method"], body["field"]) == (method, field)
    assert code in (None, body["code"])
    assert reason in (None, body["reason"])
    assert body["error"] == body["reason"]
    assert body.keys() >= NEXT
    assert (body["attemptsRemaining"], body["resetAt"]) == (2, wire_time(clock.at + timedelta(hours=24)))
    assert ("age" in body) == (code == "under_age")
    assert [body[name] for name in ("verificationId", "verifiedAt", "expiresAt", "ageToken")] == [None] * 4


WRONG = {"fullName": "x", "dateOfBirth": "x", "state": "x", "idNumberLast4": "x"}


@pytest.mark.parametrize(
    ("right", "field"),
    [
        ((), "fullName"),
        (("fullName",), "dateOfBirth"),
        (("fullName", "dateOfBirth"), "state"),
        (("fullName", "dateOfBirth", "state"), "idNumberLast4"),
    ],
)
def test_the_checks_run_in_order(api: VerificationApi, right: tuple[str, ...], field: str) -> None:
    changes = {name: value for name, value in WRONG.items() if name not in right}
    assert api.verify(**changes).json["field"] == field


def test_a_minor_is_told_their_age(still: VerificationApi) -> None:
    assert still.verify(dateOfBirth="2010-01-01").json["age"] == 16


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"dateOfBirth": None, "state": None}, ["dateOfBirth", "state"]),
        ({"dateOfBirth": "", "state": "  "}, ["dateOfBirth", "state"]),
        ({"customerId": None}, ["customerId"]),
        (
            dict.fromkeys(("customerId", "fullName", "dateOfBirth", "idNumberLast4", "state")),
            ["customerId", "fullName", "dateOfBirth", "idNumberLast4", "state"],
        ),
    ],
)
def test_missing_fields_are_named_and_are_no_attempt(
    api: VerificationApi, changes: dict[str, Any], missing: list[str]
) -> None:
    answers = [api.verify(**changes) for _ in range(4)]
    assert {a.status_code for a in answers} == {400}
    assert answers[0].json["missing"] == missing
    assert answers[0].json["error"] == f"Missing required fields: {', '.join(missing)}"
    assert api.verify().status_code == 200


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"dateOfBirth": 19900515}, "dateOfBirth"),
        ({"idNumberLast4": 1234}, "idNumberLast4"),
        ({"fullName": ["José", "Núñez"]}, "fullName"),
        ({"email": "nobody"}, "email"),
        ({"customerId": "a/b"}, "customerId"),
        ({"customerId": "c" * 129}, "customerId"),
        ({"nickname": "Pepe"}, "nickname"),
    ],
)
def test_a_field_of_the_wrong_kind_is_named_and_is_no_attempt(
    api: VerificationApi, platform: Platform, changes: dict[str, Any], field: str
) -> None:
    answer = api.verify(**changes)
    assert (answer.status_code, answer.json["field"]) == (400, field)
    assert "attemptsRemaining" not in answer.json
    assert not documents(platform.firestore, "verification_attempts")


# --- the limit


def test_three_failures_then_the_limit_even_when_correct(api: VerificationApi) -> None:
    refused = [api.verify(idNumberLast4="12") for _ in range(3)]
    assert [(r.status_code, r.json["attemptsRemaining"]) for r in refused] == [(400, 2), (400, 1), (400, 0)]
    blocked = api.verify()
    assert blocked.status_code == 429
    assert blocked.json["resetAt"] == refused[0].json["resetAt"]
    assert blocked.json["error"] == "Too many verification attempts"


def test_the_limit_answers_as_the_contract_says(still: VerificationApi, clock: TestClock) -> None:
    for _ in range(3):
        still.verify(state="ZZ")
    clock.advance(hours=1)
    blocked = still.verify()
    body = blocked.json
    assert "(3 per 24 hours)" in body["message"]
    assert (body["success"], body["attempts"], body["maxAttempts"], body["attemptsRemaining"]) == (False, 3, 3, 0)
    assert body.keys() >= NEXT
    assert blocked.headers["Retry-After"] == str(23 * 3600)


def test_the_window_slides(still: VerificationApi, clock: TestClock) -> None:
    for _ in range(3):
        still.verify(idNumberLast4="12")
        clock.advance(hours=1)
    clock.advance(hours=21, milliseconds=-1)
    assert still.verify().status_code == 429
    clock.advance(milliseconds=1)
    allowed = still.verify(idNumberLast4="12")
    assert (allowed.status_code, allowed.json["attemptsRemaining"]) == (400, 0)
    assert allowed.json["resetAt"] == wire_time(clock.at + timedelta(hours=1))
    assert still.verify().status_code == 429


def test_successes_and_answers_from_the_record_do_not_count(still: VerificationApi) -> None:
    for _ in range(5):
        assert still.verify().status_code == 200
    assert still.verify(idNumberLast4="12").json["attemptsRemaining"] == 2


def test_a_blocked_customer_gets_429_although_a_valid_record_exists(still: VerificationApi, clock: TestClock) -> None:
    still.verify()
    failures = [still.verify(idNumberLast4="12") for _ in range(3)]
    assert [f.status_code for f in failures] == [400, 400, 400]
    assert still.verify().status_code == 429
    assert still.status().json["verified"] is True
    clock.advance(hours=24)
    assert still.verify().json["method"] == "cache"


def test_one_customer_s_failures_do_not_block_another(api: VerificationApi) -> None:
    for _ in range(3):
        api.verify("c-1", idNumberLast4="12")
    assert api.verify("c-2").status_code == 200


# --- the record


def test_another_birth_date_is_no_hit_and_runs_as_a_new_verification(api: VerificationApi) -> None:
    first, other = api.verify(), api.verify(dateOfBirth="1991-06-16")
    assert (other.status_code, other.json["method"]) == (200, "full_verification")
    assert other.json["verificationId"] != first.json["verificationId"]
    assert api.status().json["verificationId"] == other.json["verificationId"]
    assert api.verify().json["method"] == "full_verification"


def test_the_stored_record_has_the_contract_s_fields_and_nothing_readable(
    api: VerificationApi, platform: Platform
) -> None:
    api.verify(email="jose@example.com")
    ((path, record),) = documents(platform.firestore, "verifications").items()
    assert path == f"verifications/{platform.customer_hash('c-1')}"
    assert record.keys() >= {"verificationId", "verified", "method", "verifiedAt", "expiresAt", "age", "state"}
    assert (record["policyVersion"], record["evidenceClass"]) == ("2025-10-02/TX", "self_declared_id_digits")
    assert personal_in(repr(record), "Núñez", "1990", "1990-05-15", "1234", "c-1", "example.com") == []


@pytest.mark.parametrize("path", ["/api/age-verification/verify", "/verify", "/"])
def test_the_function_answers_at_its_own_url_too(api: VerificationApi, path: str) -> None:
    body = {"customerId": "c-1"}
    assert api.call("verification_verify", "POST", path, json=body).json["code"] == "missing_fields"


def test_the_email_of_the_token_is_kept_when_the_body_has_none(api: VerificationApi, platform: Platform) -> None:
    api.as_("customer", "c-1", email="token@example.com").verify()
    assert person_of(platform, "c-1").email == "token@example.com"


# --- a store that does not answer


def test_without_firestore_it_is_503_and_no_attempt_is_evaluated(
    function: Callable[[str], FlaskClient], monkeypatch: pytest.MonkeyPatch, silence: Silence
) -> None:
    """The limit fails closed: a refusal that nobody could count would be a free try."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", silence.address)
    instance.forget()
    answer = VerificationApi(function).verify(idNumberLast4="12")
    assert (answer.status_code, answer.json["code"]) == (503, "temporarily_unavailable")
    assert answer.headers["Retry-After"]
    assert not answer.json.keys() & {"method", "field", "attemptsRemaining"}
