"""POST /api/age-verification/resubmit"""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.platform.clock import wire_time
from shared.platform.context import Platform
from tests.factories.api import VerificationApi
from tests.factories.clock import TestClock
from tests.factories.verifications import person_of


def test_it_ignores_the_record_and_supersedes_it(still: VerificationApi, clock: TestClock) -> None:
    first = still.verify().json
    clock.advance(days=100)
    again = still.resubmit()
    assert (again.status_code, again.json["method"]) == (200, "full_verification")
    assert again.json["verificationId"] != first["verificationId"]
    assert again.json["expiresAt"] == wire_time(clock.at + timedelta(days=365))
    assert still.status().json["verificationId"] == again.json["verificationId"]
    assert still.verify().json["verificationId"] == again.json["verificationId"]


def test_the_new_record_holds_the_new_person(api: VerificationApi, platform: Platform) -> None:
    api.verify(email="old@example.com")
    api.resubmit(fullName="Nguyễn Văn An", dateOfBirth="1980-02-29", idNumberLast4="9876", email="new@example.com")
    person = person_of(platform, "c-1")
    assert (person.full_name, person.date_of_birth.isoformat()) == ("Nguyễn Văn An", "1980-02-29")
    assert (person.id_number_last4, person.email) == ("9876", "new@example.com")


def test_it_needs_no_earlier_record(api: VerificationApi) -> None:
    assert api.resubmit().json["method"] == "full_verification"
    assert api.verify().json["method"] == "cache"


def test_a_failure_leaves_the_old_record_valid(api: VerificationApi) -> None:
    first = api.verify().json
    failed = api.resubmit(dateOfBirth="2010-01-01")
    assert (failed.status_code, failed.json["attemptsRemaining"]) == (400, 2)
    status = api.status().json
    assert (status["verified"], status["verificationId"]) == (True, first["verificationId"])
    assert api.verify().json["method"] == "cache"


def test_failures_of_both_routes_count_together(api: VerificationApi) -> None:
    remaining = [call(state="ZZ").json["attemptsRemaining"] for call in (api.verify, api.resubmit, api.verify)]
    assert remaining == [2, 1, 0]
    assert api.resubmit().status_code == 429


@pytest.mark.parametrize("customer", [None, "", "  "])
def test_without_a_customer_it_says_so(api: VerificationApi, customer: str | None) -> None:
    answer = api.resubmit(customerId=customer)
    assert (answer.status_code, answer.json["error"]) == (400, "customerId is required")
    assert answer.json["missing"] == ["customerId"]


def test_with_more_missing_it_names_them_all(api: VerificationApi) -> None:
    assert api.resubmit(customerId=None, state=None).json["error"] == "Missing required fields: customerId, state"


def test_only_the_customer_a_service_or_an_admin_may(api: VerificationApi) -> None:
    callers = [api.as_("customer", "c-1"), api.as_("customer", "c-2"), api.as_("service", "orders"), api]
    assert [caller.resubmit("c-1").status_code for caller in callers] == [200, 403, 200, 200]
