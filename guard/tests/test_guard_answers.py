"""How each answer of the service is read: one clear yes, three kinds of no, and doubt."""

import json
import logging
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta

import pytest
from guard_maker import GuardMaker
from scripted_service import ScriptedService, answer, not_found, status_body, wire_time

from age_guard import AgeVerificationRequired, InvalidCustomerId, UnableToVerifyAge


def test_a_verified_customer_passes(service: ScriptedService, make_guard: GuardMaker) -> None:
    service.plays(answer(body=status_body(verifiedAt="2026-01-02T03:04:05.678Z")))
    verified = make_guard().check_age("c-1", authorization="Bearer example-token", request_id="req-1")
    assert (verified.verification_id, verified.age) == ("av_01example", 34)
    assert verified.verified_at == datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    assert verified.as_json() == {
        "verificationId": "av_01example",
        "verifiedAt": "2026-01-02T03:04:05.678Z",
        "age": 34,
    }
    assert "c-1" not in repr(verified)
    with pytest.raises(FrozenInstanceError):
        verified.age = 35  # type: ignore[misc]


def test_the_question_carries_the_caller(service: ScriptedService, make_guard: GuardMaker) -> None:
    service.plays(answer())
    make_guard().check_age("c-1", authorization="Bearer example-token", request_id="req-1")
    (seen,) = service.seen
    assert seen.path == "/api/age-verification/status/c-1"
    assert seen.headers["authorization"] == "Bearer example-token"
    assert seen.headers["x-request-id"] == "req-1"


@pytest.mark.parametrize("request_id", [None, "", "a b", "x" * 65, "id\r\nX-Evil: 1"])
def test_an_unsafe_request_id_is_not_forwarded(
    service: ScriptedService, make_guard: GuardMaker, request_id: str | None
) -> None:
    service.plays(answer())
    make_guard().check_age("c-1", request_id=request_id)
    assert "x-request-id" not in service.seen[0].headers
    assert "authorization" not in service.seen[0].headers


def test_the_customer_id_is_quoted(service: ScriptedService, make_guard: GuardMaker) -> None:
    service.plays(answer())
    make_guard().check_age("shop:a_b.c-d@example.com")
    assert service.seen[0].path == "/api/age-verification/status/shop%3Aa_b.c-d%40example.com"


BAD_IDS = ["", None, "a/b", "../c-1", "..", ".", "c 1", "c?x=1", "c%2f", "c#1", "é", "c-1\n", "x" * 129, 17]


@pytest.mark.parametrize("customer_id", BAD_IDS)
def test_a_bad_customer_id_never_reaches_the_service(
    service: ScriptedService, make_guard: GuardMaker, customer_id: str
) -> None:
    with pytest.raises(InvalidCustomerId) as refusal:
        make_guard().check_age(customer_id)
    assert refusal.value.status == 400
    assert service.seen == []


NO = {
    "not verified": ("not_verified", answer(body=status_body(verified=False))),
    "expired": ("expired", answer(body=status_body(verified=False, expired=True))),
    "expired but verified": ("expired", answer(body=status_body(expired=True))),
    "expiresAt has passed": ("expired", answer(body=status_body(expiresAt="2020-01-01T00:00:00.000Z"))),
    "unknown": ("not_found", not_found()),
    "404 of another kind": ("not_found", answer(404, b"<h1>Not found</h1>")),
}


@pytest.mark.parametrize("case", NO)
def test_a_clear_no(service: ScriptedService, make_guard: GuardMaker, case: str) -> None:
    reason, step = NO[case]
    service.plays(step)
    with pytest.raises(AgeVerificationRequired) as refusal:
        make_guard().check_age("c-1")
    assert refusal.value.status == 403
    assert refusal.value.reason == reason
    assert refusal.value.verification_url == "https://shop.example.com/verify"
    assert len(service.seen) == 1


def test_a_moment_past_expiry_is_expired(service: ScriptedService, make_guard: GuardMaker) -> None:
    service.plays(answer(body=status_body(expiresAt=wire_time(datetime.now(UTC) - timedelta(seconds=0.05)))))
    with pytest.raises(AgeVerificationRequired):
        make_guard().check_age("c-1")


DOUBTFUL = {
    "verified is text": status_body(verified="true"),
    "verified is a number": status_body(verified=1),
    "verified is null": status_body(verified=None),
    "verified is missing": status_body(verified=...),
    "success is false": status_body(success=False),
    "success is missing": status_body(success=...),
    "expired is text": status_body(expired="false"),
    "expired is null": status_body(expired=None),
    "expiresAt is missing": status_body(expiresAt=...),
    "expiresAt is null": status_body(expiresAt=None),
    "expiresAt is a number": status_body(expiresAt=4102444800),
    "expiresAt is no time": status_body(expiresAt="next year"),
    "expiresAt has no zone": status_body(expiresAt="2099-01-01T00:00:00"),
    "expiresAt is off the calendar": status_body(expiresAt="9999-12-31T23:59:59-23:00"),
    "verifiedAt is no time": status_body(verifiedAt="yesterday"),
    "verificationId is missing": status_body(verificationId=...),
    "verificationId is empty": status_body(verificationId=""),
    "age is text": status_body(age="34"),
    "age is true": status_body(age=True),
    "age is missing": status_body(age=...),
    "age is out of range": status_body(age=-3),
    "a list": [status_body()],
    "just true": True,
    "garbage": b"\x00\xff not json",
    "empty": b"",
    "nested deeply": b"[" * 60_000,
    "a key twice": json.dumps(status_body()).replace("{", '{"verified": false, ', 1).encode(),
    "huge": json.dumps(status_body()).encode() + b" " * 70_000,
}


@pytest.mark.parametrize("case", DOUBTFUL)
def test_doubt_is_not_a_yes(service: ScriptedService, make_guard: GuardMaker, case: str) -> None:
    service.plays(answer(body=DOUBTFUL[case]))
    with pytest.raises(UnableToVerifyAge) as failure:
        make_guard().check_age("c-1")
    assert (failure.value.status, failure.value.reason) == (500, "unexpected_body")
    assert len(service.seen) == 1


@pytest.mark.parametrize("status", [201, 202, 204, 301, 304, 400, 405, 410, 418, 429, 500, 501])
def test_other_statuses_are_doubt_and_not_worth_a_retry(
    service: ScriptedService, make_guard: GuardMaker, status: int
) -> None:
    service.plays(answer(status, b"" if status in {204, 304} else None))
    with pytest.raises(UnableToVerifyAge) as failure:
        make_guard().check_age("c-1")
    assert failure.value.reason == f"status_{status}"
    assert len(service.seen) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_say_to_sign_in(service: ScriptedService, make_guard: GuardMaker, status: int) -> None:
    service.plays(answer(status))
    with pytest.raises(UnableToVerifyAge, match="Unable to verify age") as failure:
        make_guard().check_age("c-1", authorization="Bearer example-token")
    assert failure.value.reason == "credentials_refused"
    assert "sign in" in failure.value.message
    assert len(service.seen) == 1


@pytest.mark.parametrize("authorization", ["Bearer a\r\nX-Evil: 1", "Bearer \u2603", "Bearer \x00"])
def test_an_authorization_that_is_no_header_is_not_sent(
    service: ScriptedService, make_guard: GuardMaker, authorization: str
) -> None:
    with pytest.raises(UnableToVerifyAge) as failure:
        make_guard().check_age("c-1", authorization=authorization)
    assert failure.value.reason == "authorization_malformed"
    assert service.seen == []


def test_a_404_of_another_kind_warns_of_the_address(
    service: ScriptedService, make_guard: GuardMaker, caplog: pytest.LogCaptureFixture
) -> None:
    service.plays(not_found(), answer(404, {"success": False, "code": "not_found"}))
    guard = make_guard()
    for expected_warnings in (0, 1):
        with caplog.at_level(logging.WARNING, "age_guard"), pytest.raises(AgeVerificationRequired):
            guard.check_age("c-1")
        assert caplog.text.count("base URL") == expected_warnings
