"""Square's records as rows of our tables. Field names as in Square's OpenAPI document of SQUARE_VERSION."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from shared.integrations.records import Unfit, mapping, moment, optional_text, required_text, whole
from shared.pos.models import Row, Stream

PAYMENTS = Stream(
    name="square_payments",
    source="square",
    table="analytics.square_payments",
    key=("id",),
    dated=True,
    amount="amount",
    location="location_id",
)
ORDER_LINES = Stream(
    name="square_order_lines",
    source="square",
    table="analytics.square_order_lines",
    key=("order_id", "line_uid"),
    dated=True,
    amount="gross",
    location="location_id",
    sticky=("item_id",),
)
ITEMS = Stream(
    name="square_items", source="square", table="analytics.square_items", key=("id",), dated=False, amount="price"
)
CUSTOMERS = Stream(
    name="square_customers",
    source="square",
    table="commerce.customers",
    key=("source", "customer_id"),
    dated=False,
    personal=("email", "full_name", "phone"),
    constant={"source": "square"},
)
# BigQuery's NUMERIC has nine decimals.
MOST_UNITS, SMALLEST_UNIT = Decimal(10) ** 12, Decimal("1e-9")


def payment_row(record: Mapping[str, Any]) -> Row:
    money = mapping(record.get("amount_money"), "amount_money")
    card = mapping(mapping(record.get("card_details") or {}, "card_details").get("card") or {}, "card_details.card")
    return {
        "id": required_text(record, "id"),
        "amount": whole(money.get("amount"), "amount_money.amount"),
        "refunded_amount": cents(record.get("refunded_money"), "refunded_money") or 0,
        "currency": required_text(money, "currency"),
        "status": required_text(record, "status"),
        "customer_id": optional_text(record, "customer_id"),
        "location_id": required_text(record, "location_id"),
        "created_at": moment(record, "created_at"),
        "updated_at": moment(record, "updated_at"),
        "source_type": optional_text(record, "source_type"),
        "card_brand": optional_text(card, "card_brand"),
        "receipt_url": optional_text(record, "receipt_url"),
        "order_id": optional_text(record, "order_id"),
    }


def order_lines(record: Mapping[str, Any], items: Mapping[str, str]) -> Iterator[Row]:
    """A row for each line. `items`: variation id → item id."""
    order = {
        "order_id": required_text(record, "id"),
        "location_id": required_text(record, "location_id"),
        "created_at": moment(record, "created_at"),
        "updated_at": moment(record, "updated_at"),
    }
    lines = record.get("line_items") or []
    if not isinstance(lines, list):
        raise Unfit("line_items is no list")
    for line in lines:
        yield {**order, **_line(mapping(line, "a line item"), items)}


def _line(line: Mapping[str, Any], items: Mapping[str, str]) -> Row:
    variation = optional_text(line, "catalog_object_id")
    return {
        "line_uid": required_text(line, "uid"),
        "item_id": items.get(variation) if variation else None,
        "variation_id": variation,
        "name": optional_text(line, "name"),
        "quantity": quantity(line),
        "gross": cents(line.get("gross_sales_money"), "gross_sales_money") or 0,
    }


def quantity(line: Mapping[str, Any]) -> str:
    """Of a line or a count, as NUMERIC takes it."""
    try:
        units = Decimal(required_text(line, "quantity"))
    except InvalidOperation:
        units = Decimal("NaN")
    if not units.is_finite() or abs(units) > MOST_UNITS:
        raise Unfit("quantity is no number")
    return f"{units.quantize(SMALLEST_UNIT).normalize():f}"


def item_row(record: Mapping[str, Any], categories: Mapping[str, str]) -> Row:
    """`categories`: id → name. `created_at` is the time of the change: Square tells no other (see warehouse.py)."""
    changed, deleted = moment(record, "updated_at"), bool(record.get("is_deleted"))
    data = mapping(record.get("item_data") or {}, "item_data")
    first = first_variation(data)
    sold_somewhere = record.get("present_at_all_locations", True) or bool(record.get("present_at_location_ids"))
    return {
        "id": required_text(record, "id"),
        "name": optional_text(data, "name"),
        "description": optional_text(data, "description_plaintext") or optional_text(data, "description"),
        "category": _category(data, categories),
        "sku": optional_text(first, "sku"),
        "price": cents(first.get("price_money"), "price_money"),
        "available": not deleted and not data.get("is_archived") and bool(sold_somewhere),
        "created_at": changed,
        "updated_at": changed,
        "deleted": deleted,
    }


def variations(record: Mapping[str, Any]) -> Iterator[str]:
    """The ids of an item's variations; nothing of a record that is none."""
    data = record.get("item_data")
    found = data.get("variations") if isinstance(data, dict) else None
    for variation in found if isinstance(found, list) else []:
        if isinstance(variation, dict) and isinstance(variation.get("id"), str):
            yield variation["id"]


def first_variation(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Its `item_variation_data`; empty for an item without variations."""
    found = data.get("variations") or []
    if not isinstance(found, list):
        raise Unfit("variations is no list")
    known = [mapping(variation, "a variation") for variation in found if variation]
    return mapping(known[0].get("item_variation_data") or {}, "item_variation_data") if known else {}


def _category(data: Mapping[str, Any], categories: Mapping[str, str]) -> str | None:
    reporting = mapping(data.get("reporting_category") or {}, "reporting_category")
    others = data.get("categories") or []
    if not isinstance(others, list):
        raise Unfit("categories is no list")
    found = reporting.get("id") or next((c.get("id") for c in others if isinstance(c, dict)), None)
    return categories.get(str(found or data.get("category_id") or ""))


def customer_row(record: Mapping[str, Any]) -> Row:
    names = [optional_text(record, name) for name in ("given_name", "family_name")]
    return {
        "customer_id": required_text(record, "id"),
        "email": optional_text(record, "email_address"),
        "full_name": " ".join(name for name in names if name) or None,
        "phone": optional_text(record, "phone_number"),
        "source": "square",
        "created_at": moment(record, "created_at"),
        "updated_at": moment(record, "updated_at"),
        "deleted": False,
    }


def cents(money: Any, name: str) -> int | None:
    """Of a Money object; None when there is none."""
    return None if money is None else whole(mapping(money, name).get("amount"), f"{name}.amount")
