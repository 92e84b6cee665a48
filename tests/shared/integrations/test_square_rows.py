"""Square's records become rows that load, or say what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.integrations import records
from shared.integrations.records import LARGEST, Unfit
from shared.integrations.square_rows import (
    CUSTOMERS,
    ITEMS,
    ORDER_LINES,
    PAYMENTS,
    customer_row,
    item_row,
    order_lines,
    payment_row,
    variations,
)
from shared.platform import bigquery
from shared.platform.context import Platform
from shared.pos.models import Row, Stream
from shared.pos.statements import columns
from shared.pos.warehouse import encoded
from tests.factories.columns import misfits
from tests.factories.json_values import broken, values
from tests.factories.sync import customer, item, order_line, payment

AT = "2026-06-30T12:00:00.000Z"
MONEY = {"amount": 1000, "currency": "USD"}
PAYMENT = {
    "id": "p-1",
    "created_at": AT,
    "updated_at": AT,
    "amount_money": MONEY,
    "tip_money": {"amount": 100, "currency": "USD"},
    "total_money": {"amount": 1100, "currency": "USD"},
    "status": "COMPLETED",
    "source_type": "CARD",
    "card_details": {"status": "CAPTURED", "card": {"card_brand": "VISA", "last_4": "1111"}},
    "location_id": "L1",
    "order_id": "o-1",
    "customer_id": "c-1",
    "buyer_email_address": "ann@example.com",
}
LINE = {
    "uid": "1",
    "catalog_object_id": "v-1",
    "name": "Gummies",
    "quantity": "1",
    "gross_sales_money": MONEY,
}
ORDER = {
    "id": "o-1",
    "location_id": "L1",
    "created_at": AT,
    "updated_at": AT,
    "state": "COMPLETED",
    "line_items": [
        LINE,
        {"uid": "2", "quantity": "0.5"},
    ],
}
ITEM = {
    "type": "ITEM",
    "id": "i-1",
    "updated_at": AT,
    "is_deleted": False,
    "present_at_all_locations": True,
    "item_data": {
        "name": "Gummies",
        "categories": [{"id": "cat-2"}],
        "reporting_category": {"id": "cat-1"},
        "variations": [
            {"id": "v-1", "item_variation_data": {"sku": "G-1", "price_money": {"amount": 1999, "currency": "USD"}}},
            {"id": "v-2", "item_variation_data": {"sku": "G-2"}},
        ],
    },
}
CUSTOMER = {
    "id": "c-1",
    "given_name": "Ann",
    "family_name": "Example",
    "email_address": "ann@example.com",
    "phone_number": "+1 512 555 0100",
    "created_at": AT,
    "updated_at": AT,
}
ITEMS_OF_VARIATIONS = {"v-1": "i-1"}
CATEGORIES = {"cat-1": "Edibles", "cat-2": "Flower"}


def lines_of(record: Mapping[str, Any]) -> list[Row]:
    return list(order_lines(record, ITEMS_OF_VARIATIONS))


def item_of(record: Mapping[str, Any]) -> Row:
    return item_row(record, CATEGORIES)


def changed(record: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """With another value at `a.b`; `...` takes it out."""
    name, _, rest = path.partition(".")
    inner = changed(record.get(name) or {}, rest, value) if rest else value
    return {**{k: v for k, v in record.items() if k != name}, **({} if inner is ... else {name: inner})}


READ: list[tuple[Stream, dict[str, Any], Callable[[Mapping[str, Any]], list[Row]]]] = [
    (PAYMENTS, PAYMENT, lambda record: [payment_row(record)]),
    (ORDER_LINES, ORDER, lines_of),
    (ITEMS, ITEM, lambda record: [item_of(record)]),
    (CUSTOMERS, CUSTOMER, lambda record: [customer_row(record)]),
]
each_stream = pytest.mark.parametrize(("stream", "good", "read"), READ, ids=[stream.name for stream, _, _ in READ])


# --- whole records


def test_good_records_become_rows() -> None:
    assert payment_row(PAYMENT) == payment()
    assert lines_of(ORDER) == [
        order_line(),
        order_line(line_uid="2", item_id=None, variation_id=None, name=None, quantity="0.5", gross=0),
    ]
    assert item_of(ITEM) == item()
    assert customer_row(CUSTOMER) == customer()


@each_stream
def test_a_good_row_loads(stream: Stream, good, read) -> None:
    assert [misfits(row, stream.table) for row in read(good)] == [[]] * len(read(good))


@each_stream
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_any_json_is_a_row_that_loads_or_a_reject(stream: Stream, good, read, data: st.DataObject) -> None:
    record = data.draw(broken(good) | values)
    rows: list[Row] = []

    def add(found: Mapping[str, Any]) -> None:
        rows.extend(read(found))

    page = records.page([record], add)
    assert [misfits(row, stream.table) for row in rows] == [[]] * len(rows)
    assert not rows or not page.rejects
    for found in page.rejects:
        assert found.reason
        encoded([vars(found)])


@each_stream
@given(data=st.data())
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_becomes_a_row_is_loaded(platform: Platform, tables: None, stream, good, read, data) -> None:
    rows: list[Row] = []
    for record in data.draw(st.lists(broken(good), min_size=30, max_size=40)):
        try:
            rows += read(records.mapping(record, "the record"))
        except Unfit:
            continue
    table = f"staging.{platform.ids.new('batch')}"
    bigquery.load(platform.bigquery, encoded(rows), table, columns(stream.table), "test")
    ((found,),) = (row.values() for row in bigquery.query(platform.bigquery, f"SELECT COUNT(*) FROM {table}", {}, "t"))
    assert found == len(rows)


# --- single fields


@pytest.mark.parametrize(
    ("path", "value", "column", "expected"),
    [
        ("refunded_money", {"amount": 250, "currency": "USD"}, "refunded_amount", 250),
        ("refunded_money", None, "refunded_amount", 0),
        ("amount_money.amount", 0, "amount", 0),
        ("amount_money.amount", LARGEST, "amount", LARGEST),
        ("amount_money.currency", "JPY", "currency", "JPY"),
        ("status", "SOMETHING_NEW", "status", "SOMETHING_NEW"),
        ("customer_id", ..., "customer_id", None),
        ("customer_id", "", "customer_id", None),
        ("card_details", ..., "card_brand", None),
        ("card_details", None, "card_brand", None),
        ("card_details.card", ..., "card_brand", None),
        ("receipt_url", "https://example.com/r", "receipt_url", "https://example.com/r"),
        ("created_at", "2026-06-30T07:00:00-05:00", "created_at", AT),
        ("updated_at", "2026-06-30T12:00:00Z", "updated_at", AT),
    ],
)
def test_a_payment_s_fields(path: str, value: Any, column: str, expected: Any) -> None:
    assert payment_row(changed(PAYMENT, path, value)) == payment(**{column: expected})


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("id", ..., "id"),
        ("id", 7, "id"),
        ("amount_money", ..., "amount_money"),
        ("amount_money.amount", "1000", "amount_money.amount"),
        ("amount_money.amount", 10.5, "amount_money.amount"),
        ("amount_money.amount", True, "amount_money.amount"),
        ("amount_money.amount", 2**64, "amount_money.amount"),
        ("amount_money.currency", ..., "currency"),
        ("refunded_money", 5, "refunded_money"),
        ("refunded_money.amount", "5", "refunded_money.amount"),
        ("status", None, "status"),
        ("location_id", "", "location_id"),
        ("created_at", ..., "created_at"),
        ("created_at", "2026-06-30", "created_at"),
        ("updated_at", "soon", "updated_at"),
        ("customer_id", 5, "customer_id"),
        ("card_details", "VISA", "card_details"),
        ("card_details.card", ["VISA"], "card_details.card"),
        ("receipt_url", {}, "receipt_url"),
    ],
)
def test_a_payment_that_is_none_says_which_field(path: str, value: Any, named: str) -> None:
    with pytest.raises(Unfit, match=f"^{named} is "):
        payment_row(changed(PAYMENT, path, value))


def test_an_order_without_lines_has_no_rows() -> None:
    assert lines_of(changed(ORDER, "line_items", ...)) == lines_of(changed(ORDER, "line_items", [])) == []


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [("1", "1"), ("0.5", "0.5"), ("1.50000", "1.5"), ("100", "100"), ("1E+3", "1000"), ("-2", "-2"), ("0", "0")],
)
def test_quantities(quantity: str, expected: str) -> None:
    line = {"uid": "1", "quantity": quantity}
    (row,) = lines_of({**ORDER, "line_items": [line]})
    assert row["quantity"] == expected


@pytest.mark.parametrize("quantity", [None, 1, "", "one", "NaN", "Infinity", "1e13", "--1"])
def test_what_is_no_quantity(quantity: Any) -> None:
    with pytest.raises(Unfit, match=r"^quantity is "):
        lines_of({**ORDER, "line_items": [{"uid": "1", "quantity": quantity}]})


@pytest.mark.parametrize("quantity", ["0.0000000001", "1E-999999999", "0.1234567891"])
def test_a_quantity_is_rounded_to_what_the_column_holds(quantity: str) -> None:
    (row,) = lines_of({**ORDER, "line_items": [{"uid": "1", "quantity": quantity}]})
    assert abs(Decimal(row["quantity"]) - Decimal(quantity)) <= Decimal("5e-10")
    assert misfits(row, ORDER_LINES.table) == []


@pytest.mark.parametrize("line", [None, "x", {}, {"uid": "1"}, {"quantity": "1"}, {**LINE, "name": 1}])
def test_an_order_with_a_broken_line_is_no_order(line: Any) -> None:
    with pytest.raises(Unfit):
        lines_of({**ORDER, "line_items": [LINE, line]})


@pytest.mark.parametrize(
    ("path", "value", "column", "expected"),
    [
        ("item_data.variations", ..., "sku", None),
        ("item_data.reporting_category", ..., "category", "Flower"),
        ("item_data.reporting_category", {"id": "cat-9"}, "category", None),
        ("item_data.description", "Old", "description", "Old"),
        ("item_data.description_plaintext", "New", "description", "New"),
        ("item_data.is_archived", True, "available", False),
        ("present_at_all_locations", False, "available", False),
        ("present_at_location_ids", ["L1"], "available", True),
    ],
)
def test_an_item_s_fields(path: str, value: Any, column: str, expected: Any) -> None:
    row = item_of(changed(ITEM, path, value))
    assert row[column] == expected
    assert misfits(row, ITEMS.table) == []


def test_an_item_that_is_sold_at_one_location_only_is_available() -> None:
    record = {**ITEM, "present_at_all_locations": False, "present_at_location_ids": ["L1"]}
    assert item_of(record)["available"]


def test_of_a_deleted_item_square_tells_little() -> None:
    row = item_of({"type": "ITEM", "id": "i-1", "updated_at": AT, "is_deleted": True})
    assert (row["deleted"], row["available"], row["name"], row["price"]) == (True, False, None, None)
    assert misfits(row, ITEMS.table) == []


def test_the_category_of_before_2023_is_read_too() -> None:
    record = {**ITEM, "item_data": {"name": "Gummies", "category_id": "cat-2"}}
    assert item_of(record)["category"] == "Flower"


@pytest.mark.parametrize("found", [5, "x", {"id": "v"}, True])
@pytest.mark.parametrize("name", ["variations", "categories"])
def test_a_list_that_is_none(name: str, found: Any) -> None:
    with pytest.raises(Unfit, match=name):
        item_of(changed(changed(ITEM, "item_data.reporting_category", ...), f"item_data.{name}", found))


def test_the_variations_of_an_item() -> None:
    assert list(variations(ITEM)) == ["v-1", "v-2"]


@given(broken(ITEM))
def test_of_what_is_no_item_there_are_no_variations(record: Any) -> None:
    if isinstance(record, dict):
        assert all(isinstance(found, str) for found in variations(record))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"given_name": "Ann"}, "Ann"),
        ({"family_name": "Example"}, "Example"),
        ({}, None),
        ({"given_name": "", "family_name": None}, None),
        ({"given_name": "李", "family_name": "Núñez"}, "李 Núñez"),
    ],
)
def test_a_customer_s_name(names: dict[str, Any], expected: str | None) -> None:
    nameless = {name: value for name, value in CUSTOMER.items() if not name.endswith("_name")}
    assert customer_row({**nameless, **names})["full_name"] == expected
