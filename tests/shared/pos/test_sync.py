"""Square into BigQuery: complete to the cent, the same however often, whatever the API does on the way."""

from __future__ import annotations

import json

import pytest

from shared.platform.errors import SourceUnavailable, Unavailable
from tests.factories.shop import LIFE, PAYMENTS, Shop

PAYMENTS_TABLE = "analytics.square_payments"
SURVIVABLE = {
    "burst_429": 17,
    "errors_5xx": 13,
    "dropped": 19,
    "slow": 1,
    "latency_ms": 1,
    "cursor_expiry": 9,
    "duplicates": 3,
    "edits_behind_cursor": 5,
    "short_pages": True,
    "unordered": True,
    "garbage": 41,
    "rate_limit": 200,
}


def assert_complete(shop: Shop) -> None:
    assert shop.places(PAYMENTS_TABLE, "amount") == shop.ledger("payments")
    assert shop.places("analytics.square_order_lines", "gross") == shop.ledger("order_lines")
    items, customers = shop.square.ledger("items"), shop.square.ledger("customers")
    found = shop.rows("analytics.square_items", "COUNT(*) AS n, SUM(price) AS cents", "NOT deleted")[0]
    assert (found["n"], found["cents"]) == (items["count"], items["cents"])
    assert shop.rows("commerce.customers", "COUNT(*) AS n", "NOT deleted")[0]["n"] == customers["count"]
    for table, key in ((PAYMENTS_TABLE, "id"), ("analytics.square_order_lines", "CONCAT(order_id, line_uid)")):
        assert shop.rows(table, f"COUNT(*) - COUNT(DISTINCT {key}) AS doubled")[0]["doubled"] == 0


def test_the_first_run_brings_everything_and_its_certificate_is_green(shop: Shop) -> None:
    job = shop.sync()
    assert (job.status, job.error) == ("done", None)
    assert_complete(shop)
    for stream in ("square_payments", "square_order_lines", "square_items", "square_customers"):
        assert shop.certificate(stream)["green"]
        assert shop.state(stream)["mode"] == "live"
    found = shop.certificate()
    assert (found["rows"], found["cents"]) == (PAYMENTS, shop.square.ledger("payments")["cents"])
    assert {place["location"] for place in shop.ledger("payments")} == {
        place["location"] for place in shop.places(PAYMENTS_TABLE, "amount")
    }


def test_ten_runs_change_nothing(shop: Shop) -> None:
    shop.sync()
    before = shop.warehouse.everything()
    for _ in range(10):
        job = shop.sync()
        assert job.status == "done"
    assert shop.warehouse.everything() == before
    assert not [name for name in before if name.startswith("staging.")]
    assert shop.state()["rowsWritten"] == 0


def test_messages_hand_out_the_months_and_end_as_one_run(shop: Shop) -> None:
    asked = {"source": "square", "mode": "backfill", "from": LIFE}
    shop.deliver(asked)
    assert_complete(shop)
    state = shop.state()
    assert state["state"] == "idle"
    assert state["certificate"]["green"]
    # The same message again is the same run.
    shop.deliver(asked)
    again = shop.state()
    assert {**again, "lagSeconds": 0} == {**state, "lagSeconds": 0}


def test_every_trap_on_at_once(shop: Shop) -> None:
    shop.square.trap(**SURVIVABLE)
    for attempt in range(6):
        try:
            shop.sync()
            break
        except SourceUnavailable:
            assert attempt < 5
    shop.advance(minutes=5)
    shop.sync()
    shop.square.trap(edits_behind_cursor=0)
    shop.advance(minutes=1)
    shop.sync()
    assert shop.places(PAYMENTS_TABLE, "amount") == shop.ledger("payments")
    garbage = shop.square.ledger("payments")["garbage"]
    assert garbage
    rejected = shop.rows("commerce.sync_rejects", "record_id, reason", "stream = 'square_payments'")
    assert len(rejected) == len(garbage)
    assert all(row["reason"] for row in rejected)
    assert shop.rows(PAYMENTS_TABLE, "COUNT(*) - COUNT(DISTINCT id) AS n")[0]["n"] == 0


@pytest.mark.parametrize("trap", ["cursor_expiry", "duplicates", "edits_behind_cursor", "garbage"])
def test_each_trap_alone(shop: Shop, trap: str) -> None:
    shop.square.trap(**{trap: SURVIVABLE[trap]})
    assert shop.sync().status == "done"
    if trap == "edits_behind_cursor":
        shop.square.clear_traps()
        shop.advance(minutes=1)
        shop.sync()
    assert shop.places(PAYMENTS_TABLE, "amount") == shop.ledger("payments")


def test_of_a_known_record_that_is_broken_what_is_known_stays(shop: Shop) -> None:
    """It is there, though nobody can read it: no item is deleted for it; red is only what lost its id as well."""
    shop.sync()
    tables = ("analytics.square_items", PAYMENTS_TABLE)
    before = {table: sorted(map(str, shop.rows(table))) for table in tables}
    shop.square.trap(garbage=7)
    shop.advance(minutes=15)
    assert shop.sync("full", LIFE).status == "done"
    assert {table: sorted(map(str, shop.rows(table))) for table in tables} == before
    for stream in ("square_payments", "square_items"):
        rejects = shop.rows("commerce.sync_rejects", "record", f"stream = '{stream}'")
        nameless = [row for row in rejects if "id" not in json.loads(row["record"])]
        assert 0 < len(nameless) < len(rejects)
        found = shop.certificate(stream)["differences"]
        assert sum(d["warehouse"]["count"] - d["source"]["count"] for d in found) == len(nameless)


def test_what_changes_comes_with_the_next_increment(shop: Shop) -> None:
    shop.sync()
    changed = shop.rows(
        PAYMENTS_TABLE, "id", "created_at > '2000-01-01' AND status = 'COMPLETED' AND refunded_amount = 0"
    )
    shop.advance(minutes=15)
    new = shop.square.add_payment(amount=1234)
    shop.square.change_payment(changed[0]["id"], refund_cents=100)
    shop.sync()
    assert shop.payment(new["id"])["amount"] == 1234
    assert shop.payment(changed[0]["id"])["refunded_amount"] == 100
    assert shop.state()["rowsWritten"] == 2
    assert shop.certificate()["green"]
    assert_complete(shop)


def test_a_payment_changed_a_month_later_comes_with_the_nightly_re_read(shop: Shop) -> None:
    shop.sync()
    old = shop.rows(
        PAYMENTS_TABLE, "id", "created_at < '2026-06-12' AND created_at > '2000-01-01' AND status = 'COMPLETED'"
    )
    shop.advance(days=31)
    shop.square.change_payment(old[0]["id"], refund_cents=1)
    shop.square.change_payment(old[1]["id"], status="CANCELED")
    shop.advance(days=2)
    shop.sync("full", "P14D")
    assert shop.payment(old[0]["id"])["refunded_amount"] == 1
    assert shop.payment(old[1]["id"])["status"] == "CANCELED"
    assert shop.state()["changedLate"] == 2
    assert shop.certificate()["green"]
    # Whole days, each counted once, though it was read by creation and by change.
    shop.sync("full", "P90D")
    assert shop.certificate()["rows"] == PAYMENTS
    assert shop.certificate()["cents"] == shop.square.ledger("payments")["cents"]


@pytest.mark.parametrize(("mode", "start"), [("full", "P2D"), ("backfill", "P2D")])
def test_what_changed_during_an_outage_is_not_lost_to_a_run_of_the_last_days(shop: Shop, mode: str, start: str) -> None:
    shop.sync()
    old = shop.rows(PAYMENTS_TABLE, "id", "created_at < '2026-06-12' AND created_at > '2000-01-01'")[0]["id"]
    shop.advance(days=1)
    shop.square.change_payment(old, status="CANCELED")
    missed = shop.square.add_payment(amount=4321)
    shop.advance(days=4)
    shop.sync(mode, start)
    shop.advance(minutes=15)
    shop.sync()
    assert shop.payment(old)["status"] == "CANCELED"
    assert shop.payment(missed["id"])["amount"] == 4321
    assert_complete(shop)


def test_a_change_that_moved_no_time_is_found_by_the_weekly_re_read(shop: Shop) -> None:
    """An edit behind the cursor: `updated_at` stays what it was."""
    shop.sync()
    old = shop.rows(PAYMENTS_TABLE, "id, updated_at", "created_at < '2026-06-12' AND created_at > '2000-01-01'")[0]
    shop.square.change_payment(old["id"], status="FAILED", updated_at=old["updated_at"].isoformat())
    shop.advance(days=1)
    shop.sync("full", "P90D")
    assert shop.payment(old["id"])["status"] == "FAILED"
    # Its order is canceled with it, and its lines are no sales any more.
    assert_complete(shop)
    assert shop.certificate("square_order_lines")["green"]


def test_a_deleted_item_is_marked_and_a_deleted_customer_blanked(shop: Shop) -> None:
    shop.sync()
    item = shop.rows("analytics.square_items", "id", "available")[0]["id"]
    customer = shop.rows("commerce.customers", "customer_id", "NOT deleted")[0]["customer_id"]
    shop.advance(minutes=20)
    shop.square.delete("items", item)
    shop.square.delete("customers", customer)
    shop.sync()
    row = shop.rows("analytics.square_items", "*", f"id = '{item}'")[0]
    assert (row["deleted"], row["available"]) == (True, False)
    shop.advance(days=1)
    shop.sync("full", "P14D")
    gone = shop.rows("commerce.customers", "*", f"customer_id = '{customer}'")[0]
    assert (gone["deleted"], gone["email"], gone["full_name"], gone["phone"]) == (True, None, None, None)
    assert_complete(shop)


def test_more_than_the_first_hundred_customers_and_five_hundred_orders(shop: Shop) -> None:
    shop.sync()
    assert shop.rows("commerce.customers", "COUNT(*) AS n", "NOT deleted")[0]["n"] == 130
    lines = shop.rows("analytics.square_order_lines", "COUNT(DISTINCT order_id) AS n")[0]["n"]
    completed = shop.rows(PAYMENTS_TABLE, "COUNT(*) AS n", "created_at > '2000-01-01' AND status = 'COMPLETED'")[0]["n"]
    assert lines == completed > 500


def test_a_row_that_somebody_spoiled_is_repaired(shop: Shop) -> None:
    shop.sync()
    day = shop.rows(PAYMENTS_TABLE, "id", "created_at >= '2026-07-01'")
    assert len(day) > 1
    shop.warehouse.run(
        f"UPDATE `{PAYMENTS_TABLE}` SET amount = 1 WHERE created_at > '2000-01-01' AND id = '{day[0]['id']}'"
    )
    shop.warehouse.run(f"DELETE FROM `{PAYMENTS_TABLE}` WHERE created_at > '2000-01-01' AND id = '{day[1]['id']}'")
    shop.advance(minutes=15)
    shop.sync()
    assert shop.certificate()["green"]
    assert shop.certificate()["repaired"] > 0
    assert_complete(shop)


def test_a_row_doubled_behind_our_back_stands_once_again(shop: Shop) -> None:
    shop.sync()
    shop.warehouse.run(
        f"INSERT INTO `{PAYMENTS_TABLE}` SELECT * FROM `{PAYMENTS_TABLE}` WHERE created_at >= '2026-06-30'"
    )
    shop.advance(minutes=15)
    shop.sync()
    assert_complete(shop)


def test_a_row_that_the_source_does_not_have_stays_and_is_red(shop: Shop) -> None:
    shop.sync()
    shop.warehouse.run(
        f"INSERT INTO `{PAYMENTS_TABLE}` "
        "(id, amount, refunded_amount, currency, status, location_id, created_at, updated_at) "
        f"SELECT 'invented', 77, 0, 'USD', 'COMPLETED', location_id, created_at, updated_at FROM `{PAYMENTS_TABLE}` "
        "WHERE created_at >= '2026-07-01' LIMIT 1"
    )
    shop.events("alerts")
    shop.advance(minutes=15)
    shop.sync()
    found = shop.certificate()
    assert not found["green"]
    assert [d["warehouse"]["cents"] - d["source"]["cents"] for d in found["differences"]] == [77]
    assert shop.state()["state"] == "red"
    assert [event["data"]["severity"] for event in shop.events("alerts")] == ["critical"]
    # Red again is no news; well again is.
    shop.sync()
    assert shop.events("alerts") == []
    shop.warehouse.run(f"DELETE FROM `{PAYMENTS_TABLE}` WHERE created_at > '2000-01-01' AND id = 'invented'")
    shop.sync()
    assert shop.certificate()["green"]
    assert [(event["type"], event["data"]["dedupKey"]) for event in shop.events("alerts")] == [
        ("alert.resolved", "sync:square")
    ]


# --- failures


def test_a_wrong_token_asks_once_alerts_once_and_touches_nothing(shop: Shop) -> None:
    shop.sync()
    before = shop.warehouse.everything()
    shop.events("alerts")
    shop.square.token("another-token")
    shop.square.reset_requests()
    for _ in range(3):
        shop.advance(minutes=15)
        assert shop.sync().status == "failed"
    assert shop.square.requests()["total"] <= 3 * 4
    assert shop.state()["state"] == "auth_failed"
    assert shop.state()["failures"] == 3
    assert [event["data"]["dedupKey"] for event in shop.events("alerts")] == ["sync:square"]
    assert shop.warehouse.everything() == before
    shop.square.token("sim-square-token")
    shop.sync()
    assert shop.state()["state"] == "idle"
    assert [(event["type"], event["data"]["dedupKey"]) for event in shop.events("alerts")] == [
        ("alert.resolved", "sync:square")
    ]


@pytest.mark.parametrize("trap", ["forbidden", "not_found", "empty"])
def test_a_source_that_refuses_or_is_suddenly_empty_is_a_failure(shop: Shop, trap: str) -> None:
    shop.sync()
    before = shop.warehouse.everything()
    shop.square.trap(**{trap: True})
    shop.events("alerts")
    shop.advance(minutes=15)
    assert shop.sync().status == "failed"
    assert shop.state()["state"] == "failed"
    assert shop.state()["lastError"]["message"]
    assert len(shop.events("alerts")) == 1
    assert shop.warehouse.everything() == before


def test_a_scope_that_is_missing_for_one_stream_holds_up_no_other(shop: Shop) -> None:
    shop.square.trap(forbidden="/v2/customers")
    shop.deliver({"source": "square", "mode": "backfill", "from": LIFE})
    for _ in range(2):
        assert shop.places(PAYMENTS_TABLE, "amount") == shop.ledger("payments")
        assert (shop.state()["state"], shop.state()["lastError"]) == ("idle", None)
        refused = shop.state("square_customers")
        assert (refused["state"], refused["watermark"], refused["certificate"]) == ("failed", None, None)
        assert "scope" in refused["lastError"]["message"]
        shop.advance(minutes=15)
        shop.square.add_payment(amount=55)
        job = shop.sync()
        assert (job.status, job.error["code"]) == ("failed", "source_refused")
    assert [event["type"] for event in shop.events("sync-events")] == ["sync.failed"] * 3
    (alert,) = shop.events("alerts")
    assert "square_customers" in alert["data"]["message"]
    shop.square.clear_traps()
    shop.sync()
    assert_complete(shop)
    assert shop.state("square_customers")["state"] == "idle"
    assert [event["type"] for event in shop.events("alerts")] == ["alert.resolved"]


@pytest.mark.parametrize(
    ("mode", "path"),
    [
        ("full", "/v2/catalog"),
        ("incremental", "/v2/orders"),
        ("incremental", "/v2/customers"),
    ],
)
def test_one_list_that_is_suddenly_empty(shop: Shop, mode: str, path: str) -> None:
    shop.sync()
    before = shop.warehouse.everything()
    shop.square.trap(empty=path)
    shop.advance(minutes=15)
    job = shop.sync(mode, "P14D" if mode == "full" else "")
    if path in ("/v2/catalog", "/v2/customers") and mode == "incremental":
        assert job.status == "done"  # no change of a catalogue is no news; the nightly re-read lists it
    else:
        assert job.status == "failed"
        assert job.error["code"] == "suddenly_empty"
    assert shop.warehouse.everything() == before


def test_what_a_failed_run_has_written_makes_the_cached_figures_old(shop: Shop) -> None:
    shop.sync()
    source = shop.platform.firestore.collection("sync_sources").document("square")
    before = source.get().get("dataVersion")
    shop.square.trap(empty="/v2/orders")
    shop.advance(minutes=15)
    assert shop.sync().status == "failed"
    assert source.get().get("dataVersion") == before
    shop.square.clear_traps()
    paid = shop.square.add_payment(amount=1234)
    shop.square.trap(empty="/v2/orders")
    shop.advance(minutes=15)
    assert shop.sync().status == "failed"
    assert shop.payment(paid["id"])["amount"] == 1234
    assert source.get().get("dataVersion") != before


def test_an_api_that_answers_for_another_location_is_a_failure(shop: Shop) -> None:
    shop.square.trap(default_location_only=True)
    assert shop.sync().status == "failed"
    assert "another" in shop.state()["lastError"]["message"] or "answered with" in shop.state()["lastError"]["message"]


@pytest.mark.parametrize("trap", ["errors_5xx", "errors_in_200"])
def test_a_long_outage_leaves_the_checkpoint_and_is_raised(shop: Shop, trap: str) -> None:
    shop.hurry()
    shop.square.trap(**{trap: 1})
    with pytest.raises(Unavailable):
        shop.sync()
    assert shop.state()["state"] == "retrying"
    assert not shop.rows(PAYMENTS_TABLE)
    shop.square.clear_traps()
    shop.sync()
    assert_complete(shop)


def test_a_second_request_is_refused_while_one_runs(shop: Shop) -> None:
    from shared.pos.errors import AlreadyRunning
    from shared.pos.trigger import TriggerService

    triggers = TriggerService(shop.platform)
    first = triggers.request("square", "incremental", "", "", "req_1")
    with pytest.raises(AlreadyRunning) as refused:
        triggers.request("square", "backfill", "2y", "", "req_2")
    assert refused.value.fields["jobId"] == first.id
    # A scheduled message meanwhile is not needed, and no failure.
    shop.deliver({"source": "square", "mode": "incremental"}, "m-9")
    assert_complete(shop)
    triggers.request("square", "incremental", "", "", "req_3")


def test_a_run_that_everybody_left_is_taken_up_again(shop: Shop) -> None:
    from shared.pos.trigger import TriggerService

    TriggerService(shop.platform).request("square", "backfill", "P30D", "", "req_1")
    shop.events("sync-requests")  # lost, with whoever had it
    shop.advance(minutes=10)
    shop.deliver({"source": "square", "mode": "incremental"})
    assert shop.state()["certificate"]["rows"] > 0
    assert shop.state()["state"] == "idle"


def test_a_quiet_quarter_of_an_hour_costs_few_requests(shop: Shop) -> None:
    shop.sync()
    shop.advance(minutes=15)
    shop.square.reset_requests()
    shop.sync()
    assert shop.square.requests()["total"] <= 20
