"""GET /api/monitoring/metrics"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from shared.platform.context import Platform
from shared.platform.metrics import Metrics
from tests.factories.clock import TestClock
from tests.factories.serving import serving
from tests.factories.severable import severable
from tests.factories.tokens import bearer

PATH = "/api/monitoring/metrics"
ADMIN = bearer("admin", "a-1", exp=4_102_444_800)


@pytest.fixture
def client(platform: Platform) -> FlaskClient:
    return serving(platform)("monitoring_metrics")


def test_what_instances_measured_is_shown_by_function_and_together(platform: Platform, client: FlaskClient) -> None:
    other = Metrics(lambda: platform.firestore, platform.clock)
    for metrics in (platform.metrics, other):
        with metrics.serving("verification_verify"):
            metrics.count("requests", 50)
            metrics.count("errors", 1)
            for milliseconds in range(1, 51):
                metrics.observe("latency", milliseconds)
            metrics.count("verification_attempts", 6)
            metrics.count("verification_successes", 5)
            metrics.observe("verification_latency", 40)
        with metrics.serving("analytics_dashboard"):
            for name, number in {"hits": 70, "stale": 8, "misses": 1, "errors": 1}.items():
                metrics.count(f"cache_{name}", number)
            metrics.count("queries", 3)
            metrics.count("query_bytes_billed", 10 * 1024**2)
            metrics.observe("query_latency", 200)
            metrics.count("payment_charges", 4)
            metrics.count("payment_failures")
        with metrics.serving("pos_sync"):
            metrics.count("messages", 2)
            metrics.count("messages_failed")
            metrics.observe("message_latency", 1000)
            metrics.count("sync_runs", 2)
            metrics.count("sync_failures")
            metrics.count("rate_limit_hits", 9)
            metrics.count("rate_limit_blocks", 2)
            metrics.count("verification_limit_hits", 3)
    other.flush()
    answer = client.get(PATH, headers=ADMIN)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json
    functions = {function.pop("name"): function for function in body["functions"]}
    near = lambda value: pytest.approx(value, rel=0.01)  # noqa: E731
    assert functions["verification_verify"] == {
        "requests": 100,
        "errors": 2,
        "p50": near(25),
        "p95": near(48),
        "p99": near(50),
    }
    assert functions["pos_sync"] == dict.fromkeys(("p50", "p95", "p99"), near(1000)) | {"requests": 4, "errors": 2}
    assert functions["analytics_dashboard"] == dict.fromkeys(("p50", "p95", "p99")) | {"requests": 0, "errors": 0}
    assert (body["totals"]["requests"], body["totals"]["errors"]) == (104, 4)
    times = dict.fromkeys(("p50", "p95", "p99"), near(200))
    assert body["queries"] == {"count": 6, "bytesBilled": 20 * 1024**2, **times}
    assert body["cache"] == {"hits": 156, "stale": 16, "misses": 2, "errors": 2, "hitRate": "97.50%"}
    assert body["syncs"] == {"runs": 4, "failures": 2}
    assert (body["limits"]["blocks"], body["limits"]["verification"]) == (4, 6)
    assert (body["verifications"]["attempts"], body["verifications"]["successes"]) == (12, 10)
    assert body["payments"] == {"charges": 8, "failures": 2}
    assert (body["from"], body["to"]) == ("2026-07-01T16:00:00.000Z", "2026-07-01T17:00:00.000Z")
    assert body["timestamp"] == body["to"]


def test_so_many_minutes_back_and_no_more(platform: Platform, client: FlaskClient, clock: TestClock) -> None:
    for _ in range(3):
        platform.metrics.count("queries")
        clock.advance(minutes=1)
    clock.advance(minutes=-1)
    counted = [client.get(f"{PATH}?minutes={minutes}", headers=ADMIN).json["queries"]["count"] for minutes in (1, 2)]
    assert counted == [2, 3]


@pytest.mark.parametrize("minutes", ["0", "1441", "-1", "1.5", "ten", ""])
def test_minutes_that_are_none(client: FlaskClient, minutes: str) -> None:
    answer = client.get(f"{PATH}?minutes={minutes}", headers=ADMIN)
    assert (answer.status_code, answer.json["field"]) == (400, "minutes")


def test_a_whole_day(client: FlaskClient, clock: TestClock) -> None:
    body = client.get(f"{PATH}?minutes=1440", headers=ADMIN).json
    assert body["from"] == f"{clock.at - timedelta(days=1):%Y-%m-%dT%H:%M:%S}.000Z"


def test_without_firestore_it_says_so(platform: Platform, caplog: pytest.LogCaptureFixture) -> None:
    severable(platform).down = True
    answer = serving(platform)("monitoring_metrics").get(PATH, headers=ADMIN)
    assert (answer.status_code, answer.json["code"]) == (503, "temporarily_unavailable")


def test_every_function_measures_its_own_requests_in_one_process(function: Callable[[str], FlaskClient]) -> None:
    """As the local gateway serves them."""
    policy, ready = function("verification_policy"), function("monitoring_ready")
    for _ in range(3):
        assert policy.get("/api/age-verification/policy?state=TX", headers=ADMIN).status_code == 200
    assert policy.get("/api/age-verification/policy?state=XX", headers=ADMIN).status_code == 400
    ready.get("/health/ready")
    body = function("monitoring_metrics").get(PATH, headers=ADMIN).json
    found = {one["name"]: (one["requests"], one["errors"]) for one in body["functions"]}
    assert found["verification_policy"] == (4, 0)
    assert found["monitoring_ready"] == (1, 0)
    assert body["firestore"]["reads"] > 0
