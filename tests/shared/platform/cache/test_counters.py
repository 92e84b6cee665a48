"""How often the cache was asked, over all instances."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from shared.analytics.service import CacheService
from shared.platform.cache.cache import Cache
from shared.platform.cache.counters import APART_SECONDS, SOON_SECONDS, Counters
from shared.platform.cache.models import State, View
from shared.platform.context import Platform
from tests.factories.severable import SeverableClient, severable
from tests.factories.source import Source
from tests.factories.stepping_clock import SteppingClock

STATES = [*State, None]


def counters(platform: Platform) -> Counters:
    return Counters(platform.firestore, platform.clock)


def timers() -> list[threading.Timer]:
    """Those that wait."""
    found = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    return [timer for timer in found if not timer.finished.is_set()]


def test_instances_add_up(platform: Platform, clock: SteppingClock) -> None:
    one, other, third = (counters(platform) for _ in range(3))
    for state in STATES:
        one.count(state, 0.001)
    other.count(State.HIT, 0.002)
    other.write()
    clock.advance(seconds=5)
    found, since = one.read()
    assert found == {"hits": 2, "stale": 1, "misses": 2, "errors": 2, "microseconds": 8000}
    assert third.read()[0] == found
    assert since == clock.at - timedelta(seconds=5)


def test_instances_that_write_at_once_add_up_at_once(platform: Platform) -> None:
    """Also the first time, when there is no document yet."""
    own = [counters(platform) for _ in range(8)]
    start = threading.Barrier(len(own))

    def write(one: Counters) -> None:
        one.count(State.HIT, 0.001)
        start.wait()
        one.write()

    with ThreadPoolExecutor(len(own)) as pool:
        list(pool.map(write, own))
    assert counters(platform).read()[0] == {"hits": 8, "microseconds": 8000}


def test_nothing_counted_nothing_written(platform: Platform) -> None:
    assert counters(platform).read() == ({}, None)
    statistics = CacheService(platform).statistics()["cache"]
    assert (statistics["total_requests"], statistics["hit_rate"], statistics["miss_rate"]) == (0, "0.00%", "0.00%")
    assert statistics["avg_response_time_ms"] == 0.0


@pytest.mark.parametrize(
    ("counted", "hit_rate", "miss_rate"),
    [
        ({State.HIT: 81, State.STALE: 54, State.MISS: 6, State.COLLAPSED: 2, None: 2}, "93.10%", "5.52%"),
        ({State.MISS: 1}, "0.00%", "100.00%"),
        ({State.HIT: 1, State.MISS: 7}, "12.50%", "87.50%"),
        ({State.STALE: 1, State.DEGRADED: 2}, "33.33%", "0.00%"),
    ],
)
def test_rates(platform: Platform, counted: dict[State | None, int], hit_rate: str, miss_rate: str) -> None:
    own = platform.once(Counters, lambda: counters(platform))
    for state, number in counted.items():
        for _ in range(number):
            own.count(state, 0.0015)
    found = CacheService(platform).statistics()["cache"]
    assert (found["hit_rate"], found["miss_rate"], found["avg_response_time_ms"]) == (hit_rate, miss_rate, 1.5)
    assert found["total_requests"] == sum(counted.values()) == found["hits"] + found["misses"] + found["errors"]


def test_what_firestore_did_not_take_is_written_later(platform: Platform) -> None:
    client = severable(platform)
    own = counters(platform)
    client.down = True
    own.count(State.HIT, 0.001)
    own.write()
    own.count(State.HIT, 0.001)
    client.down = False
    assert own.read()[0]["hits"] == 2


def due(own: Counters) -> float:
    """How many seconds it was told to wait, of the one timer that an instance has."""
    (timer,) = (timer for timer in timers() if timer.function == own.write)
    return timer.interval


def test_an_instance_writes_soon_and_then_every_10_seconds_at_most(platform: Platform, clock: SteppingClock) -> None:
    own = counters(platform)
    for _ in range(50):
        own.count(State.HIT, 0.001)
    assert due(own) == SOON_SECONDS
    own.write()  # as the timer does
    clock.advance(seconds=1)
    for _ in range(50):
        own.count(State.HIT, 0.001)
    assert due(own) == pytest.approx(APART_SECONDS - 1)


def test_reading_starts_no_second_timer(platform: Platform) -> None:
    """Who reads writes what is counted here, and the timer has nothing more to do."""
    own = counters(platform)
    for _ in range(5):
        own.count(State.HIT, 0.001)
        own.read()
    own.count(State.HIT, 0.001)
    assert due(own) == pytest.approx(APART_SECONDS)


def test_every_lookup_is_counted(
    platform: Platform, view: View, source: Source, clock: SteppingClock, client: SeverableClient
) -> None:
    cache = Cache.on(platform)
    source.down = True
    with pytest.raises(Exception, match="down"):
        cache.get(view, {})
    source.down = False
    cache.get(view, {})
    cache.get(view, {})
    clock.advance(seconds=31)
    cache.get(view, {})
    clock.advance(hours=1)
    source.down = True
    cache.get(view, {})
    client.down = True
    clock.advance(seconds=10)
    cache.get(view, {})
    client.down = False
    found = CacheService(platform).statistics()["cache"]
    assert {name: found[name] for name in ("hits", "stale", "misses", "errors", "total_requests")} == {
        "hits": 2,
        "stale": 1,
        "misses": 1,
        "errors": 3,
        "total_requests": 6,
    }


@pytest.fixture
def client(platform: Platform) -> SeverableClient:
    return severable(platform)
