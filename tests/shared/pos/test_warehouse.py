"""What reaches the tables, on the local BigQuery: the newest version of each record, once, whatever comes how often."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.integrations.lightspeed_rows import CUSTOMERS as LIGHTSPEED_CUSTOMERS
from shared.integrations.square_rows import CUSTOMERS, ITEMS, ORDER_LINES, PAYMENTS
from shared.platform.clock import wire_time
from shared.platform.context import Platform
from shared.platform.errors import Unavailable
from shared.pos import compare, rules
from shared.pos.models import Reject, Row, Stream, Tally
from shared.pos.warehouse import MARGIN, Warehouse, encoded
from tests.factories import warehouse as stored
from tests.factories.sync import AT, DAY, customer, item, order_line, payment

NOON = datetime(2026, 6, 30, 12, tzinfo=UTC)  # when the rows of the factory were made
MINUTE = timedelta(minutes=1)
LONG_AGO = "created_at > '1990-01-01'"


@pytest.fixture
def warehouse(platform: Platform, tables: None) -> Warehouse:
    return Warehouse(platform.bigquery, platform.ids)


@pytest.fixture
def found(project: str):
    """`found(PAYMENTS)` are the table's rows by their key, times as we write them."""
    behind = stored.Warehouse(project)

    def rows(stream: Stream) -> list[Row]:
        read = behind.run(f"SELECT * FROM `{stream.table}` WHERE {LONG_AGO} ORDER BY {', '.join(stream.key)}")
        return [{name: wire_time(v) if isinstance(v, datetime) else v for name, v in row.items()} for row in read]

    return rows


def merge(warehouse: Warehouse, stream: Stream, *rows: Row) -> int:
    times = [row["created_at"] for row in rows]
    return warehouse.merge(stream, encoded(rows), min(times), max(times))


def later(row: Row, by: timedelta = MINUTE, **changes: Any) -> Row:
    updated = wire_time(datetime.fromisoformat(row["updated_at"]) + by)
    return {**row, "updated_at": updated, **changes}


# --- merge


@pytest.mark.parametrize(
    ("stream", "row"),
    [(PAYMENTS, payment()), (ITEMS, item()), (CUSTOMERS, customer()), (ORDER_LINES, order_line())],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_row_is_there_as_it_was_given_and_twice_changes_nothing(warehouse, found, stream: Stream, row: Row) -> None:
    assert merge(warehouse, stream, row) == 1
    (kept,) = found(stream)
    # A NUMERIC comes back as a Decimal.
    assert kept == {**row, **({"quantity": Decimal(row["quantity"])} if "quantity" in row else {})}
    assert merge(warehouse, stream, row) == 0
    assert found(stream) == [kept]


def test_the_newer_version_wins_and_the_older_never_does(warehouse, found) -> None:
    first, second = payment(amount=1), later(payment(amount=2))
    assert [merge(warehouse, PAYMENTS, row) for row in (first, second, first)] == [1, 1, 0]
    assert found(PAYMENTS) == [second]


def test_of_two_versions_of_one_time_the_one_that_comes_last_and_differs_wins(warehouse, found) -> None:
    """Square edits records without moving their time; what is read last is what it says now."""
    first, second = payment(refunded_amount=0), payment(refunded_amount=5, receipt_url="https://example.com/r")
    assert [merge(warehouse, PAYMENTS, row) for row in (first, second, second)] == [1, 1, 0]
    assert found(PAYMENTS) == [second]
    assert merge(warehouse, PAYMENTS, payment(receipt_url=None)) == 1
    assert found(PAYMENTS)[0]["receipt_url"] is None


def test_of_doubles_in_one_batch_the_newest_is_taken(warehouse, found) -> None:
    old, new = payment(amount=1), later(payment(amount=2))
    assert merge(warehouse, PAYMENTS, old, new, old, payment("p-2")) == 2
    assert found(PAYMENTS) == [new, payment("p-2")]


@given(batches=st.lists(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3)), max_size=4), max_size=4))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_of_batches_leaves_the_newest(warehouse, found, batches) -> None:
    """Examples share the table, so each has ids of its own."""
    prefix = warehouse._ids.new("p")
    kept: dict[str, int] = {}
    for batch in batches:
        rows = [later(payment(f"{prefix}-{key}", amount=n), n * MINUTE) for key, n in batch]
        if rows:
            merge(warehouse, PAYMENTS, *rows)
        for key, n in batch:
            kept[key] = max(n, kept.get(key, 0))
    there = {row["id"][-1]: row["amount"] for row in found(PAYMENTS) if row["id"].startswith(prefix)}
    assert there == kept


def test_a_day_of_creation_that_was_corrected_by_less_than_the_margin_is_the_same_row(warehouse, found) -> None:
    merge(warehouse, PAYMENTS, payment(created_at=wire_time(NOON)))
    moved = later(payment(created_at=wire_time(NOON + MARGIN - MINUTE)))
    assert merge(warehouse, PAYMENTS, moved) == 1
    assert found(PAYMENTS) == [moved]


def test_a_batch_changes_rows_from_its_first_day_to_its_last(warehouse, found) -> None:
    rows = [payment(f"p-{n}", created_at=wire_time(NOON - n * 100 * DAY)) for n in range(4)]
    assert merge(warehouse, PAYMENTS, *rows) == 4
    assert merge(warehouse, PAYMENTS, *(later(row, amount=7) for row in rows)) == 4
    assert [row["amount"] for row in found(PAYMENTS)] == [7] * 4


def test_a_record_that_has_no_time_of_creation_keeps_the_time_of_its_first_sight(warehouse, found) -> None:
    first, second = item(), later(item(price=5), created_at=wire_time(NOON + DAY))
    merge(warehouse, ITEMS, first)
    merge(warehouse, ITEMS, second)
    assert found(ITEMS) == [{**second, "created_at": first["created_at"]}]
    earlier = later(second, created_at=wire_time(NOON - DAY))
    merge(warehouse, ITEMS, earlier)
    assert found(ITEMS)[0]["created_at"] == wire_time(NOON - DAY)


def test_lines_of_one_order_are_rows_of_their_own(warehouse, found) -> None:
    rows = [order_line(line_uid=uid, gross=int(uid)) for uid in ("1", "2")]
    assert merge(warehouse, ORDER_LINES, *rows) == 2
    assert [row["gross"] for row in found(ORDER_LINES)] == [1, 2]


def test_text_of_any_script_arrives(warehouse, found) -> None:
    name = "Ñandú 火 \"quoted\" \\ 'single' \n\t\u2028 🌿"
    merge(warehouse, CUSTOMERS, customer(full_name=name))
    assert found(CUSTOMERS)[0]["full_name"] == name


def test_both_sources_of_customers_share_a_table_and_no_row(warehouse, found) -> None:
    merge(warehouse, CUSTOMERS, customer("1"))
    merge(warehouse, LIGHTSPEED_CUSTOMERS, customer("1", source="lightspeed", email=None))
    assert [(row["source"], row["email"]) for row in found(CUSTOMERS)] == [
        ("lightspeed", None),
        ("square", "ann@example.com"),
    ]


# --- replace


def test_a_repair_puts_each_record_once_and_touches_no_other(warehouse, found, project: str) -> None:
    others = [payment(f"o-{n}", created_at=wire_time(NOON - n * 30 * DAY)) for n in range(3)]
    merge(warehouse, PAYMENTS, payment(amount=5), *others)
    table = PAYMENTS.table
    stored.Warehouse(project).run(f"INSERT INTO `{table}` SELECT * FROM `{table}` WHERE {LONG_AGO} AND id = 'p-1'")
    newer = later(payment("p-2"), amount=1)
    merge(warehouse, PAYMENTS, newer)
    assert len(found(PAYMENTS)) == 6
    exact = payment("p-2", amount=2, created_at=wire_time(NOON - 40 * DAY))
    warehouse.replace(PAYMENTS, encoded([payment(amount=4), payment(amount=4), exact]))
    # Also an older version: what the source says now is right.
    assert found(PAYMENTS) == [*others, payment(amount=4), exact]


def test_what_is_gone_is_taken_out_unless_it_is_newer_by_now(warehouse, found) -> None:
    merge(warehouse, PAYMENTS, payment("1"), payment("2"), later(payment("3")))
    assert warehouse.remove(PAYMENTS, encoded([payment("1"), payment("3"), payment("4")])) == 1
    assert found(PAYMENTS) == [payment("2"), later(payment("3"))]


def test_a_repair_of_customers_leaves_the_other_source_s(warehouse, found) -> None:
    merge(warehouse, LIGHTSPEED_CUSTOMERS, customer("1", source="lightspeed"))
    warehouse.replace(CUSTOMERS, encoded([customer("1")]))
    assert [row["source"] for row in found(CUSTOMERS)] == ["lightspeed", "square"]


# --- what a list lacks


def test_of_what_a_list_lacks_nothing_personal_stays(warehouse, found) -> None:
    merge(warehouse, CUSTOMERS, customer("1"), customer("2"), customer("3"))
    merge(warehouse, LIGHTSPEED_CUSTOMERS, customer("2", source="lightspeed"))
    assert warehouse.remove_missing(CUSTOMERS, encoded([customer("1"), customer("9")])) == 2
    blank = {"email": None, "full_name": None, "phone": None, "deleted": True}
    assert found(CUSTOMERS) == [
        customer("2", source="lightspeed"),
        customer("1"),
        customer("2", **blank),
        customer("3", **blank),
    ]
    assert warehouse.remove_missing(CUSTOMERS, encoded([customer("1")])) == 0


def test_an_item_that_the_list_lacks_is_not_available(warehouse, found) -> None:
    merge(warehouse, ITEMS, item("1"), item("2"))
    assert warehouse.remove_missing(ITEMS, encoded([item("1")])) == 1
    assert found(ITEMS) == [item("1"), item("2", available=False, deleted=True)]


def test_what_is_listed_again_is_there_again(warehouse, found) -> None:
    merge(warehouse, CUSTOMERS, customer("1"), customer("2"))
    warehouse.remove_missing(CUSTOMERS, encoded([customer("1")]))
    assert merge(warehouse, CUSTOMERS, customer("2")) == 1
    assert found(CUSTOMERS) == [customer("1"), customer("2")]


# --- tallies


def test_tallies_are_what_was_counted_of_the_same_rows(warehouse) -> None:
    rows = [
        payment(str(n), location_id=f"L{n % 2}", amount=n * 100 - 300, created_at=wire_time(NOON - n * 8 * MINUTE * 60))
        for n in range(12)
    ]
    merge(warehouse, PAYMENTS, *rows)
    start, end = rules.midnight(NOON - 3 * DAY), rules.midnight(NOON)
    assert warehouse.tallies(PAYMENTS, start, end) == compare.tally(rows, PAYMENTS, start, end)
    assert warehouse.tallies(PAYMENTS, NOON, NOON + DAY) == compare.tally(rows, PAYMENTS, NOON, NOON + DAY)
    assert warehouse.tallies(PAYMENTS, end + DAY, end + 2 * DAY) == {}


def test_tallies_begin_with_their_start_and_end_before_their_end(warehouse) -> None:
    edges = [("in", rules.midnight(NOON)), ("out", rules.midnight(NOON) + DAY)]
    merge(warehouse, PAYMENTS, *(payment(name, created_at=wire_time(at)) for name, at in edges))
    (found,) = warehouse.tallies(PAYMENTS, edges[0][1], edges[1][1]).items()
    assert found == (("L1", "2026-06-30"), Tally(1, 1000, payment()["updated_at"]))


def test_of_a_list_the_living_are_counted(warehouse) -> None:
    rows = [item("1", price=None), item("2"), item("3", deleted=True)]
    assert warehouse.tallies(ITEMS, AT, AT) == {}
    merge(warehouse, ITEMS, *rows)
    assert (
        warehouse.tallies(ITEMS, AT, AT)
        == compare.tally(rows, ITEMS, AT, AT)
        == {("", ""): Tally(2, 1999, rows[0]["updated_at"])}
    )


def test_customers_are_counted_for_their_source_and_have_no_amount(warehouse) -> None:
    merge(warehouse, CUSTOMERS, customer("1"), customer("2"))
    merge(warehouse, LIGHTSPEED_CUSTOMERS, customer("1", source="lightspeed"))
    assert warehouse.tallies(CUSTOMERS, AT, AT) == {("", ""): Tally(2, 0, customer()["updated_at"])}
    assert compare.total(warehouse.tallies(LIGHTSPEED_CUSTOMERS, AT, AT)).count == 1


# --- rejects


def test_a_record_is_rejected_once_with_the_last_reason(warehouse, project: str) -> None:
    warehouse.reject(PAYMENTS, [Reject("p-1", "amount is missing", "{}"), Reject("p-2", "no", "{}")], "job_1", AT)
    warehouse.reject(PAYMENTS, [Reject("p-1", "status is missing", '{"a":1}')], "job_2", AT + DAY)
    found = stored.Warehouse(project).run("SELECT * FROM `commerce.sync_rejects` ORDER BY record_id")
    assert found[0] == {
        "stream": "square_payments",
        "record_id": "p-1",
        "reason": "status is missing",
        "record": '{"a":1}',
        "job_id": "job_2",
        "created_at": AT,
        "updated_at": AT + DAY,
    }
    assert [row["job_id"] for row in found] == ["job_2", "job_1"]


def test_records_without_an_id_are_told_apart_by_what_is_in_them(warehouse, project: str) -> None:
    nameless = [Reject("", "id is missing", text) for text in ('{"a":1}', '{"a":2}', '{"a":1}')]
    warehouse.reject(PAYMENTS, nameless, "job_1", AT)
    warehouse.reject(ITEMS, nameless[:1], "job_1", AT)
    found = stored.Warehouse(project).run("SELECT stream, record_id FROM `commerce.sync_rejects`")
    assert len(found) == 3
    assert len({row["record_id"] for row in found}) == 2


# --- made-up rows


def test_made_up_rows_go_and_real_ones_stay(warehouse, found) -> None:
    merge(warehouse, PAYMENTS, payment("mock-payment-1"), payment("mock-payment-2", created_at="2023-01-01T00:00:00Z"))
    merge(warehouse, PAYMENTS, payment())
    assert warehouse.forget_mock(PAYMENTS) == 2
    assert found(PAYMENTS) == [payment()]
    merge(warehouse, CUSTOMERS, customer("mock-customer-1"), customer())
    assert warehouse.forget_mock(CUSTOMERS) == 1
    assert found(CUSTOMERS) == [customer()]
    assert warehouse.forget_mock(ITEMS) == 0


# --- staging


def staged(project: str) -> list[str]:
    return [name for name in stored.Warehouse(project).everything() if name.startswith("staging.")]


def test_nothing_is_left_in_staging(warehouse, project: str) -> None:
    merge(warehouse, PAYMENTS, payment())
    warehouse.replace(PAYMENTS, encoded([payment()]))
    merge(warehouse, ITEMS, item())
    warehouse.remove_missing(ITEMS, encoded([item()]))
    warehouse.reject(PAYMENTS, [Reject("p-1", "no", "{}")], "job_1", AT)
    assert staged(project) == []


@pytest.mark.parametrize("name", ["merge", "replace", "remove_missing"])
def test_nor_by_a_statement_that_failed(warehouse, project: str, name: str) -> None:
    stored.Warehouse(project).run("DROP TABLE `analytics.square_items`")
    with pytest.raises(Unavailable):
        getattr(warehouse, name)(ITEMS, encoded([item()]))
    assert staged(project) == []


def test_nor_by_rows_that_do_not_load(warehouse, project: str, found) -> None:
    with pytest.raises(Unavailable):
        merge(warehouse, PAYMENTS, payment(), payment("p-2", amount="a lot"))
    assert staged(project) == []
    assert found(PAYMENTS) == []
