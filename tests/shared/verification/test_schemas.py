"""The wire shapes by themselves; test_verify.py sees them through the function."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.platform.errors import Invalid
from shared.runtime.validation import load_body, load_query, schema
from shared.verification.models import Refused
from shared.verification.schemas import (
    PolicyQuery,
    RefusedAnswer,
    ResubmitRequest,
    StatisticsQuery,
    StatusAnswer,
    VerifiedAnswer,
    VerifyRequest,
)
from tests.factories.claims import verify_body

AT = datetime(2026, 7, 1, 17, 0, 0, 123000, tzinfo=UTC)
REFUSED = Refused(
    attempt_id="att_1",
    method="age_check",
    reason="Must be at least 21 years old",
    field="dateOfBirth",
    code="under_age",
    next_step="Come back when you are 21.",
    age=16,
    attempts_remaining=2,
    reset_at=AT,
)


def test_a_body_is_loaded_under_our_own_names() -> None:
    assert load_body(VerifyRequest, verify_body(email="jose@example.com")) == {
        "customer_id": "c-1",
        "full_name": "José Núñez",
        "date_of_birth": "1990-05-15",
        "id_number_last4": "1234",
        "state": "TX",
        "email": "jose@example.com",
    }


@pytest.mark.parametrize("customer", ["c", "c" * 128, "a.b_c:d@e-f", "0", "shop:42"])
def test_customer_ids_of_the_contract_pass(customer: str) -> None:
    assert load_body(VerifyRequest, verify_body(customer))["customer_id"] == customer


@pytest.mark.parametrize(
    "customer", ["c" * 129, "a/b", "a b", "c\n", "ü", "a%2Fb", "c\x00", "..\\x", "c'--", "\u202ec"]
)
def test_every_other_customer_id_is_refused(customer: str) -> None:
    with pytest.raises(Invalid) as caught:
        load_body(VerifyRequest, verify_body(customer))
    assert caught.value.fields["field"] == "customerId"


@pytest.mark.parametrize("value", [None, 7, 1.5, True, [], {}, [["a"]], {"a": {"b": 1}}])
@pytest.mark.parametrize("name", ["customerId", "fullName", "dateOfBirth", "idNumberLast4", "state", "email"])
def test_a_value_of_another_type_is_named(name: str, value: Any) -> None:
    with pytest.raises(Invalid) as caught:
        load_body(VerifyRequest, {**verify_body(), name: value})
    assert caught.value.fields["field"] == name
    assert caught.value.status == 400


@pytest.mark.parametrize("email", ["a", "a@", "@b.c", "a b@c.de", f"{'a' * 250}@example.com", "", "a@example.com\n"])
def test_what_is_no_email_address_is_refused(email: str) -> None:
    with pytest.raises(Invalid) as caught:
        load_body(VerifyRequest, verify_body(email=email))
    assert caught.value.fields["field"] == "email"


def test_no_value_that_was_sent_is_repeated_in_the_error() -> None:
    for name in verify_body():
        with pytest.raises(Invalid) as caught:
            load_body(VerifyRequest, {**verify_body(), name: ["secret-value"]})
        assert "secret-value" not in f"{caught.value.sentence}{caught.value.fields}"


def test_the_first_wrong_field_in_the_order_of_the_form_is_named() -> None:
    with pytest.raises(Invalid) as caught:
        load_body(VerifyRequest, {**verify_body(), "state": 1, "fullName": 1})
    assert caught.value.fields["field"] == "fullName"


def test_resubmit_has_a_sentence_of_its_own_for_the_customer() -> None:
    with pytest.raises(Invalid, match="customerId is required"):
        load_body(ResubmitRequest, verify_body(customerId=None))


@pytest.mark.parametrize(("query", "days"), [({}, 30), ({"days": "1"}, 1), ({"days": "365"}, 365)])
def test_days(query: dict[str, str], days: int) -> None:
    assert load_query(StatisticsQuery, query)["days"] == days


def test_a_policy_query_needs_a_state() -> None:
    with pytest.raises(Invalid) as caught:
        load_query(PolicyQuery, {})
    assert caught.value.fields["field"] == "state"


def test_a_refusal_is_dumped_with_what_to_do_next() -> None:
    answer = schema(RefusedAnswer).dump({**vars(REFUSED), "timestamp": AT, "processing_time": 3, "request_id": "req_1"})
    assert answer == {
        "success": False,
        "error": "Must be at least 21 years old",
        "code": "under_age",
        "requestId": "req_1",
        "verified": False,
        "verificationId": None,
        "attemptId": "att_1",
        "method": "age_check",
        "reason": "Must be at least 21 years old",
        "field": "dateOfBirth",
        "age": 16,
        "verifiedAt": None,
        "expiresAt": None,
        "ageToken": None,
        "timestamp": "2026-07-01T17:00:00.123Z",
        "processingTime": 3,
        "nextStep": "Come back when you are 21.",
        "attemptsRemaining": 2,
        "resetAt": "2026-07-01T17:00:00.123Z",
    }


@pytest.mark.parametrize("kind", [VerifiedAnswer, StatusAnswer])
def test_no_answer_has_room_for_a_person(kind: Any) -> None:
    names = {field.data_key or name for name, field in schema(kind).fields.items()}
    assert not names & {"fullName", "dateOfBirth", "idNumberLast4", "email"}
