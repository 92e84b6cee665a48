"""The service on a clock that the test moves: the limit, validity, keys, events."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from local.provision import PubSub
from shared.platform.clock import wire_time
from shared.platform.context import Platform
from shared.platform.errors import Forbidden
from shared.platform.ids import Ids
from shared.verification.erasure import ErasureService
from shared.verification.errors import NoVerification, TooManyAttempts
from shared.verification.models import Claim, Refused, Verified
from shared.verification.service import VerificationService
from shared.verification.status import StatusService
from tests.factories.clock import TestClock
from tests.factories.documents import documents
from tests.factories.messages import SECURITY_EVENTS, data_of, pulled
from tests.factories.silence import closed_port
from tests.factories.verifications import keyring, person_of

GOOD = Claim(full_name="José Núñez", date_of_birth="1990-05-15", id_number_last4="1234", state="TX")
BAD = replace(GOOD, id_number_last4="12")
SECOND = timedelta(seconds=1)


@pytest.fixture
def service(platform: Platform) -> VerificationService:
    return VerificationService.on(platform)


@pytest.fixture
def status(platform: Platform) -> StatusService:
    return StatusService.on(platform)


@pytest.fixture
def erasure(platform: Platform) -> ErasureService:
    return ErasureService.on(platform)


def verify(service: VerificationService, claim: Claim = GOOD, **options: Any) -> Verified | Refused:
    return service.verify("c-1", claim, "jose@example.com", "req_1", **options)


def on(platform: Platform, **settings: str) -> VerificationService:
    """The service of an instance that was started with other settings."""
    changed = replace(platform.settings, **settings)
    return VerificationService.on(Platform(changed, platform.clock, Ids(platform.clock)))


def data_key(platform: Platform, record: dict[str, Any]) -> bytes:
    """What the customer's person is sealed with."""
    context = f"verification|{platform.customer_hash('c-1')}".encode()
    return keyring(platform).unwrap(record["dataKeyId"], record["dataKey"], context)


def types(pubsub: PubSub) -> list[str]:
    return [data_of(m)["type"].removeprefix("verification.") for m in pulled(pubsub)]


# --- validity


@pytest.mark.parametrize(
    ("after", "method"),
    [
        (timedelta(), "cache"),
        (timedelta(days=365) - SECOND, "cache"),
        (timedelta(days=365), "full_verification"),
        (timedelta(days=365) + SECOND, "full_verification"),
    ],
)
def test_a_record_answers_for_365_days(
    service: VerificationService, clock: TestClock, after: timedelta, method: str, status: StatusService
) -> None:
    first = verify(service)
    assert isinstance(first, Verified)
    assert first.expires_at == clock.at + timedelta(days=365)
    clock.at += after
    again = verify(service)
    assert isinstance(again, Verified)
    assert again.method == method
    assert status.status("c-1").expires_at == (first if method == "cache" else again).expires_at


def test_365_days_are_days_of_24_hours_over_a_leap_year(service: VerificationService, clock: TestClock) -> None:
    clock.at = clock.at.replace(year=2027)
    first = verify(service)
    assert isinstance(first, Verified)
    assert first.expires_at.date().isoformat() == "2028-06-30"


def test_a_cached_answer_tells_the_age_of_today(
    service: VerificationService, clock: TestClock, status: StatusService
) -> None:
    verify(service)
    clock.advance(days=330)
    again = verify(service)
    assert isinstance(again, Verified)
    assert (again.method, again.age) == ("cache", 37)
    assert status.status("c-1").age == 36


# --- the limit


@pytest.mark.parametrize("wait", [timedelta(), timedelta(hours=24) - timedelta(milliseconds=1)])
def test_a_full_window_refuses_everybody(service: VerificationService, clock: TestClock, wait: timedelta) -> None:
    first = clock.at
    for _ in range(3):
        verify(service, BAD)
    clock.at += wait
    for options in ({}, {"new_record": True}):
        with pytest.raises(TooManyAttempts) as caught:
            verify(service, **options)
        assert caught.value.fields["resetAt"] == wire_time(first + timedelta(hours=24))


def test_a_failure_leaves_the_window_exactly_24_hours_later(service: VerificationService, clock: TestClock) -> None:
    for _ in range(3):
        verify(service, BAD)
    clock.advance(hours=24)
    refused = verify(service, BAD)
    assert isinstance(refused, Refused)
    assert (refused.attempts_remaining, refused.reset_at) == (2, clock.at + timedelta(hours=24))


def test_refused_requests_do_not_lengthen_the_wait(service: VerificationService, clock: TestClock) -> None:
    for _ in range(3):
        verify(service, BAD)
    for _ in range(23):
        clock.advance(hours=1)
        with pytest.raises(TooManyAttempts):
            verify(service)
    clock.advance(hours=1)
    assert isinstance(verify(service), Verified)


def test_a_success_between_failures_does_not_clear_them(service: VerificationService) -> None:
    verify(service, BAD)
    verify(service, BAD)
    verify(service)
    refused = verify(service, BAD)
    assert isinstance(refused, Refused)
    assert refused.attempts_remaining == 0


# --- keys


def test_after_a_rotation_the_record_answers_and_the_next_one_uses_the_new_key(platform: Platform) -> None:
    verify(VerificationService.on(platform))
    old_key = platform.settings.verification_key
    rotated = on(platform, verification_key=f"new={'B' * 43}=,{old_key}")
    assert verify(rotated).method == "cache"
    verify(rotated, new_record=True)
    (record,) = documents(platform.firestore, "verifications").values()
    assert record["dataKeyId"] == "new"
    without_the_old = on(platform, verification_key=f"new={'B' * 43}=")
    assert verify(without_the_old).method == "cache"


def test_a_record_whose_key_is_gone_is_verified_anew(platform: Platform, caplog: pytest.LogCaptureFixture) -> None:
    first = verify(VerificationService.on(platform))
    lost = on(platform, verification_key=f"new={'B' * 43}=")
    again = verify(lost)
    assert isinstance(first, Verified)
    assert isinstance(again, Verified)
    assert (again.method, again.verification_id == first.verification_id) == ("full_verification", False)
    assert "record_undecryptable" in caplog.messages
    assert verify(lost).method == "cache"


def test_a_new_record_of_a_known_customer_keeps_the_data_key_and_the_token_family(
    service: VerificationService, platform: Platform
) -> None:
    def stored() -> dict[str, Any]:
        (record,) = documents(platform.firestore, "verifications").values()
        return record

    verify(service)
    before = stored()
    verify(service, new_record=True)
    after = stored()
    assert after["tokenFamily"] == before["tokenFamily"]
    assert after["sealed"] != before["sealed"]
    assert data_key(platform, after) == data_key(platform, before)


def test_after_an_erasure_the_customer_gets_another_data_key_and_family(
    service: VerificationService, platform: Platform, erasure: ErasureService
) -> None:
    families, keys = set(), set()
    for _ in range(2):
        verify(service)
        (record,) = documents(platform.firestore, "verifications").values()
        families.add(record["tokenFamily"])
        keys.add(data_key(platform, record))
        erasure.erase("c-1", "admin", "req_1")
    assert (len(families), len(keys)) == (2, 2)


# --- events


def test_every_change_of_state_is_one_event(
    service: VerificationService, pubsub: PubSub, erasure: ErasureService
) -> None:
    verify(service, BAD)
    verify(service)
    verify(service)
    verify(service, new_record=True)
    erasure.erase("c-1", "admin", "req_1")
    erasure.erase("c-1", "admin", "req_1")
    assert types(pubsub) == ["failed", "succeeded", "succeeded", "erased"]
    assert pulled(pubsub, SECURITY_EVENTS) == []


def test_a_limited_attempt_is_an_event_too(service: VerificationService, pubsub: PubSub) -> None:
    for _ in range(3):
        verify(service, BAD)
    with pytest.raises(TooManyAttempts):
        verify(service)
    assert types(pubsub) == ["failed", "failed", "failed", "rate_limited"]


def test_a_success_names_the_record_it_supersedes(service: VerificationService, pubsub: PubSub) -> None:
    first, second = verify(service), verify(service, new_record=True)
    assert isinstance(first, Verified)
    assert isinstance(second, Verified)
    data = [data_of(m)["data"] for m in pulled(pubsub)]
    assert [(d["verificationId"], d["supersedes"]) for d in data] == [
        (first.verification_id, None),
        (second.verification_id, first.verification_id),
    ]


def test_without_pubsub_the_answer_stands_and_the_event_waits_for_the_relay(
    platform: Platform, clock: TestClock, pubsub: PubSub
) -> None:
    service = on(platform, pubsub_emulator=closed_port())
    assert verify(service).method == "full_verification"
    assert verify(service, BAD).method == "id_validation"
    assert types(pubsub) == []
    assert len(documents(platform.firestore, "outbox")) == 2
    clock.advance(seconds=10)
    assert platform.outbox.relay() == 2
    assert sorted(types(pubsub)) == ["failed", "succeeded"]
    assert not documents(platform.firestore, "outbox")


# --- who is asked for


def test_an_age_token_of_another_customer(
    service: VerificationService, status: StatusService, erasure: ErasureService
) -> None:
    answer = verify(service)
    assert isinstance(answer, Verified)
    with pytest.raises(Forbidden):
        status.own_status("c-2", answer.age_token, may_ask_for_others=False)
    assert status.own_status("orders", answer.age_token, may_ask_for_others=True).verified
    erasure.erase("c-1", "admin", "req_1")
    with pytest.raises(NoVerification):
        status.own_status("orders", answer.age_token, may_ask_for_others=True)


def test_names_are_stored_as_they_were_checked(
    service: VerificationService, platform: Platform, status: StatusService
) -> None:
    verify(service, replace(GOOD, full_name="  Jose\u0301   Nun\u0303ez ", state=" tx "))
    assert person_of(platform, "c-1").full_name == "José Nuñez"
    assert status.status("c-1").state == "TX"
