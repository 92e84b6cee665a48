"""How often the cache was asked, over all instances."""

from __future__ import annotations

from typing import Any

import pytest

from functions.analytics.cache_stats import handle
from shared.platform.cache.cache import Cache
from shared.platform.cache.models import COUNTED, State, View
from shared.platform.context import Platform
from shared.platform.metrics import Metrics
from shared.runtime.request import ANONYMOUS, Request
from tests.factories.severable import severable
from tests.factories.source import Source
from tests.factories.stepping_clock import SteppingClock


def statistics(platform: Platform) -> dict[str, Any]:
    return dict(handle(Request(platform=platform, principal=ANONYMOUS, request_id="r-1")).value["cache"])


def looked_up(metrics: Metrics, state: State | None, milliseconds: float) -> None:
    metrics.count(COUNTED[state])
    metrics.count("cache_microseconds", int(milliseconds * 1000))


def test_instances_add_up(platform: Platform, clock: SteppingClock) -> None:
    here, there = platform.metrics, Metrics(lambda: platform.firestore, clock)
    with there.serving("analytics_dashboard"):
        for state in COUNTED:
            looked_up(there, state, 1)
    there.flush()
    clock.advance(seconds=5)
    with here.serving("analytics_products"):
        looked_up(here, State.HIT, 2)
    found = statistics(platform)
    assert {name: found[name] for name in ("hits", "stale", "misses", "errors", "total_requests")} == {
        "hits": 3,
        "stale": 1,
        "misses": 2,
        "errors": 2,
        "total_requests": 7,
    }
    assert (found["uptime_seconds"], found["avg_response_time_ms"]) == (5, 1.14)


def test_what_else_is_counted_is_no_lookup(platform: Platform, clock: SteppingClock) -> None:
    platform.metrics.count("requests")
    platform.metrics.flush()
    clock.advance(seconds=5)
    found = statistics(platform)
    assert (found["total_requests"], found["hit_rate"], found["miss_rate"]) == (0, "0.00%", "0.00%")
    assert (found["avg_response_time_ms"], found["uptime_seconds"]) == (0.0, 0)


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
    for state, number in counted.items():
        for _ in range(number):
            looked_up(platform.metrics, state, 1.5)
    found = statistics(platform)
    assert (found["hit_rate"], found["miss_rate"], found["avg_response_time_ms"]) == (hit_rate, miss_rate, 1.5)
    assert found["total_requests"] == sum(counted.values()) == found["hits"] + found["misses"] + found["errors"]


def test_every_lookup_is_counted(platform: Platform, view: View, source: Source, clock: SteppingClock) -> None:
    client = severable(platform)
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
    found = statistics(platform)
    assert {name: found[name] for name in ("hits", "stale", "misses", "errors", "total_requests")} == {
        "hits": 2,
        "stale": 1,
        "misses": 1,
        "errors": 3,
        "total_requests": 6,
    }
