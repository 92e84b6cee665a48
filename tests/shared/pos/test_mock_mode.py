"""Without credentials: made-up rows, which say so, go nowhere in production, and make room for real ones."""

from __future__ import annotations

from shared.integrations.sources import connect
from shared.integrations.square_mock import PAYMENTS_A_DAY, PEOPLE, PRODUCTS
from shared.platform.context import Platform
from shared.pos.models import Job
from shared.pos.service import SyncService
from tests.factories.shop import LIFE, Shop

TABLE = "analytics.square_payments"
# 30 whole days, and the day that is under way; its five are from 12:00 to 16:00 UTC.
MOCKED = 31 * PAYMENTS_A_DAY


def run(platform: Platform, source: str = "square", mode: str = "incremental", start: str = "") -> Job:
    return SyncService(platform, connect).run_here(source, mode, start, "", lambda rows: None, 4)


def counted(shop: Shop, table: str, where: str = "created_at > '2000-01-01'") -> int:
    return int(shop.rows(table, "COUNT(*) AS n", where)[0]["n"])


def test_a_run_without_credentials_says_that_it_is_made_up(shop: Shop) -> None:
    job = run(shop.with_(SQUARE_ACCESS_TOKEN=""), mode="backfill", start="P30D")
    assert (job.status, job.sync_mode) == ("done", "mock")
    assert shop.square.requests()["total"] == 0
    assert counted(shop, TABLE) == MOCKED
    assert counted(shop, "analytics.square_items") == PRODUCTS
    assert counted(shop, "commerce.customers") == PEOPLE
    assert (shop.state()["mode"], shop.certificate()["green"]) == ("mock", True)


def test_again_nothing_changes_and_a_day_later_a_day_comes(shop: Shop) -> None:
    mock = shop.with_(SQUARE_ACCESS_TOKEN="")
    run(mock, mode="backfill", start="P9D")
    before = shop.rows(TABLE)
    run(mock)
    assert shop.rows(TABLE) == before
    shop.advance(days=1)
    run(mock)
    assert counted(shop, TABLE) == len(before) + PAYMENTS_A_DAY == 11 * PAYMENTS_A_DAY


def test_with_credentials_the_made_up_rows_are_gone(shop: Shop) -> None:
    run(shop.with_(SQUARE_ACCESS_TOKEN=""), mode="backfill", start="P9D")
    shop.advance(minutes=15)
    shop.sync("backfill", LIFE)
    assert shop.places(TABLE, "amount") == shop.ledger("payments")
    for table in ("analytics.square_items", "analytics.square_order_lines", "commerce.customers"):
        assert not [row for row in shop.rows(table) if "mock-" in str(row)]
    assert shop.state()["mode"] == "live"


def test_in_production_nothing_is_made_up(shop: Shop) -> None:
    for source in ("square", "lightspeed"):
        job = run(shop.with_(SQUARE_ACCESS_TOKEN="", ENVIRONMENT="production"), source)
        assert job.status == "done"
    assert not any(rows for name, rows in shop.warehouse.everything().items())
    assert (shop.state()["mode"], shop.state()["state"]) == ("mock", "idle")


def test_lightspeed_makes_up_fifty_sales_and_twenty_five_products(shop: Shop) -> None:
    assert run(shop.platform, "lightspeed").sync_mode == "mock"
    assert counted(shop, "analytics.lightspeed_transactions") == 50
    assert counted(shop, "analytics.lightspeed_products") == 25
