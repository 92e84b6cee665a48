"""The daily budget: one for all instances, taken before anything is run, new every day."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from google.cloud.firestore import Client

from shared.platform.budget import COLLECTION, STORE_REST_SECONDS, Budget, BudgetSpent
from shared.platform.context import Platform
from shared.platform.ids import Ids
from shared.platform.settings import Settings
from tests.factories.cable import Cable
from tests.factories.clock import TestClock
from tests.factories.environment import environment
from tests.factories.stepping_clock import SteppingClock

LIMIT = 100
Instances = Callable[[], Budget]


@pytest.fixture
def clock() -> TestClock:
    return SteppingClock()


@pytest.fixture
def another(project: str, clock: TestClock) -> Instances:
    """`another()` is the budget of an instance of its own."""

    def start() -> Budget:
        platform = Platform(Settings.load(environment(project)), clock, Ids(clock))
        return Budget(platform.firestore, clock, platform.ids, LIMIT)

    return start


@pytest.fixture
def cable() -> Iterator[Cable]:
    with Cable(os.environ["FIRESTORE_EMULATOR_HOST"]) as whole:
        yield whole


@pytest.fixture
def far(project: str, clock: TestClock, cable: Cable) -> Budget:
    """An instance whose connection to Firestore can be cut."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIRESTORE_EMULATOR_HOST", cable.address)
        client = Client(project=project)
    return Budget(client, clock, Ids(clock), LIMIT)


def counted(project: str, day: str = "2026-07-01") -> int:
    found = Client(project=project).collection(COLLECTION).document(day).get()
    return int(found.get("bytes")) if found.exists else 0


def refused(spend: Callable[[], Any]) -> BudgetSpent:
    with pytest.raises(BudgetSpent) as error:
        spend()
    return error.value


def test_two_instances_spend_from_one_budget(another: Instances, project: str) -> None:
    first, second = another(), another()
    first.spend(60)
    refusal = refused(lambda: second.spend(41))
    assert (refusal.status, refusal.code) == (503, "budget_spent")
    assert "BIGQUERY_DAILY_BYTES" in refusal.sentence
    assert counted(project) == 60, "what is refused takes nothing"
    second.spend(40)
    refused(lambda: first.spend(1))
    assert counted(project) == LIMIT


def test_the_next_day_has_a_budget_of_its_own(another: Instances, clock: TestClock, project: str) -> None:
    """Of UTC: the day that BigQuery's own quotas have."""
    budget = another()
    budget.spend(LIMIT)
    clock.advance(hours=6, minutes=59)
    refused(lambda: budget.spend(1))
    clock.advance(minutes=1)
    budget.spend(LIMIT)
    assert (counted(project), counted(project, "2026-07-02")) == (LIMIT, LIMIT)


def test_however_many_spend_at_once_the_limit_holds(another: Instances, project: str) -> None:
    """Six threads of two instances want 180 of 100."""
    budgets = [another(), another()]

    def spend(number: int) -> int:
        spent = 0
        for _ in range(6):
            try:
                budgets[number % 2].spend(5)
                spent += 5
            except BudgetSpent:
                pass
        return spent

    with ThreadPoolExecutor(6) as threads:
        spent = sum(threads.map(spend, range(6)))
    assert spent == counted(project) == LIMIT


def test_without_firestore_an_instance_counts_for_itself(far: Budget, cable: Cable, project: str) -> None:
    far.spend(30)
    cable.cut()
    far.spend(60)
    refused(lambda: far.spend(11))
    assert counted(project) == 30
    far.spend(10)
    refused(lambda: far.spend(1))


def test_firestore_is_asked_again_after_a_rest(far: Budget, cable: Cable, clock: TestClock, project: str) -> None:
    cable.cut()
    far.spend(10)
    cable.mend()
    far.spend(10)
    assert counted(project) == 0, "it rests"
    deadline = time.monotonic() + 10
    while counted(project) == 0 and time.monotonic() < deadline:
        # The connection has a rest of its own, in real time.
        time.sleep(0.05)
        clock.advance(seconds=STORE_REST_SECONDS)
        far.spend(1)
    assert counted(project) == 1


def test_without_firestore_the_limit_holds_for_all_threads_of_an_instance(
    project: str, cable: Cable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Day after day, each thread as often as it may."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", cable.address)
    clock = TestClock()  # its rest is in real time: Firestore is not asked again in here
    budget = Budget(Client(project=project), clock, Ids(clock), LIMIT)
    cable.cut()
    budget.spend(0)

    def spend(_: int) -> int:
        spent = 0
        with suppress(BudgetSpent):
            while True:
                budget.spend(1)
                spent += 1
        return spent

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            for _ in range(60):
                clock.advance(days=1)
                assert sum(threads.map(spend, range(4))) == LIMIT
    finally:
        sys.setswitchinterval(before)
