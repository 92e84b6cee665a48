"""The dashboard beyond the day's budget: the last value, which says so; without one a 503. Nothing is run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from local.provision import PubSub
from shared.platform.context import Platform
from shared.platform.ids import Ids
from shared.platform.settings import Settings
from tests.factories.analytics_api import AnalyticsApi
from tests.factories.clock import TestClock
from tests.factories.environment import environment
from tests.factories.recording_bigquery import RecordingBigQuery, recording_bigquery
from tests.factories.serving import serving

GIB = 1024**3
# Its three queries.
DASHBOARD_BYTES = 3 * GIB


@pytest.fixture
def bigquery() -> Iterator[RecordingBigQuery]:
    with recording_bigquery() as proxy:
        proxy.dry_run_bytes = GIB
        yield proxy


@pytest.fixture
def instance(
    project: str,
    pubsub: PubSub,
    tables: None,
    clock: TestClock,
    bigquery: RecordingBigQuery,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[], AnalyticsApi]:
    """`instance()` is one more, with a budget for one dashboard a day."""
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", bigquery.url)
    variables = environment(project, BIGQUERY_DAILY_BYTES=str(DASHBOARD_BYTES + GIB))
    return lambda: AnalyticsApi(serving(Platform(Settings.load(variables), clock, Ids(clock))))


def test_the_last_value_is_served_and_no_query_is_run(
    instance: Callable[[], AnalyticsApi], bigquery: RecordingBigQuery, clock: TestClock
) -> None:
    first, second = instance(), instance()
    loaded = first.dashboard().json
    assert (loaded["mode"], loaded["error"], len(bigquery.run())) == ("live", None, 3)
    second.invalidate()
    for api in (second, first):
        answer = api.dashboard()
        assert answer.status_code == 200
        assert answer.json["mode"] == "degraded"
        assert "BIGQUERY_DAILY_BYTES" in answer.json["error"]
        assert (answer.json["metrics"], answer.json["lastUpdate"]) == (loaded["metrics"], loaded["lastUpdate"])
        assert "detail=degraded" in answer.headers["Cache-Status"]
    assert len(bigquery.run()) == 3
    # A day later there is a budget again.
    clock.advance(days=1)
    again = second.dashboard().json
    assert (again["mode"], again["error"], len(bigquery.run())) == ("live", None, 6)


def test_without_a_last_value_it_is_503(instance: Callable[[], AnalyticsApi], bigquery: RecordingBigQuery) -> None:
    api = instance()
    assert api.dashboard().status_code == 200
    answer = api.dashboard({"source": "square"})
    assert (answer.status_code, answer.json["code"], answer.json["success"]) == (503, "budget_spent", False)
    assert "metrics" not in answer.json
    assert len(bigquery.run()) == 3
