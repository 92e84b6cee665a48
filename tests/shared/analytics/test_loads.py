"""Figures of rows that no till would have on one day: two customers of one name, a refund that is all there is."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from shared.analytics import dashboard, historical
from shared.analytics.versions import data_version
from shared.platform.cache.models import Version
from shared.platform.context import Platform
from tests.factories.clock import TestClock
from tests.factories.warehouse import Warehouse

PAYMENT = """
INSERT INTO `analytics.square_payments`
  (id, amount, refunded_amount, currency, status, customer_id, location_id, created_at, updated_at)
VALUES (@id, @cents, 0, 'USD', 'COMPLETED', @customer, 'L1', @at, @at)
"""
SALE = """
INSERT INTO `analytics.lightspeed_transactions`
  (id, amount, tax, total, customer_id, location_id, status, created_at, updated_at)
VALUES (@id, @cents, 0, @cents, @customer, '1', 'completed', @at, @at)
"""


@pytest.fixture
def sell(project: str, tables: None, clock: TestClock) -> Any:
    warehouse, count = Warehouse(project), iter(range(100))

    def sold(statement: str, cents: int, customer: str | None = None) -> None:
        values = {"id": ("STRING", str(next(count))), "cents": ("INT64", cents), "at": ("TIMESTAMP", clock.at)}
        warehouse.run(statement, **values, customer=("STRING", customer))

    return sold


def metrics(platform: Platform, source: str = "all") -> dict[str, Any]:
    found = json.loads(dashboard.load(platform, {"source": source}), parse_float=Decimal)["metrics"]
    assert isinstance(found, dict)
    return found


def test_customers_of_two_tills_with_one_id_are_two(platform: Platform, sell: Any) -> None:
    sell(PAYMENT, 100, "7")
    sell(PAYMENT, 101, "7")
    sell(SALE, 100, "7")
    sell(SALE, 100, None)
    found = metrics(platform)
    assert (found["totalCustomers"], found["totalTransactions"]) == (2, 4)
    # 401 cents of four: 100.25.
    assert found["avgOrderValue"] == Decimal("1.00")
    figures = json.loads(historical.load(platform, {"source": "all"}), parse_float=Decimal)
    assert [day["customers"] for day in figures["daily"]] == [2]
    assert [month["customers"] for month in figures["monthly"]] == [2]


def test_a_refund_alone_is_revenue_of_no_transaction(platform: Platform, sell: Any) -> None:
    sell(SALE, -1050, "7")
    found = metrics(platform, "lightspeed")
    assert (found["todayRevenue"], found["yearRevenue"]) == (Decimal("-10.50"), Decimal("-10.50"))
    assert (found["totalTransactions"], found["totalCustomers"], found["avgOrderValue"]) == (0, 0, 0)


def test_cents_of_large_sums_are_exact(platform: Platform, sell: Any) -> None:
    """Beyond what a float could hold."""
    for _ in range(2):
        sell(SALE, 90_071_992_547_409_931)
    text = dashboard.load(platform, {"source": "all"}).decode()
    assert '"yearRevenue":1801439850948198.62' in text


def test_the_version_names_the_day_the_sources_and_made_up_data(platform: Platform, clock: TestClock) -> None:
    sources = platform.firestore.collection("sync_sources")
    all_of_it = {"source": "all"}
    assert data_version(platform, all_of_it) == Version("2026-07-01 square=none lightspeed=none", "live")
    sources.document("square").set({"dataVersion": "job_1", "mode": "live"})
    sources.document("lightspeed").set({"dataVersion": "job_2", "mode": "mock"})
    assert data_version(platform, all_of_it) == Version("2026-07-01 square=job_1 lightspeed=job_2", "mock")
    assert data_version(platform, {"source": "square"}) == Version("2026-07-01 square=job_1", "live")
    clock.advance(hours=12)  # 05:00 UTC: midnight in Texas
    assert data_version(platform, {"source": "square"}) == Version("2026-07-02 square=job_1", "live")
