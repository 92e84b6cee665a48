"""Three instances that know nothing of each other but what is in Firestore: processes of their own, real time."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from local.provision import PubSub
from shared.analytics.dashboard import SET
from shared.platform.cache.rules import LEASE
from tests.factories.clock import TestClock
from tests.factories.clock_file import ClockFile
from tests.factories.environment import environment
from tests.factories.messages import pulled
from tests.factories.till import Till
from tests.factories.tokens import bearer
from tests.factories.warehouse_proxy import WarehouseProxy
from tests.faults.processes import Launcher, Process

ADMIN = bearer("admin", "a-1", exp=4_102_444_800)
QUERIES = len(SET)
MANY = 64


@pytest.fixture(scope="module")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    with Launcher(tmp_path_factory.mktemp("cache")) as running:
        yield running


@pytest.fixture
def clock_file(tmp_path: Path) -> ClockFile:
    """Goes on from where the tests' clock stands."""
    file = ClockFile(tmp_path / "clock.json")
    file.stand_at(TestClock().at)
    return file


@pytest.fixture
def start(
    launcher: Launcher, proxy: WarehouseProxy, project: str, pubsub: PubSub, clock_file: ClockFile
) -> Callable[[str], Process]:
    variables = environment(project, CLOCK_FILE=str(clock_file.path), RATE_LIMIT_ADMIN="10000")
    return lambda function: launcher.start(function, variables)


@pytest.fixture
def dashboards(start: Callable[[str], Process]) -> list[Process]:
    return [start("analytics_dashboard") for _ in range(3)]


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(MANY) as threads:
        yield threads


def ask(process: Process, method: str = "GET", path: str = "dashboard") -> requests.Response | None:
    return process.call(method, f"/api/bigquery/{path}", headers=ADMIN)


def shown(answer: requests.Response | None) -> tuple[int, str]:
    """Dollars, and the Cache-Status without the name and the ttl."""
    assert answer is not None
    assert answer.status_code == 200, answer.text
    parts = answer.headers["Cache-Status"].split("; ")[1:]
    dollars = int(answer.json()["metrics"]["yearRevenue"])
    return dollars, "; ".join(part for part in parts if not part.startswith("ttl="))


def totals(statistics: Process) -> dict[str, Any]:
    answer = ask(statistics, path="cache-stats")
    assert answer is not None
    return dict(answer.json()["cache"])


def test_64_at_once_run_one_set_of_queries_and_are_all_counted(
    dashboards: list[Process],
    proxy: WarehouseProxy,
    till: Till,
    start: Callable[[str], Process],
    pool: ThreadPoolExecutor,
) -> None:
    till.sell(5)
    barrier = threading.Barrier(MANY)

    def ready(number: int) -> tuple[int, str]:
        barrier.wait()
        return shown(ask(dashboards[number % 3]))

    found = list(pool.map(ready, range(MANY)))
    assert Counter(proxy.queries) == dict.fromkeys((query.name for query in SET), 1)
    assert {dollars for dollars, _ in found} == {5}
    states = Counter(status for _, status in found)
    assert states["fwd=miss; stored"] == 1
    assert states["fwd=miss; collapsed"] + states["hit"] == MANY - 1

    for process in dashboards:
        process.end()
    counted = totals(start("analytics_cache_stats"))
    assert counted["totalRequests"] == MANY
    assert (counted["misses"], counted["hits"]) == (1 + states["fwd=miss; collapsed"], states["hit"])
    assert (counted["errors"], counted["stale"]) == (0, 0)
    assert counted["hitRate"] == f"{100 * counted['hits'] / MANY:.2f}%"
    assert 0 < counted["avgResponseTimeMs"] < 30_000


def test_a_stale_value_is_refreshed_by_the_message_that_it_causes(
    dashboards: list[Process],
    till: Till,
    clock_file: ClockFile,
    start: Callable[[str], Process],
    pubsub: PubSub,
    proxy: WarehouseProxy,
) -> None:
    here, there, _ = dashboards
    till.sell(5)
    assert shown(ask(here)) == (5, "fwd=miss; stored")
    till.sell(7)
    till.synced()
    clock_file.advance(seconds=45)
    assert [shown(ask(here)) for _ in range(10)] == [(5, "hit; detail=stale")] * 10
    assert len(proxy.queries) == QUERIES
    (message,) = pulled(pubsub, "cache-refresh")
    push = {"subscription": "projects/p/subscriptions/s", "message": message}
    for _ in range(2):
        delivered = start("analytics_refresh_cache").call("POST", "/projects/p/topics/cache-refresh", json=push)
        assert delivered is not None
        assert delivered.status_code == 200
    assert [shown(ask(process)) for process in (here, there)] == [(12, "hit")] * 2
    assert proxy.sets == 2


def test_after_an_invalidation_every_instance_has_the_new_value_though_an_old_load_is_under_way(
    dashboards: list[Process],
    till: Till,
    clock_file: ClockFile,
    start: Callable[[str], Process],
    proxy: WarehouseProxy,
    pool: ThreadPoolExecutor,
) -> None:
    till.sell(5)
    assert {shown(ask(process))[0] for process in dashboards} == {5}
    till.synced()
    clock_file.advance(seconds=100)
    slow = proxy.hold()
    overtaken: Future[Any] = pool.submit(ask, dashboards[0])
    proxy.wait_for(2 * QUERIES)  # it has read what was sold so far, and does not know it yet
    proxy.hold_no_more()
    till.sell(7)
    invalidated = ask(start("analytics_invalidate_cache"), "POST", "cache/invalidate")
    assert invalidated is not None
    assert invalidated.json() == {"success": True, "message": "Cache invalidated"}
    assert [shown(ask(process))[0] for process in dashboards] == [12] * 3
    assert not overtaken.done()
    slow.set()
    assert shown(overtaken.result())[0] == 12
    assert [shown(ask(process)) for process in dashboards] == [(12, "hit")] * 3
    assert proxy.sets == 3


def test_who_is_killed_while_loading_holds_up_nobody_for_longer_than_its_lease(
    dashboards: list[Process], till: Till, clock_file: ClockFile, proxy: WarehouseProxy, pool: ThreadPoolExecutor
) -> None:
    killed, here, there = dashboards
    till.sell(5)
    hanging = proxy.hold()
    answer = pool.submit(ask, killed)
    proxy.wait_for(QUERIES)
    killed.kill()
    assert answer.result() is None
    waiting = [pool.submit(ask, process) for process in (here, there)]
    time.sleep(0.5)
    assert not any(future.done() for future in waiting)
    assert len(proxy.queries) == QUERIES
    proxy.hold_no_more()
    clock_file.advance(seconds=LEASE.total_seconds())
    started = time.monotonic()
    found = [shown(future.result()) for future in waiting]
    assert time.monotonic() - started < 8
    assert sorted(found) == [(5, "fwd=miss; collapsed"), (5, "fwd=miss; stored")]
    assert proxy.sets == 2
    hanging.set()
