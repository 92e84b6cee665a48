"""The dashboard while BigQuery is down: the last figures, or 503, and BigQuery is left alone."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from werkzeug.test import TestResponse

from shared.analytics.service import CacheService
from shared.platform.context import Platform
from shared.platform.ids import Ids
from shared.platform.settings import Settings
from tests.factories.analytics_api import AnalyticsApi
from tests.factories.black_hole import BlackHole
from tests.factories.serving import serving
from tests.factories.silence import Silence, closed_port
from tests.factories.stepping_clock import SteppingClock
from tests.factories.stopwatch import Stopwatch
from tests.factories.till import Till
from tests.factories.warehouse_proxy import WarehouseProxy

SENTENCE = "The data warehouse does not answer. Try again in a moment."
# What the client tries for 8 s, and a slow machine.
BOUND_SECONDS = 14.0
QUERIES: tuple[dict[str, str], ...] = ({"source": "square"}, {"source": "lightspeed"}, {})


@pytest.fixture
def api(proxy: WarehouseProxy, platform: Platform) -> AnalyticsApi:
    return AnalyticsApi(serving(platform), "service")


def degraded(answer: TestResponse, dollars: int, age: int) -> None:
    """The answer is the last value, and says so everywhere."""
    body = answer.json
    assert (answer.status_code, body["mode"], body["error"], body["cached"]) == (200, "degraded", SENTENCE, True)
    assert body["metrics"]["todayRevenue"] == dollars
    assert answer.headers["Age"] == str(age)
    assert answer.headers["Cache-Status"] == f"livhana; fwd=stale; fwd-status=503; ttl={30 - age}; detail=degraded"


def refused(answer: TestResponse) -> None:
    assert (answer.status_code, answer.json["code"]) == (503, "temporarily_unavailable")
    assert (answer.json["error"], answer.json["success"]) == (SENTENCE, False)


def test_the_last_figures_while_it_is_down_and_new_ones_when_it_is_back(
    api: AnalyticsApi, proxy: WarehouseProxy, clock: SteppingClock, till: Till
) -> None:
    till.sell(5)
    till.synced()
    live = api.dashboard()
    assert (live.json["mode"], live.json["error"], live.json["cached"]) == ("live", None, False)
    proxy.denying = True
    clock.advance(minutes=30)
    unchanged = api.dashboard()
    assert (unchanged.json["mode"], unchanged.headers["Age"]) == ("live", "0"), "nothing was sold: they are right"
    till.sell(7)
    till.synced()
    clock.advance(minutes=30)
    age, waits = 1800, iter((5, 10, 20, 40, 60, 60))
    for _ in range(6):
        degraded(api.dashboard(), 5, age)
        before = proxy.calls
        wait = next(waits)
        for _ in range(3):
            degraded(api.dashboard(), 5, age)
        clock.advance(seconds=wait - 0.5)
        degraded(api.dashboard(), 5, int(age + wait - 0.5))
        assert proxy.calls == before, "it is left alone"
        clock.advance(seconds=0.5)
        age += wait
    proxy.denying = False
    back = api.dashboard()
    assert (back.json["mode"], back.json["error"], back.json["cached"]) == ("live", None, False)
    assert back.json["metrics"]["todayRevenue"] == 12
    assert (back.headers["Age"], back.headers["Cache-Status"]) == ("0", "livhana; fwd=miss; stored")


def test_without_figures_it_is_503_until_it_is_back(api: AnalyticsApi, proxy: WarehouseProxy) -> None:
    proxy.denying = True
    for _ in range(2):
        refused(api.dashboard())
    proxy.denying = False
    assert api.dashboard().status_code == 200


def test_an_answer_of_before_is_not_as_good_when_it_is_degraded(
    api: AnalyticsApi, proxy: WarehouseProxy, clock: SteppingClock, platform: Platform
) -> None:
    """Who has the live figures must see that these are not live any more; who has seen it, need not see it again."""
    live = api.dashboard().headers["ETag"]
    proxy.denying = True
    CacheService(platform).invalidate()
    changed = api.dashboard(**{"If-None-Match": live})
    assert changed.status_code == 200
    again = api.dashboard(**{"If-None-Match": changed.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["Cache-Status"].endswith("detail=degraded")


@pytest.fixture
def instance_at(clock: SteppingClock, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], AnalyticsApi]:
    """Another instance of the same project; its BigQuery is at `address`."""

    def start(address: str) -> AnalyticsApi:
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", f"http://{address}")
        platform = Platform(Settings.load(), clock, Ids(clock))
        _ = platform.bigquery  # its client is made while the variable says where
        return AnalyticsApi(serving(platform), "service")

    return start


def timed(ask: Callable[..., TestResponse], query: dict[str, str]) -> TestResponse:
    with Stopwatch() as watch:
        answer = ask(query)
    assert watch.seconds < BOUND_SECONDS
    return answer


def test_nobody_waits_much_longer_than_8_seconds_for_a_bigquery_that_refuses_or_hangs(
    api: AnalyticsApi, till: Till, clock: SteppingClock, instance_at: Callable[[str], AnalyticsApi]
) -> None:
    """All cases side by side: each takes its eight seconds. The dashboard has figures, the history none."""
    for query in QUERIES:
        assert api.dashboard(query).status_code == 200
    till.synced("square", "lightspeed")
    clock.advance(hours=1)
    with BlackHole() as hole, Silence() as silence, ThreadPoolExecutor(6) as pool:
        instances = [instance_at(address) for address in (closed_port(), hole.address, silence.address)]
        cases = list(zip(instances, QUERIES, strict=True))
        had = [pool.submit(timed, one.dashboard, query) for one, query in cases]
        had_not = [pool.submit(timed, one.historical, query) for one, query in cases]
        for answer in had:
            degraded(answer.result(), 0, 3600)
        for answer in had_not:
            refused(answer.result())
        for one, query in cases:
            with Stopwatch() as watch:
                degraded(one.dashboard(query), 0, 3600)
            assert watch.seconds < 2, "it is left alone"
