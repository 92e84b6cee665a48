"""Test people: their outcomes hold on every day and in every year."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.platform.errors import Unavailable
from shared.verification import sandbox
from shared.verification.errors import NoVerification, TooManyAttempts
from shared.verification.models import Checked, Refusal

MOMENTS = [
    datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC),  # still the last year in Texas
    datetime(2026, 7, 1, 17, tzinfo=UTC),
    datetime(2028, 2, 29, 12, tzinfo=UTC),
    datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC),
    datetime(2060, 6, 1, tzinfo=UTC),
]
REFUSED = {
    "sandbox-minor": "under_age",
    "sandbox-bad-name": "name_parts",
    "sandbox-bad-date": "date_format",
    "sandbox-future-date": "date_in_future",
    "sandbox-bad-state": "state_invalid",
    "sandbox-bad-id": "id_digits",
}


@pytest.mark.parametrize("now", MOMENTS)
@pytest.mark.parametrize("customer", REFUSED)
def test_a_refused_person_is_refused_for_the_same_reason_on_every_day(customer: str, now: datetime) -> None:
    found = sandbox.verify(customer, now)
    assert isinstance(found, Refusal)
    assert found.code == REFUSED[customer]


@pytest.mark.parametrize("now", MOMENTS)
@pytest.mark.parametrize("customer", ["sandbox-verified", "sandbox-expired"])
def test_a_good_person_passes_on_every_day(customer: str, now: datetime) -> None:
    assert isinstance(sandbox.verify(customer, now), Checked)


@pytest.mark.parametrize("now", MOMENTS)
def test_the_records_are_valid_and_expired(now: datetime) -> None:
    assert sandbox.record("sandbox-verified", now).valid_at(now)
    assert not sandbox.record("sandbox-expired", now).valid_at(now)


def test_the_limited_and_the_unavailable() -> None:
    now = MOMENTS[1]
    with pytest.raises(TooManyAttempts) as caught:
        sandbox.verify(sandbox.RATE_LIMITED, now)
    assert caught.value.headers["Retry-After"] == str(int(timedelta(hours=24).total_seconds()))
    for ask in (sandbox.verify, sandbox.record):
        with pytest.raises(Unavailable):
            ask(sandbox.UNAVAILABLE, now)


@pytest.mark.parametrize("customer", [*REFUSED, sandbox.RATE_LIMITED])
def test_the_others_have_no_record(customer: str) -> None:
    with pytest.raises(NoVerification):
        sandbox.record(customer, MOMENTS[1])


@pytest.mark.parametrize("customer", ["sandbox", "sandbox-", "sandbox-Verified", "Sandbox-verified", "c-1"])
def test_no_other_id_is_a_test_person(customer: str) -> None:
    assert not sandbox.is_one(customer)
