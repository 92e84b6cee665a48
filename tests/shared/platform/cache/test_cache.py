"""A value's life, seen by one or two instances: time moves when the test says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from local.provision import PubSub
from shared.analytics.service import CacheService
from shared.platform.cache.cache import Cache
from shared.platform.cache.models import State, View
from shared.platform.context import Platform
from tests.factories.messages import pulled
from tests.factories.source import Source, load_of
from tests.factories.stepping_clock import SteppingClock

Seen = tuple[State, int, int, int]
Look = Callable[..., Seen]


# --- time


def test_a_value_is_loaded_once_and_then_there_for_everybody(look: Look, there: Cache, source: Source) -> None:
    assert look() == (State.MISS, 1, 0, 30)
    assert [look(), look(there)] == [(State.HIT, 1, 0, 30)] * 2
    assert source.loads == 1


def test_each_set_of_parameters_has_its_own(here: Cache, view: View, source: Source) -> None:
    values = [here.get(view, params).value for params in ({"a": "1"}, {"a": "2"}, {"a": "1"})]
    assert [load_of(value) for value in values] == [1, 2, 1]


def test_fresh_for_30_seconds_stale_for_60_more_then_loaded(
    look: Look, clock: SteppingClock, source: Source, there: Cache
) -> None:
    look()
    seen = []
    for second in (29, 30, 31, 89, 90):
        clock.at = source.at[0] + timedelta(seconds=second)
        seen.append(look(there))
    assert seen == [
        (State.HIT, 1, 29, 1),
        (State.HIT, 1, 30, 0),
        (State.STALE, 1, 31, -1),
        (State.STALE, 1, 89, -59),
        (State.STALE, 1, 90, -60),
    ]
    assert source.loads == 1
    clock.advance(seconds=1)
    assert [look(), look(there)] == [(State.MISS, 2, 0, 30), (State.HIT, 2, 0, 30)]


def test_a_stale_value_is_asked_for_once_and_then_fresh(
    look: Look, clock: SteppingClock, source: Source, delivered: Callable[[], int]
) -> None:
    look()
    clock.advance(seconds=45)
    assert [look() for _ in range(10)] == [(State.STALE, 1, 45, -15)] * 10
    assert source.loads == 1
    assert delivered() == 1
    assert source.loads == 2
    assert look() == (State.HIT, 2, 0, 30)
    assert delivered() == 0


def test_a_refresh_that_nobody_did_is_asked_for_again_after_5_seconds(
    look: Look, clock: SteppingClock, pubsub: PubSub
) -> None:
    look()
    clock.advance(seconds=31)
    for _ in range(22):
        look()
        clock.advance(seconds=0.5)
    assert len(pulled(pubsub, "cache-refresh")) == 3


def test_a_message_that_comes_twice_loads_once(
    look: Look, clock: SteppingClock, source: Source, there: Cache, view: View
) -> None:
    look()
    clock.advance(seconds=45)
    for _ in range(3):
        there.refresh(view, {})
    assert source.loads == 2


def test_a_clock_that_was_moved_back_does_not_keep_a_value(look: Look, clock: SteppingClock, source: Source) -> None:
    look()
    clock.advance(days=-1)
    assert [look(), look()] == [(State.MISS, 2, 0, 30), (State.HIT, 2, 0, 30)]


# --- the version of the data


def test_without_new_data_an_old_value_is_as_good_as_new(look: Look, clock: SteppingClock, source: Source) -> None:
    source.version = "1"
    look()
    for _ in range(3):
        clock.advance(hours=1)
        assert look() == (State.HIT, 1, 0, 30)
    assert source.loads == 1


def test_without_new_data_a_refresh_loads_nothing(
    look: Look, clock: SteppingClock, source: Source, delivered: Callable[[], int]
) -> None:
    source.version = "1"
    look()
    clock.advance(seconds=31)
    assert look() == (State.STALE, 1, 31, -1)
    assert delivered() == 1
    assert look() == (State.HIT, 1, 0, 30)
    assert source.loads == 1


def test_with_new_data_it_is_loaded_when_it_is_refreshed(
    look: Look, clock: SteppingClock, source: Source, delivered: Callable[[], int], there: Cache
) -> None:
    source.version = "1"
    look()
    source.version = "2"
    assert look() == (State.HIT, 1, 0, 30)
    clock.advance(seconds=31)
    assert look() == (State.STALE, 1, 31, -1)
    assert delivered() == 1
    assert [look(), look(there)] == [(State.HIT, 2, 0, 30)] * 2
    clock.advance(hours=1)
    assert look(there) == (State.HIT, 2, 0, 30)
    assert source.loads == 2


def test_made_up_data_says_so(here: Cache, view: View, source: Source, clock: SteppingClock) -> None:
    source.mode, source.version = "mock", "1"
    assert [here.get(view, {}).mode, here.get(view, {}).mode] == ["mock", "mock"]
    source.mode = "live"
    clock.advance(seconds=100)
    assert here.get(view, {}).mode == "live"


# --- invalidation


def test_after_an_invalidation_every_instance_loads_anew(
    platform: Platform, look: Look, there: Cache, source: Source
) -> None:
    source.version = "1"
    assert [look(), look(there)] == [(State.MISS, 1, 0, 30), (State.HIT, 1, 0, 30)]
    CacheService(platform).invalidate()
    assert [look(there), look()] == [(State.MISS, 2, 0, 30), (State.HIT, 2, 0, 30)]


def test_an_invalidated_value_is_still_there_for_want_of_a_better_one(
    platform: Platform, look: Look, source: Source
) -> None:
    look()
    source.down = True
    CacheService(platform).invalidate()
    assert look()[:2] == (State.DEGRADED, 1)


def test_an_invalidation_ends_the_rest_of_a_source(
    platform: Platform, look: Look, source: Source, clock: SteppingClock
) -> None:
    """Who has mended the source, or the data in it, need not wait for the minute to be over."""
    look()
    clock.advance(hours=1)
    source.down = True
    for _ in range(5):
        assert look()[0] is State.DEGRADED
        clock.advance(seconds=60)
    assert look()[0] is State.DEGRADED
    source.down = False
    CacheService(platform).invalidate()
    assert look()[:2] == (State.MISS, source.loads)


def test_what_was_being_loaded_is_not_stored_after_an_invalidation(
    platform: Platform, here: Cache, there: Cache, source: Source
) -> None:
    """The data changes, and is invalidated, while a load that has read it before is under way."""
    source.version = "1"

    def load(*asked: Any) -> bytes:
        value = source.view().load(*asked)
        if source.loads == 1:
            CacheService(platform).invalidate()
        return value

    view = source.view(load=load)
    found = here.get(view, {})
    assert (found.state, load_of(found.value), source.loads) == (State.MISS, 2, 2)
    assert (there.get(view, {}).state, load_of(there.get(view, {}).value)) == (State.HIT, 2)


def test_a_failure_after_an_invalidation_is_not_noted_against_it(
    platform: Platform, here: Cache, source: Source, clock: SteppingClock
) -> None:
    """The invalidated load failed; the one that it caused did not."""

    def load(*asked: Any) -> bytes:
        if source.loads == 1:
            CacheService(platform).invalidate()
            source.down = True
        try:
            return source.view().load(*asked)
        finally:
            source.down = False

    view = source.view(load=load)
    here.get(view, {})
    clock.advance(seconds=100)
    assert here.get(view, {}).state is State.MISS
    assert source.loads == 3
