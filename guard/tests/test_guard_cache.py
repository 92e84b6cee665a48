"""The short memory for a yes: whose it is, how long it lasts, and that a no is never kept."""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from guard_maker import GuardMaker
from scripted_service import ScriptedService, answer, late, not_found, status_body, wire_time

from age_guard import AgeGuard, AgeVerificationRequired, Clock, UnableToVerifyAge

START = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


@dataclass
class HandClock:
    """Stands still until moved; both clocks move together."""

    seconds: float = 0.0

    def clock(self) -> Clock:
        return Clock(lambda: self.seconds, lambda: START + timedelta(seconds=self.seconds))


@pytest.fixture
def hand() -> HandClock:
    return HandClock()


@pytest.fixture
def guard(service: ScriptedService, make_guard: GuardMaker, hand: HandClock) -> AgeGuard:
    service.plays(answer(body=status_body(expiresAt="2027-01-01T00:00:00.000Z")))
    return make_guard(cache_seconds=30, cache_entries=3, clock=hand.clock())


def test_a_yes_is_remembered_for_the_cache_time(service: ScriptedService, guard: AgeGuard, hand: HandClock) -> None:
    first = guard.check_age("c-1")
    hand.seconds = 29.9
    assert guard.check_age("c-1") == first
    assert len(service.seen) == 1
    hand.seconds = 30
    guard.check_age("c-1")
    assert len(service.seen) == 2


def test_a_yes_is_never_remembered_past_its_expiry(service: ScriptedService, guard: AgeGuard, hand: HandClock) -> None:
    service.plays(answer(body=status_body(expiresAt=wire_time(START + timedelta(seconds=10)))))
    guard.check_age("c-1")
    hand.seconds = 9.9
    guard.check_age("c-1")
    assert len(service.seen) == 1
    hand.seconds = 10
    with pytest.raises(AgeVerificationRequired):
        guard.check_age("c-1")
    assert len(service.seen) == 2


def test_a_yes_belongs_to_one_customer_and_one_caller(service: ScriptedService, guard: AgeGuard) -> None:
    guard.check_age("c-1", authorization="Bearer one")
    guard.check_age("c-1", authorization="Bearer one")
    assert len(service.seen) == 1
    guard.check_age("c-2", authorization="Bearer one")
    guard.check_age("c-1", authorization="Bearer two")
    guard.check_age("c-1")
    assert len(service.seen) == 4


def test_a_no_and_a_failure_are_asked_again(service: ScriptedService, guard: AgeGuard) -> None:
    service.plays(not_found(), answer(500), *service.script)
    with pytest.raises(AgeVerificationRequired):
        guard.check_age("c-1")
    with pytest.raises(UnableToVerifyAge):
        guard.check_age("c-1")
    assert guard.check_age("c-1").age == 34


def test_the_memory_is_bounded_and_forgets_the_least_used(service: ScriptedService, guard: AgeGuard) -> None:
    for customer in ("c-1", "c-2", "c-3", "c-1", "c-4"):
        guard.check_age(customer)
    assert len(service.seen) == 4
    guard.check_age("c-1")
    assert len(service.seen) == 4
    guard.check_age("c-2")
    assert len(service.seen) == 5


def test_the_memory_can_be_turned_off(service: ScriptedService, make_guard: GuardMaker) -> None:
    service.plays(answer())
    guard = make_guard(cache_seconds=0)
    guard.check_age("c-1")
    guard.check_age("c-1")
    assert len(service.seen) == 2


def test_threads_share_one_guard(service: ScriptedService, make_guard: GuardMaker) -> None:
    service.plays(late(0.01, answer()))
    guard = make_guard(cache_seconds=30, cache_entries=5, timeout_seconds=(2, 2), total_seconds=5)
    passed: list[bool] = []

    def order(number: int) -> None:
        for turn in range(10):
            customer = f"c-{(number + turn) % 8}"
            passed.append(guard.check_age(customer).customer_id == customer)

    threads = [threading.Thread(target=order, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert passed == [True] * 160
