"""GET and POST /api/monitoring/rate-limit/..."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask.testing import FlaskClient

from shared.monitoring.limits import LimitStatistics, Tier
from shared.platform.context import Platform
from shared.platform.metrics import Metrics
from tests.factories.documents import documents
from tests.factories.messages import SECURITY_EVENTS, data_of, pulled
from tests.factories.serving import serving
from tests.factories.stepping_clock import SteppingClock
from tests.factories.tokens import bearer

BASE = "/api/monitoring/rate-limit"
ADMIN = bearer("admin", "a-1", exp=4_102_444_800)
Call = Callable[[str], FlaskClient]


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def client(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Call:
    return serving(platform)


def stats(client: Call) -> dict:
    answer = client("monitoring_rate_limit_stats").get(f"{BASE}/stats", headers=ADMIN)
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


def reset(client: Call) -> dict:
    answer = client("monitoring_rate_limit_reset").post(f"{BASE}/stats/reset", headers=ADMIN)
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


def test_every_request_that_meets_a_limit_is_counted_by_its_tier(client: Call, clock: SteppingClock) -> None:
    policy = client("verification_policy")
    for _ in range(150):
        policy.get("/api/age-verification/policy", headers=bearer("customer", "c-1", exp=4_102_444_800))
        policy.get("/nowhere")  # nobody signed in: 100 a minute
    found = stats(client)
    assert found["stats"] == {
        "totalHits": 301,
        "totalBlocks": 50,
        "blockRate": "16.61%",
        "since": "2026-07-01T17:00:00.000Z",
        "uptime": 0,
    }
    assert found["tiers"]["anonymous"] == {
        "limit": 100,
        "window": 60,
        "hits": 150,
        "blocks": 50,
        "blockRate": "33.33%",
    }
    assert found["tiers"]["signed_in"]["hits"] == 150
    assert found["tiers"]["admin"] == {"limit": 1000, "window": 60, "hits": 1, "blocks": 0, "blockRate": "0.00%"}
    assert set(found["tiers"]) == {"anonymous", "signed_in", "admin", "health", "webhook"}


def test_a_reset_counts_anew_and_is_an_admins_action(
    client: Call, clock: SteppingClock, platform: Platform, pubsub: object
) -> None:
    stats(client)
    clock.advance(minutes=5)
    answer = reset(client)
    assert answer == {
        "success": True,
        "message": "Rate limit statistics reset",
        "since": "2026-07-01T17:05:00.000Z",
    }
    clock.advance(seconds=90)
    found = stats(client)["stats"]
    # The reading itself.
    assert (found["totalHits"], found["totalBlocks"], found["blockRate"]) == (1, 0, "0.00%")
    assert (found["since"], found["uptime"]) == ("2026-07-01T17:05:00.000Z", 90)
    told = [data_of(message)["type"] for message in pulled(pubsub, SECURITY_EVENTS)]
    assert told == ["security.admin_action"]


def test_it_survives_restarts(client: Call, platform: Platform, clock: SteppingClock) -> None:
    stats(client)
    reset(client)
    stats(client)
    platform.metrics.flush()
    again = Platform(platform.settings, clock, platform.ids)
    found = stats(serving(again))
    assert (found["stats"]["totalHits"], found["stats"]["since"]) == (2, "2026-07-01T17:00:00.000Z")


def test_resets_while_instances_count_lose_nothing_and_count_nothing_twice(platform: Platform) -> None:
    """What each period had, and what came after the last, is all there was."""
    tiers = {"admin": Tier(1000, 60)}
    instances = [Metrics(lambda: platform.firestore, platform.clock) for _ in range(3)]
    ended = threading.Event()
    bases: list[int] = []

    def count(metrics: Metrics) -> int:
        for counted in range(1, 10_000):
            metrics.count("rate_limit_hits")
            metrics.count("rate_limit_hits_admin")
            if counted % 50 == 0:
                metrics.flush()
            if ended.is_set():
                break
        metrics.flush()
        return counted

    with ThreadPoolExecutor(len(instances)) as threads:
        counting = [threads.submit(count, metrics) for metrics in instances]
        for _ in range(4):
            LimitStatistics(platform, tiers).reset()
            base = documents(platform.firestore, "rate_limit_statistics")["rate_limit_statistics/base"]
            bases.append(base["counts"].get("rate_limit_hits", 0))
        ended.set()
        everything = sum(one.result() for one in counting)
    left = LimitStatistics(platform, tiers).read()
    assert bases == sorted(bases)
    assert left["stats"]["total_hits"] == left["tiers"]["admin"]["hits"] == everything - bases[-1]


def test_two_resets_at_once_are_both_done(platform: Platform, clock: SteppingClock) -> None:
    platform.metrics.count("rate_limit_hits", 7)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: LimitStatistics(platform, {}).reset(), range(4)))
    assert LimitStatistics(platform, {}).read()["stats"]["total_hits"] == 0


def test_the_configuration(client: Call) -> None:
    answer = client("monitoring_rate_limit_config").get(f"{BASE}/config", headers=ADMIN)
    assert answer.json == {
        "success": True,
        "tiers": {
            "anonymous": {"limit": 100, "window": 60},
            "signed_in": {"limit": 300, "window": 60},
            "admin": {"limit": 1000, "window": 60},
            "health": {"limit": 300, "window": 60},
            "webhook": {"limit": 3000, "window": 60},
        },
        "timestamp": "2026-07-01T17:00:00.000Z",
    }
