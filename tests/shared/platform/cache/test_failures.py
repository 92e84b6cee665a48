"""A source that is down, a bug in a view, an instance that dies: what is left, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.platform.cache.cache import Cache
from shared.platform.cache.models import State, View
from shared.platform.cache.rules import LEASE
from shared.platform.context import Platform
from shared.platform.errors import Invalid, Unavailable
from tests.factories.source import SENTENCE, Source, load_of
from tests.factories.stepping_clock import SteppingClock

Seen = tuple[State, int, int, int]
Look = Callable[..., Seen]


# --- a source that is down


def test_the_last_value_whatever_its_age(here: Cache, view: View, source: Source, clock: SteppingClock) -> None:
    here.get(view, {})
    clock.advance(days=29)
    source.down = True
    found = here.get(view, {})
    assert (found.state, load_of(found.value), found.mode, found.error) == (State.DEGRADED, 1, "degraded", SENTENCE)
    assert (found.age, found.cached) == (29 * 86_400, True)


def test_it_is_left_alone_for_longer_each_time(
    here: Cache, there: Cache, view: View, source: Source, clock: SteppingClock
) -> None:
    here.get(view, {})
    clock.advance(hours=1)
    source.down = True
    started = clock.at
    for second in range(200):
        found = (here, there)[second % 2].get(view, {})
        assert (found.state, found.error, load_of(found.value)) == (State.DEGRADED, SENTENCE, 1)
        clock.advance(seconds=1)
    assert [(at - started).total_seconds() for at in source.at[1:]] == [0, 5, 15, 35, 75, 135, 195]


def test_when_it_is_back_so_is_the_cache(look: Look, source: Source, clock: SteppingClock) -> None:
    look()
    for _ in range(2):
        clock.advance(hours=1)
        source.down = True
        assert look()[:2] == (State.DEGRADED, source.loads - 1)
        source.down = False
        clock.advance(seconds=4.9)
        assert look()[0] is State.DEGRADED
        clock.advance(seconds=0.1)
        assert look() == (State.MISS, source.loads, 0, 30)


def test_a_refresh_that_failed_is_told_and_tried_again_after_its_rest(
    here: Cache, view: View, source: Source, clock: SteppingClock, delivered: Callable[[], int]
) -> None:
    here.get(view, {})
    clock.advance(seconds=31)
    source.down = True
    assert here.get(view, {}).state is State.STALE
    assert delivered() == 1
    for _ in range(4):
        found = here.get(view, {})
        assert (found.state, found.error) == (State.DEGRADED, SENTENCE)
        assert delivered() == 0
        clock.advance(seconds=1.1)
    source.down = False
    clock.advance(seconds=1)
    assert here.get(view, {}).state is State.DEGRADED
    assert delivered() == 1
    found = here.get(view, {})
    assert (found.state, found.error, load_of(found.value)) == (State.HIT, "", 3)


def test_no_refresh_is_asked_for_while_the_source_is_left_alone(
    look: Look, source: Source, clock: SteppingClock, delivered: Callable[[], int]
) -> None:
    look()
    clock.advance(seconds=31)
    source.down = True
    asked = []
    for second in range(55):
        assert look()[:2] == (State.DEGRADED if source.loads > 1 else State.STALE, 1)
        if delivered():
            asked.append(second)
        clock.advance(seconds=1)
    assert asked == [0, 5, 15, 35]


def test_without_a_value_its_failure_is_the_answer_and_nobody_is_kept_waiting(
    here: Cache, there: Cache, view: View, source: Source
) -> None:
    source.down = True
    for cache in (here, there):
        with pytest.raises(Unavailable, match=SENTENCE):
            cache.get(view, {})
    source.down = False
    assert here.get(view, {}).state is State.MISS


def test_a_view_that_keeps_nothing_passes_the_failure_on(here: Cache, source: Source, clock: SteppingClock) -> None:
    strict = source.view(keep=False, stale_for=timedelta())
    here.get(strict, {})
    clock.advance(seconds=31)
    source.down = True
    for _ in range(2):
        with pytest.raises(Unavailable, match=SENTENCE):
            here.get(strict, {})
    source.down = False
    assert here.get(strict, {}).state is State.MISS


def test_the_failure_that_is_passed_on_is_the_source_s_own(here: Cache, view: View, source: Source) -> None:
    source.error = Invalid("No such page.", code="invalid_cursor")
    with pytest.raises(Invalid) as refused:
        here.get(view, {})
    assert refused.value.code == "invalid_cursor"


# --- bugs and crashes


def test_a_bug_leaves_no_lease(here: Cache, there: Cache, view: View, source: Source, clock: SteppingClock) -> None:
    source.error = ZeroDivisionError("a bug")
    started = clock.at
    for cache in (here, there):
        with pytest.raises(ZeroDivisionError):
            cache.get(view, {})
    source.error = None
    assert there.get(view, {}).state is State.MISS
    assert clock.at == started


def test_a_bug_loses_no_value(look: Look, source: Source, clock: SteppingClock) -> None:
    look()
    clock.advance(seconds=31)
    source.error = ZeroDivisionError("a bug")
    assert look() == (State.STALE, 1, 31, -1)
    clock.advance(seconds=60)
    with pytest.raises(ZeroDivisionError):
        look()


def test_who_dies_while_loading_holds_up_nobody_for_longer_than_its_lease(
    platform: Platform, here: Cache, there: Cache, view: View, source: Source, clock: SteppingClock
) -> None:
    """Here the lease that it leaves is written by hand; test_over_processes.py kills one."""
    here.get(view, {})
    clock.advance(hours=1)
    document = next(iter(platform.firestore.collection("cache_entries").list_documents()))
    document.update({"leaseOwner": "dead", "leaseUntil": clock.at + LEASE})
    started = clock.at
    assert there.get(view, {}).state is State.MISS
    assert LEASE <= clock.at - started < LEASE + timedelta(seconds=1)
