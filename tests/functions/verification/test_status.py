"""GET /api/age-verification/status/{customer_id}"""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.platform.clock import wire_time
from tests.factories.api import BASE, VerificationApi
from tests.factories.clock import TestClock
from tests.factories.clock_file import ClockFile


def test_an_unknown_customer_is_404(api: VerificationApi) -> None:
    answer = api.status("c-9")
    assert answer.status_code == 404
    body = answer.json
    assert (body["success"], body["verified"], body["customerId"]) == (False, False, "c-9")
    assert body["message"] == "No verification found for this customer"
    assert body["code"] == "not_verified"


def test_a_failed_attempt_is_no_verification(api: VerificationApi) -> None:
    api.verify(state="ZZ")
    assert api.status().status_code == 404


def test_the_answer_has_the_fields_of_the_contract_and_no_others(api: VerificationApi) -> None:
    verified = api.verify().json
    answer = api.status()
    body = answer.json
    assert body.keys() == {
        *("success", "verified", "verificationId", "verifiedAt", "expiresAt", "expired", "age", "state", "method"),
        "ageToken",
    }
    assert {n: body[n] for n in ("verificationId", "verifiedAt", "expiresAt", "age", "method")} == {
        n: verified[n] for n in ("verificationId", "verifiedAt", "expiresAt", "age", "method")
    }
    assert (body["success"], body["verified"], body["expired"], body["state"]) == (True, True, False, "TX")
    assert answer.headers["Cache-Control"] == "no-store"


def test_it_is_verified_until_the_last_second_and_expired_from_then_on(
    still: VerificationApi, clock: TestClock
) -> None:
    still.verify()
    expires = clock.at + timedelta(days=365)
    clock.at = expires - timedelta(seconds=1)
    before = still.status().json
    clock.at = expires
    after = still.status().json
    assert (before["verified"], before["expired"]) == (True, False)
    assert (after["verified"], after["expired"], after["ageToken"]) == (False, True, None)
    assert after["expiresAt"] == before["expiresAt"] == wire_time(expires)


def test_a_moved_clock_is_seen_by_a_running_function(clock_file: ClockFile, api: VerificationApi) -> None:
    api.verify()
    assert api.status().json["verified"] is True
    clock_file.advance(days=366)
    assert api.status().json["expired"] is True


def test_a_cached_answer_leaves_the_method_of_the_record(api: VerificationApi) -> None:
    api.verify()
    api.verify()
    assert api.status().json["method"] == "full_verification"


def test_another_customer_s_status_is_forbidden_whether_it_exists_or_not(api: VerificationApi) -> None:
    api.verify("c-1")
    stranger = api.as_("customer", "c-2")
    answers = [stranger.status(customer) for customer in ("c-1", "c-9")]
    assert [a.status_code for a in answers] == [403, 403]
    assert answers[0].json["error"] == answers[1].json["error"]
    assert stranger.as_("service", "orders").status("c-1").status_code == 200


@pytest.mark.parametrize("path", [f"{BASE}/status/c-1", "/status/c-1"])
def test_the_function_answers_at_its_own_url_too(api: VerificationApi, path: str) -> None:
    assert api.call("verification_status", "GET", path).json["code"] == "not_verified"


@pytest.mark.parametrize("customer", ["a%2Fb", "a%20b", "%00", "c" * 129, "%E2%80%AEc"])
def test_no_odd_id_becomes_a_path(api: VerificationApi, customer: str) -> None:
    assert api.status(customer).status_code in (400, 404)
    assert api.status(customer).json["code"] in ("invalid_customer_id", "unknown_path")
