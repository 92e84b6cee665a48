"""The shape of every answer: of an empty warehouse, of made-up data, of an answer that the caller has already."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient

from shared.integrations.sources import connect
from shared.platform.context import Platform
from shared.platform.settings import Settings
from shared.pos.service import SyncService
from tests.factories import figures
from tests.factories.analytics_api import AnalyticsApi
from tests.factories.environment import environment

ABOUT = {"lastUpdate", "queryTimeMs", "mode", "lastRefresh", "error", "cached"}
METRICS = {
    "todayRevenue": Decimal("0.00"),
    "weekRevenue": Decimal("0.00"),
    "monthRevenue": Decimal("0.00"),
    "yearRevenue": Decimal("0.00"),
    "totalTransactions": 0,
    "totalCustomers": 0,
    "avgOrderValue": Decimal("0.00"),
}
EMPTY: dict[str, dict[str, Any]] = {
    "dashboard": {"metrics": METRICS, "topProducts": [], "recentTransactions": []},
    "historical": {"historical": [], "daily": [], "monthly": []},
    "products": {"products": [], "topSellers": [], "nextCursor": None},
}


@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_warehouse_gives_zeros_and_empty_lists(api: AnalyticsApi, tables: None, name: str) -> None:
    body = figures.exact(getattr(api, name)().text)
    about = {field: body.pop(field) for field in ABOUT}
    assert body == EMPTY[name]
    assert figures.badly_written(body) == []
    assert (about["mode"], about["error"], about["cached"]) == ("live", None, False)
    assert about["lastUpdate"] == about["lastRefresh"]
    assert about["queryTimeMs"] >= 0


def test_made_up_sales_say_so(project: str, tables: None, function: Callable[[str], FlaskClient]) -> None:
    """Lightspeed without credentials; of Square there is nothing yet."""
    platform = Platform.start(Settings.load(environment(project)))
    SyncService(platform, connect).run_here("lightspeed", "backfill", "P20D", "", lambda rows: None, 4)
    api = AnalyticsApi(function)
    modes = {
        source: api.dashboard({"source": source} if source else None).json["mode"]
        for source in ("", "lightspeed", "square")
    }
    assert modes == {"": "mock", "lightspeed": "mock", "square": "live"}
    assert api.dashboard().json["metrics"]["totalTransactions"] > 0
    assert [api.historical().json["mode"], api.products().json["mode"]] == ["mock", "mock"]


def test_the_cache_tells_what_it_has_done_and_forgets(api: AnalyticsApi, tables: None) -> None:
    api.dashboard()
    api.dashboard()
    body = api.cache_stats().json
    assert set(body) == {"status", "cache", "config", "timestamp"}
    counts = body["cache"]
    assert [counts[name] for name in ("hits", "misses", "stale", "errors", "totalRequests")] == [1, 1, 0, 0, 2]
    assert (counts["hitRate"], counts["missRate"], counts["backend"]) == ("50.00%", "50.00%", "firestore")
    assert set(counts) >= {"avgResponseTimeMs", "uptimeSeconds"}
    assert body["config"] == {"ttlSeconds": 30, "staleWhileRevalidateSeconds": 60, "namespace": "cache_entries"}
    answer = api.invalidate()
    assert (answer.status_code, answer.json) == (200, {"success": True, "message": "Cache invalidated"})
    assert api.dashboard().json["cached"] is False
