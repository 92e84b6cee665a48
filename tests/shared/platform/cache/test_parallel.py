"""Threads and instances at the same time. They wait for real; `now()` moves when the test says so."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from werkzeug.test import TestResponse

from local.provision import PubSub
from shared.analytics.dashboard import SET
from shared.analytics.service import CacheService
from shared.platform.cache.cache import Cache
from shared.platform.cache.models import Found, State, View
from shared.platform.cache.rules import LEASE
from shared.platform.context import Platform
from tests.factories.clock import TestClock
from tests.factories.messages import pulled
from tests.factories.serving import serving
from tests.factories.source import Source, load_of
from tests.factories.till import Till
from tests.factories.tokens import bearer
from tests.factories.warehouse_proxy import WarehouseProxy

CALLER = bearer("service", "s-1", exp=4_102_444_800)
MANY = 64


class WatchedClock(TestClock):
    """Tells when somebody waits."""

    def __init__(self) -> None:
        super().__init__()
        self.waited = threading.Event()

    def sleep(self, seconds: float) -> None:
        self.waited.set()
        super().sleep(seconds)


@pytest.fixture
def clock() -> WatchedClock:
    return WatchedClock()


def at_once(call: Callable[[], Any], times: int = MANY) -> list[Any]:
    start = threading.Barrier(times)

    def ready(_: int) -> Any:
        start.wait()
        return call()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(ready, range(times)))


def test_64_requests_of_the_cold_dashboard_run_one_set_of_queries(
    proxy: WarehouseProxy, platform: Platform, till: Till
) -> None:
    till.sell(5)
    client = serving(platform)("analytics_dashboard")

    def ask() -> TestResponse:
        other = client.application.test_client()
        return other.get("/api/bigquery/dashboard", headers=CALLER, environ_base=client.environ_base)

    answers = at_once(ask)
    assert Counter(proxy.queries) == dict.fromkeys((query.name for query in SET), 1)
    bodies = [answer.json for answer in answers]
    assert [answer.status_code for answer in answers] == [200] * MANY
    assert {body["metrics"]["todayRevenue"] for body in bodies} == {5}
    states = Counter(answer.headers["Cache-Status"] for answer in answers)
    assert states["livhana; fwd=miss; stored"] == 1
    assert set(states) <= {
        "livhana; fwd=miss; stored",
        "livhana; fwd=miss; collapsed",
        "livhana; hit; ttl=30",
    }
    assert len({answer.headers["ETag"] for answer in answers}) == 1


def test_64_threads_of_two_instances_load_once(here: Cache, there: Cache, view: View, source: Source) -> None:
    turn = iter([here, there] * MANY)
    found: list[Found] = at_once(lambda: next(turn).get(view, {}))
    assert source.loads == 1
    assert {load_of(f.value) for f in found} == {1}
    assert [f.state for f in found].count(State.MISS) == 1


def test_all_who_wait_for_a_bug_get_it(here: Cache, view: View, source: Source) -> None:
    source.error, source.hold = ZeroDivisionError("a bug"), threading.Event()
    threading.Timer(0.5, source.hold.set).start()

    def error() -> type[BaseException] | None:
        try:
            here.get(view, {})
        except ZeroDivisionError as bug:
            return type(bug)
        return None

    assert at_once(error, 16) == [ZeroDivisionError] * 16
    assert source.loads == 1
    source.error = None
    assert here.get(view, {}).state is State.MISS


def test_64_stale_requests_ask_for_one_refresh(
    here: Cache, view: View, source: Source, clock: WatchedClock, pubsub: PubSub, often_switched: None
) -> None:
    here.get(view, {})
    clock.advance(seconds=31)
    found: list[Found] = at_once(lambda: here.get(view, {}))
    assert {f.state for f in found} == {State.STALE}
    assert len(pulled(pubsub, "cache-refresh")) == 1
    assert source.loads == 1


class Loading:
    """An instance that is loading; `go_on` lets it, and gives what it found."""

    def __init__(self, cache: Cache, view: View, source: Source) -> None:
        self._hold = source.hold = threading.Event()
        self._pool = ThreadPoolExecutor(1)
        before = source.loads
        self._found = self._pool.submit(cache.get, view, {})
        while source.loads == before:
            assert not self._found.done()
        source.hold = None

    def go_on(self) -> Found:
        self._hold.set()
        self._pool.shutdown()
        return self._found.result()


def test_another_instance_waits_for_the_one_that_loads(
    here: Cache, there: Cache, view: View, source: Source, clock: WatchedClock
) -> None:
    loading = Loading(here, view, source)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(there.get, view, {})
        assert clock.waited.wait(10)
        assert not other.done()
        found = loading.go_on()
    assert (found.state, other.result().state, source.loads) == (State.MISS, State.COLLAPSED, 1)
    assert (found.cached, other.result().cached) == (False, False)


def test_who_takes_longer_than_its_lease_overwrites_nothing(
    here: Cache, there: Cache, view: View, source: Source, clock: WatchedClock
) -> None:
    loading = Loading(here, view, source)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(there.get, view, {})
        assert clock.waited.wait(10)
        clock.at += LEASE
        assert (other.result().state, load_of(other.result().value)) == (State.MISS, 2)
    found = loading.go_on()
    assert (load_of(found.value), source.loads) == (2, 2)
    assert load_of(there.get(view, {}).value) == 2


def test_who_waits_for_a_failing_load_gets_the_last_value_and_does_not_try_too(
    here: Cache, there: Cache, view: View, source: Source, clock: WatchedClock
) -> None:
    here.get(view, {})
    clock.advance(hours=1)
    source.down = True
    loading = Loading(here, view, source)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(there.get, view, {})
        assert clock.waited.wait(10)
        found = loading.go_on()
    assert [(f.state, load_of(f.value)) for f in (found, other.result())] == [(State.DEGRADED, 1)] * 2
    assert source.loads == 2


def test_an_invalidation_is_not_overwritten_by_a_load_that_began_before_it(
    platform: Platform, here: Cache, there: Cache, view: View, source: Source, clock: WatchedClock
) -> None:
    """Nobody waits for that load, also not in the same instance, and who does gets the newer value as well."""
    here.get(view, {})
    clock.advance(hours=1)
    loading = Loading(here, view, source)
    CacheService(platform).invalidate()
    later = here.get(view, {})
    assert (later.state, load_of(later.value)) == (State.MISS, 3)
    assert (there.get(view, {}).state, load_of(there.get(view, {}).value)) == (State.HIT, 3)
    found = loading.go_on()
    assert load_of(found.value) == 3
    assert [load_of(cache.get(view, {}).value) for cache in (here, there)] == [3, 3]
    assert source.loads == 3
