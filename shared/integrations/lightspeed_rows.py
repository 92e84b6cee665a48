"""Lightspeed's records as rows of our tables. Every scalar is text; a relation with one child holds no list but it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from shared.integrations.records import LARGEST, Unfit, mapping, moment, optional_text, required_text
from shared.pos.models import Row, Stream

TRANSACTIONS = Stream(
    name="lightspeed_transactions",
    source="lightspeed",
    table="analytics.lightspeed_transactions",
    key=("id",),
    dated=True,
    amount="total",
    location="location_id",
)
PRODUCTS = Stream(
    name="lightspeed_products",
    source="lightspeed",
    table="analytics.lightspeed_products",
    key=("id",),
    dated=False,
    amount="price",
)
CUSTOMERS = Stream(
    name="lightspeed_customers",
    source="lightspeed",
    table="commerce.customers",
    key=("source", "customer_id"),
    dated=False,
    personal=("email", "full_name", "phone"),
    constant={"source": "lightspeed"},
)
# Decimal reads more: NaN, exponents, underscores, the digits of other scripts.
NUMBER = re.compile(r"[+-]?\d{1,20}(\.\d{0,20})?", re.ASCII)
ZERO = Decimal(0)
NOBODY = "0"
ALL_SHOPS = "0"


def sale_row(record: Mapping[str, Any]) -> Row:
    """Sale has neither `calcTax` nor `updateTime`: the tax is in two parts, and `updatetime` is all lower case."""
    return {
        "id": required_text(record, "saleID"),
        "amount": _cents(_number(record, "calcSubtotal") - _number(record, "calcDiscount", ZERO)),
        "tax": _cents(_number(record, "calcTax1", ZERO) + _number(record, "calcTax2", ZERO)),
        "total": _cents(_number(record, "calcTotal")),
        "customer_id": _foreign(record, "customerID"),
        "location_id": required_text(record, "shopID"),
        "status": _status(record),
        "created_at": moment(record, "createTime"),
        "updated_at": _later(moment(record, "timeStamp"), _known_moment(record, "updatetime")),
    }


def item_row(record: Mapping[str, Any]) -> Row:
    """With the relations Category, ItemShops and ItemECommerce. A change of stock moves the time of its shop's row."""
    shops = many(record, "ItemShops", "ItemShop")
    category = mapping(record.get("Category") or {}, "Category")
    web_shop = mapping(record.get("ItemECommerce") or {}, "ItemECommerce")
    return {
        "id": required_text(record, "itemID"),
        "name": optional_text(record, "description"),
        "description": optional_text(web_shop, "longDescription"),
        "category": optional_text(category, "name"),
        "price": _default_price(record),
        "cost": _optional_cents(record, "defaultCost"),
        "quantity": _on_hand(shops),
        "created_at": moment(record, "createTime"),
        "updated_at": _later(moment(record, "timeStamp"), *(_known_moment(shop, "timeStamp") for shop in shops)),
        "deleted": _true(record, "archived"),
    }


def customer_row(record: Mapping[str, Any]) -> Row:
    """With the relation Contact. Of an archived customer nothing personal is kept."""
    contact, deleted = mapping(record.get("Contact") or {}, "Contact"), _true(record, "archived")
    names = [optional_text(record, name) for name in ("firstName", "lastName")]
    return {
        "customer_id": required_text(record, "customerID"),
        "email": None if deleted else _first(many(contact, "Emails", "ContactEmail"), "address"),
        "full_name": None if deleted else " ".join(name for name in names if name) or None,
        "phone": None if deleted else _first(many(contact, "Phones", "ContactPhone"), "number"),
        "source": "lightspeed",
        "created_at": moment(record, "createTime"),
        "updated_at": _later(moment(record, "timeStamp"), _known_moment(contact, "timeStamp")),
        "deleted": deleted,
    }


def many(record: Mapping[str, Any], relation: str, kind: str) -> Sequence[Mapping[str, Any]]:
    """The children of a relation: a list, one child alone, an empty text or nothing."""
    found = mapping(record.get(relation) or {}, relation).get(kind) or []
    return [mapping(child, kind) for child in (found if isinstance(found, list) else [found])]


def _status(record: Mapping[str, Any]) -> str:
    if _true(record, "voided"):
        return "voided"
    return "completed" if _true(record, "completed") else "open"


def _true(record: Mapping[str, Any], name: str) -> bool:
    return record.get(name) in (True, "true")


def _foreign(record: Mapping[str, Any], name: str) -> str | None:
    found = optional_text(record, name)
    return None if found == NOBODY else found


def _first(children: Sequence[Mapping[str, Any]], name: str) -> str | None:
    return next((text for child in children if (text := optional_text(child, name))), None)


def _default_price(record: Mapping[str, Any]) -> int | None:
    prices = many(record, "Prices", "ItemPrice")
    return next((_optional_cents(price, "amount") for price in prices if price.get("useType") == "Default"), None)


def _on_hand(shops: Sequence[Mapping[str, Any]]) -> int | None:
    """The row of shop 0 is the sum of all others."""
    total = next((shop for shop in shops if shop.get("shopID") == ALL_SHOPS), None)
    return None if total is None else _whole(_number(total, "qoh", ZERO), "qoh")


def _number(record: Mapping[str, Any], name: str, default: Decimal | None = None) -> Decimal:
    value = record.get(name)
    if value in (None, "") and default is not None:
        return default
    text = str(value) if type(value) in (int, float) else value
    if not isinstance(text, str) or not NUMBER.fullmatch(text):
        raise Unfit(f"{name} is no number")
    return Decimal(text)


def _optional_cents(record: Mapping[str, Any], name: str) -> int | None:
    return None if record.get(name) in (None, "") else _cents(_number(record, name))


def _cents(amount: Decimal) -> int:
    return _whole(amount * 100, "the amount")


def _whole(number: Decimal, name: str) -> int:
    """Half up, away from zero."""
    found = int(number.quantize(Decimal(1), ROUND_HALF_UP))
    if abs(found) > LARGEST:
        raise Unfit(f"{name} is too large")
    return found


def _known_moment(record: Mapping[str, Any], name: str) -> str:
    return moment(record, name) if record.get(name) else ""


def _later(*moments: str) -> str:
    return max(moments)
