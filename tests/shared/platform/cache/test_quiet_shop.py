"""What a dashboard that is watched all the time costs: nothing while nothing is sold."""

from __future__ import annotations

from collections import Counter

from functions.analytics.refresh_cache import handle
from local.provision import PubSub
from shared.analytics.dashboard import DASHBOARD
from shared.platform.cache.cache import Cache
from shared.platform.cache.models import State
from shared.platform.context import Platform
from shared.runtime.request import Delivery
from tests.factories.messages import data_of
from tests.factories.stepping_clock import SteppingClock
from tests.factories.till import Till
from tests.factories.warehouse_proxy import WarehouseProxy

ALL = {"source": "all"}
POLLS, SECONDS = 720, 5


def deliver(platform: Platform, pubsub: PubSub) -> int:
    messages = pubsub.pull("cache-refresh")
    for m in messages:
        moment = platform.clock.now()
        handle(
            Delivery(
                platform=platform,
                id=m["messageId"],
                data=data_of(m),
                attributes=m["attributes"],
                published_at=moment,
                attempt=1,
            )
        )
    return len(messages)


def test_an_hour_of_polling_runs_one_set_of_queries_and_a_sale_one_more(
    proxy: WarehouseProxy, pubsub: PubSub, platform: Platform, till: Till, clock: SteppingClock
) -> None:
    cache = Cache.on(platform)
    till.sell(5)
    till.synced()
    states: Counter[State] = Counter()
    for _ in range(POLLS):
        found = cache.get(DASHBOARD, ALL)
        states[found.state] += 1
        assert found.age <= 35
        if found.state is State.STALE:
            assert deliver(platform, pubsub) == 1
        clock.advance(seconds=SECONDS)
    assert proxy.sets == 1
    # Of seven polls the last finds it 35 s old, and has it stamped.
    assert states == {State.MISS: 1, State.STALE: 102, State.HIT: 617}

    till.sell(7)
    till.synced()
    shown = []
    for _ in range(16):
        found = cache.get(DASHBOARD, ALL)
        shown.append(found.value.startswith(b'{"metrics":{"todayRevenue":12.00'))
        if found.state is State.STALE:
            deliver(platform, pubsub)
        clock.advance(seconds=SECONDS)
    assert proxy.sets == 2
    assert shown == sorted(shown)
    assert shown.count(False) <= 8

    clock.advance(seconds=200)
    found = cache.get(DASHBOARD, ALL)
    assert (found.state, found.age, proxy.sets) == (State.HIT, 0, 2)
