"""Records and attempt windows in Firestore: written whole, with their event, and only over what was read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.platform.context import Platform
from shared.platform.errors import ChangedMeanwhile
from shared.platform.outbox import Event
from shared.verification import events
from shared.verification.models import FailedAttempt, Refusal
from shared.verification.repository import VerificationRepository
from tests.factories.documents import documents
from tests.factories.verifications import VERIFIED_AT, verification

HASH = "a" * 64
REFUSAL = Refusal(method="age_check", reason="x", field="dateOfBirth", code="date_invalid", next_step="")
FAILURES = tuple(FailedAttempt(id=f"att_{n}", at=VERIFIED_AT + timedelta(minutes=n)) for n in range(3))


@pytest.fixture
def repository(platform: Platform) -> VerificationRepository:
    return VerificationRepository(platform.firestore, platform.outbox)


def succeeded(number: int = 1) -> Event:
    return events.succeeded(f"evt_{number}", "att_1", HASH, "req_1", verification(), None)


def failed(number: int = 1) -> Event:
    return events.failed(f"evt_{number}", "att_1", HASH, "req_1", REFUSAL, VERIFIED_AT)


def test_nothing_is_stored_at_first(repository: VerificationRepository) -> None:
    assert repository.record(HASH) is None
    assert (repository.window(HASH).failures, repository.window(HASH).seen) == ((), None)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"blocked_until": VERIFIED_AT, "expiry_notice_sent_at": VERIFIED_AT},
        {"sealed": bytes(range(256)), "age": 0},
    ],
)
def test_a_record_is_read_as_it_was_written(repository: VerificationRepository, changes: dict[str, Any]) -> None:
    repository.save_success(HASH, verification(**changes), None, repository.window(HASH), succeeded())
    found = repository.record(HASH)
    assert found is not None
    assert found.verification == verification(**changes)


def test_failures_are_read_as_they_were_written(repository: VerificationRepository) -> None:
    repository.save_failure(HASH, FAILURES, None, repository.window(HASH), failed(), None)
    assert repository.window(HASH).failures == FAILURES


def test_the_state_and_its_event_are_one_commit(repository: VerificationRepository, platform: Platform) -> None:
    repository.save_success(HASH, verification(), None, repository.window(HASH), succeeded())
    assert set(documents(platform.firestore)) == {
        f"verifications/{HASH}",
        f"verification_attempts/{HASH}",
        "outbox/evt_1",
    }


def test_the_window_is_dropped_a_day_after_its_newest_failure_has_left(
    repository: VerificationRepository, platform: Platform
) -> None:
    repository.save_failure(HASH, FAILURES, None, repository.window(HASH), failed(), None)
    (stored,) = documents(platform.firestore, "verification_attempts").values()
    assert stored["expireAt"] == FAILURES[-1].at + timedelta(days=2)


def test_a_full_window_blocks_the_record(repository: VerificationRepository) -> None:
    repository.save_success(HASH, verification(), None, repository.window(HASH), succeeded())
    until = VERIFIED_AT + timedelta(days=1)
    repository.save_failure(HASH, FAILURES, repository.record(HASH), repository.window(HASH), failed(2), until)
    found = repository.record(HASH)
    assert found is not None
    assert found.verification == replace(verification(), blocked_until=until)


def test_an_erasure_leaves_the_window(repository: VerificationRepository, platform: Platform) -> None:
    repository.save_success(HASH, verification(), None, repository.window(HASH), succeeded())
    record = repository.record(HASH)
    assert record is not None
    event = events.erased("evt_2", HASH, "req_1", record.verification, "admin", VERIFIED_AT)
    repository.erase(HASH, record, event)
    assert repository.record(HASH) is None
    assert f"verification_attempts/{HASH}" in documents(platform.firestore)


# --- what changed meanwhile


Write = Callable[[VerificationRepository, Any, Any, int], None]
WRITES: dict[str, Write] = {
    "success": lambda r, record, window, n: r.save_success(HASH, verification(), record, window, succeeded(n)),
    "failure": lambda r, record, window, n: r.save_failure(HASH, FAILURES[:n], record, window, failed(n), None),
    "last failure": lambda r, record, window, n: r.save_failure(HASH, FAILURES, record, window, failed(n), VERIFIED_AT),
}


@pytest.mark.parametrize("second", WRITES)
@pytest.mark.parametrize("first", WRITES)
@pytest.mark.parametrize("known", [False, True], ids=["new customer", "known customer"])
def test_of_two_attempts_that_read_the_same_only_one_writes(
    repository: VerificationRepository, platform: Platform, known: bool, first: str, second: str
) -> None:
    if known:
        repository.save_success(HASH, verification(), None, repository.window(HASH), succeeded(9))
    record, window = repository.record(HASH), repository.window(HASH)
    WRITES[first](repository, record, window, 1)
    before = documents(platform.firestore)
    with pytest.raises(ChangedMeanwhile):
        WRITES[second](repository, record, window, 2)
    assert documents(platform.firestore) == before


def test_an_erasure_of_a_record_that_was_replaced_writes_nothing(
    repository: VerificationRepository, platform: Platform
) -> None:
    repository.save_success(HASH, verification(), None, repository.window(HASH), succeeded())
    old = repository.record(HASH)
    assert old is not None
    repository.save_success(HASH, verification(id="av_2"), old, repository.window(HASH), succeeded(2))
    before = documents(platform.firestore)
    with pytest.raises(ChangedMeanwhile):
        repository.erase(HASH, old, events.erased("evt_3", HASH, "req_1", old.verification, "admin", VERIFIED_AT))
    assert documents(platform.firestore) == before


@pytest.mark.parametrize("write", ["success", "last failure"])
def test_a_record_that_was_erased_meanwhile_is_not_brought_back(repository: VerificationRepository, write: str) -> None:
    repository.save_success(HASH, verification(), None, repository.window(HASH), succeeded())
    record, window = repository.record(HASH), repository.window(HASH)
    assert record is not None
    repository.erase(HASH, record, events.erased("evt_2", HASH, "req_1", record.verification, "admin", VERIFIED_AT))
    with pytest.raises(ChangedMeanwhile):
        WRITES[write](repository, record, window, 3)
    assert repository.record(HASH) is None
