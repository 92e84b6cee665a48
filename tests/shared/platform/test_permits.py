"""The limit holds in any 60 seconds over all instances, without a write per request."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.platform.context import Platform
from shared.platform.errors import Unavailable
from shared.platform.ids import Ids
from shared.platform.permits import COLLECTION, WINDOW_SECONDS, OwnWindow, PermitStore
from tests.factories.lost_answers import LossyClient
from tests.factories.stepping_clock import SteppingClock

KEY = "signed_in:c-1"
Make = Callable[[int], list[PermitStore]]


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def instances(platform: Platform, clock: SteppingClock) -> Make:
    """So many instances: each its own memory, all in one Firestore project."""
    return lambda count: [PermitStore(platform.firestore, clock, Ids(clock)) for _ in range(count)]


def spend(store: PermitStore, limit: int, tries: int, key: str = KEY) -> int:
    """How many of `tries` requests at this moment are admitted."""
    return sum(store.admit(key, limit).allowed for _ in range(tries))


def most_in_a_window(admitted: list[datetime]) -> int:
    """The most admissions in any interval of 60 s, wherever it starts."""
    length = timedelta(seconds=WINDOW_SECONDS)
    return max((sum(start <= at < start + length for at in admitted) for start in admitted), default=0)


# --- never more than the limit

Step = tuple[float, int, int]


def run(stores: list[PermitStore], clock: SteppingClock, limit: int, steps: list[Step], key: str) -> list[datetime]:
    admitted = []
    for pause, instance, burst in steps:
        clock.advance(seconds=pause)
        store = stores[instance % len(stores)]
        admitted += [clock.now() for _ in range(burst) if store.admit(key, limit).allowed]
    return admitted


@pytest.mark.parametrize("limit", [1, 2, 7, 100])
@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([(0, 0, 150), (0, 1, 150), (0, 2, 150)], id="all at once"),
        pytest.param([(9.9, 0, 150), (50, 0, 150), (0.2, 1, 150)], id="end of one slot, start of another"),
        pytest.param([(0, 0, 150), (59.9, 1, 150), (0.2, 2, 150)], id="just before and after a minute"),
        pytest.param([(0, n, 60) for n in range(3)] + [(10, n, 20) for n in range(21)], id="each slot anew"),
        pytest.param([(3.7, n, 9) for n in range(40)], id="a steady stream"),
        pytest.param([(0, 0, 1), (10, 0, 1), (10, 1, 150), (45, 0, 150), (5, 2, 150)], id="permits come back late"),
    ],
)
def test_no_interval_of_60_seconds_holds_more_than_the_limit(
    instances: Make, clock: SteppingClock, limit: int, steps: list[Step]
) -> None:
    admitted = run(instances(3), clock, limit, steps, KEY)
    assert 0 < most_in_a_window(admitted) <= limit


runs_of_steps = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.1, 1.0, 4.9, 9.9, 10.0, 25.0, 59.9, 60.0, 70.0]), st.integers(0, 2), st.integers(1, 8)
    ),
    min_size=2,
    max_size=12,
)


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.sampled_from([1, 3, 5, 12]), steps=runs_of_steps)
def test_nor_does_any_that_hypothesis_finds(
    instances: Make, clock: SteppingClock, limit: int, steps: list[Step]
) -> None:
    key = f"a key of its own {clock.now()}"
    clock.advance(seconds=1)
    assert most_in_a_window(run(instances(3), clock, limit, steps, key)) <= limit


def test_permits_whose_return_was_not_answered_are_not_returned_twice(
    platform: Platform, instances: Make, clock: SteppingClock
) -> None:
    client = LossyClient(project=platform.settings.project)
    lossy, (other,) = PermitStore(client, clock, Ids(clock)), instances(1)
    admitted = spend(lossy, 100, 15)  # of 24 that it leased
    clock.advance(seconds=10)
    client.losing = True
    with pytest.raises(Unavailable):
        lossy.admit(KEY, 100)
    client.losing = False
    clock.advance(seconds=2)
    admitted += spend(lossy, 100, 1) + spend(other, 100, 150)
    assert 15 < admitted <= 100


def test_a_clock_that_is_moved_back_admits_no_more(instances: Make, clock: SteppingClock) -> None:
    (store,) = instances(1)
    assert spend(store, 5, 9) == 5
    clock.advance(seconds=-30)
    assert spend(store, 5, 9) == 0


# --- and not much less


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100, 300])
def test_one_client_at_one_instance_gets_exactly_the_limit(instances: Make, clock: SteppingClock, limit: int) -> None:
    (store,) = instances(1)
    assert spend(store, limit, limit + 20) == limit
    refused = store.admit(KEY, limit)
    assert (refused.allowed, refused.remaining) == (False, 0)
    clock.advance(seconds=refused.reset_seconds - 1)
    assert spend(store, limit, 1) == 0
    clock.advance(seconds=1)
    assert spend(store, limit, limit) == limit


def test_three_instances_together_give_out_nearly_the_limit(instances: Make) -> None:
    stores = instances(3)
    admitted = sum(stores[n % 3].admit(KEY, 300).allowed for n in range(400))
    assert 290 <= admitted <= 300


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_of_none_admits_nobody(instances: Make, limit: int) -> None:
    (store,) = instances(1)
    assert spend(store, limit, 3) == 0


def test_unused_permits_come_back(instances: Make, clock: SteppingClock) -> None:
    first, second = instances(2)
    assert spend(first, 100, 1) == 1  # leases two, spends one
    clock.advance(seconds=10)
    assert spend(first, 100, 2) == 2  # gives one back, leases two, spends both
    assert spend(second, 100, 150) == 97


def test_a_quiet_client_is_never_refused(instances: Make, clock: SteppingClock) -> None:
    stores = instances(3)
    for n in range(5 * 60 // 7):
        assert stores[n % 3].admit(KEY, 100).allowed
        clock.advance(seconds=7)


def test_a_client_just_under_the_limit_is_never_refused(instances: Make, clock: SteppingClock) -> None:
    (store,) = instances(1)
    for _ in range(20):
        assert spend(store, 70, 10) == 10
        clock.advance(seconds=10)


def test_keys_have_permits_of_their_own(instances: Make) -> None:
    (store,) = instances(1)
    assert [spend(store, 5, 9, key) for key in ("signed_in:a", "signed_in:b", "anonymous:a")] == [5, 5, 5]


def test_a_refused_flood_is_new_once_a_slot(instances: Make, clock: SteppingClock) -> None:
    (store,) = instances(1)
    spend(store, 5, 5)
    assert [store.admit(KEY, 5).newly_blocked for _ in range(3)] == [True, False, False]
    clock.advance(seconds=10)
    assert [store.admit(KEY, 5).newly_blocked for _ in range(2)] == [True, False]


# --- at little cost, and without names


def document(platform: Platform, key: str = KEY) -> Any:
    return platform.firestore.collection(COLLECTION).document(hashlib.sha256(key.encode()).hexdigest()).get()


def test_300_requests_cost_a_tenth_as_many_writes(instances: Make, platform: Platform, clock: SteppingClock) -> None:
    (store,) = instances(1)
    versions = set()
    for _ in range(330):
        store.admit(KEY, 300)
        versions.add(document(platform).update_time)
    assert len(versions) <= 30


def test_a_flood_that_is_refused_costs_no_writes(instances: Make, platform: Platform) -> None:
    (store,) = instances(1)
    spend(store, 5, 6)
    before = document(platform).update_time
    assert spend(store, 5, 200) == 0
    assert document(platform).update_time == before


def test_nobody_can_be_read_from_what_is_stored(instances: Make, platform: Platform) -> None:
    (store,) = instances(1)
    store.admit("anonymous:192.0.2.77", 5)
    found = list(platform.firestore.collection(COLLECTION).stream())
    assert len(found) == 1
    assert "192.0.2" not in f"{found[0].id} {found[0].to_dict()}"
    assert found[0].to_dict()["expireAt"] > platform.clock.now()


# --- the window of an instance on its own


@pytest.mark.parametrize("limit", [1, 3, 50])
def test_on_its_own_an_instance_gives_exactly_the_limit(clock: SteppingClock, limit: int) -> None:
    window = OwnWindow(clock)
    decisions = [window.admit(KEY, limit) for _ in range(limit + 5)]
    assert [d.allowed for d in decisions] == [True] * limit + [False] * 5
    assert decisions[0].remaining == limit - 1
    clock.advance(seconds=decisions[-1].reset_seconds)
    assert window.admit(KEY, limit).allowed


def test_on_its_own_no_interval_holds_more_than_the_limit_either(clock: SteppingClock) -> None:
    window, admitted = OwnWindow(clock), []
    for n in range(400):
        clock.advance(seconds=(n * 7 % 13) / 10)
        if window.admit(KEY, 5).allowed:
            admitted.append(clock.now())
    assert most_in_a_window(admitted) == 5
