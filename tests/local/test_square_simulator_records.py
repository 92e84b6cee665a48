"""The Square simulator's orders, catalogue, stock and customers: whole, filtered, and as the ledger counts them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from local.simulators.process import Simulator
from local.simulators.square_shop import LOCATIONS
from tests.local.square_client import UNTIL, Client, amount, error_of, ids, ledger_places, newest, places

MAIN, NORTH = LOCATIONS
MIDDLE = "2026-06-01T12:34:56.789Z"


def by(field: str, order: str = "ASC", **span: str) -> dict[str, Any]:
    return {
        "filter": {"date_time_filter": {field: span}, "state_filter": {"states": ["COMPLETED"]}},
        "sort": {"sort_field": field.upper(), "sort_order": order},
    }


def test_orders_are_the_payments_and_their_lines_the_ledgers(square: Simulator, client: Client) -> None:
    payments = client.payments()
    orders = client.orders(limit=50)
    assert sorted(ids(orders)) == sorted(p["order_id"] for p in payments)
    paid = {p["order_id"]: p for p in payments}
    for order in orders:
        lines = order["line_items"]
        assert 1 <= len(lines) <= 4
        assert sum(line["gross_sales_money"]["amount"] for line in lines) == amount(paid[order["id"]])
        for line in lines:
            gross = Decimal(line["quantity"]) * line["base_price_money"]["amount"]
            assert gross == line["gross_sales_money"]["amount"]
        assert order["tenders"][0]["payment_id"] == paid[order["id"]]["id"]
        assert (order["state"] == "COMPLETED") == (paid[order["id"]]["status"] == "COMPLETED")
    completed = client.orders(query=by("created_at"))
    assert {order["state"] for order in completed} == {"COMPLETED"}
    lines = [{**order, **line} for order in completed for line in order["line_items"]]
    assert places(lines, lambda line: int(line["gross_sales_money"]["amount"])) == ledger_places(square, "order_lines")
    quantities = {line["quantity"] for line in lines}
    assert "1" in quantities
    assert any("." in quantity for quantity in quantities)
    assert any("catalog_object_id" not in line for line in lines)


def test_lines_name_variations_of_the_catalogue(client: Client) -> None:
    items = client.all("objects", "/v2/catalog/list", types="ITEM")
    known = {variation["id"]: item for item in items for variation in item["item_data"]["variations"]}
    sold = [line for order in client.orders() for line in order["line_items"] if "catalog_object_id" in line]
    assert all(known[line["catalog_object_id"]]["item_data"]["name"] == line["name"] for line in sold)


def test_orders_are_filtered_and_retrieved(client: Client) -> None:
    every = client.orders()
    edge = sorted(order["created_at"] for order in every)[200]
    found = client.orders(query=by("created_at", start_at=edge, end_at=UNTIL), limit=50)
    wanted = [o for o in every if o["created_at"] >= edge and o["state"] == "COMPLETED"]
    assert [o["created_at"] for o in found] == sorted(o["created_at"] for o in wanted)
    changed = client.orders(query=by("updated_at", "DESC", start_at=edge))
    assert [o["updated_at"] for o in changed] == sorted((o["updated_at"] for o in changed), reverse=True)
    north = client.all("orders", "/v2/orders/search", {"location_ids": [NORTH]})
    assert sorted(ids(north)) == sorted(o["id"] for o in every if o["location_id"] == NORTH)
    asked = [every[3]["id"], "nothing", every[1]["id"]]
    assert client.post("/v2/orders/batch-retrieve", {"order_ids": asked}).json()["orders"] == [every[3], every[1]]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"location_ids": []},
        {"location_ids": [MAIN] * 11},
        {"location_ids": [MAIN], "limit": 1001},
        {"location_ids": [MAIN], "socks": 1},
        {"location_ids": [MAIN], "query": {"filter": {"state_filter": {"states": ["ODD"]}}}},
        {"location_ids": [MAIN], "query": {**by("updated_at"), "sort": {"sort_field": "CREATED_AT"}}},
        {"location_ids": [MAIN], "query": {**by("updated_at"), "sort": {}}},
        {"location_ids": [MAIN], "query": {"filter": {"date_time_filter": {"created_at": {}, "updated_at": {}}}}},
    ],
)
def test_orders_that_cannot_be_searched(client: Client, body: dict[str, Any]) -> None:
    assert client.post("/v2/orders/search", body).status_code == 400


def test_a_page_of_orders_is_500_at_most(square: Simulator, client: Client) -> None:
    square.seed(payments=620, until=UNTIL)
    body = {"location_ids": [MAIN, NORTH], "limit": 1000}
    assert [len(page) for page in client.pages("orders", "/v2/orders/search", body)] == [500, 120]


def test_the_catalogue_lists_what_is_not_deleted(square: Simulator, client: Client) -> None:
    objects = client.all("objects", "/v2/catalog/list")
    items = [o for o in objects if o["type"] == "ITEM"]
    assert {o["type"] for o in objects} == {"ITEM", "CATEGORY", "IMAGE"}
    assert len(items) == square.ledger("items")["count"] == 130
    assert not any(o["is_deleted"] for o in objects)
    assert ids(items) == ids(client.all("objects", "/v2/catalog/list", types="ITEM"))
    assert [len(page) for page in client.pages("objects", "/v2/catalog/list", types="ITEM")] == [100, 30]
    assert {len(i["item_data"]["variations"]) for i in items} == {1, 2, 3}
    first = [i["item_data"]["variations"][0]["item_variation_data"] for i in items]
    assert sum(v.get("price_money", {"amount": 0})["amount"] for v in first) == square.ledger("items")["cents"]
    assert {v["pricing_type"] for v in first} == {"FIXED_PRICING", "VARIABLE_PRICING"}
    assert all(("price_money" in v) == (v["pricing_type"] == "FIXED_PRICING") for v in first)
    assert any(i["item_data"]["is_archived"] for i in items)
    assert any("\n" in i["item_data"]["name"] and '"' in i["item_data"]["name"] for i in items)
    known = set(ids(objects))
    assert {c["id"] for i in items for c in i["item_data"]["categories"]} <= known
    assert {image for i in items for image in i["item_data"]["image_ids"]} <= known


def test_the_catalogue_is_searched_after_a_moment_deleted_ones_too(square: Simulator, client: Client) -> None:
    items = client.all("objects", "/v2/catalog/list", types="ITEM")
    latest = client.post("/v2/catalog/search", {"object_types": ["ITEM"]}).json()["latest_time"]
    changed = square.change("items", items[3]["id"], name="Fresh", price_cents=777)
    square.delete("items", items[4]["id"])
    body = {"object_types": ["ITEM"], "begin_time": latest, "include_deleted_objects": True}
    found = newest(client.all("objects", "/v2/catalog/search", body))
    assert found.keys() == {items[3]["id"], items[4]["id"]}
    assert found[items[3]["id"]]["item_data"]["name"] == "Fresh"
    assert found[items[4]["id"]]["is_deleted"]
    body["include_deleted_objects"] = False
    assert ids(client.all("objects", "/v2/catalog/search", body)) == [items[3]["id"]]
    body["begin_time"] = changed["updated_at"]
    assert client.all("objects", "/v2/catalog/search", body) == []
    assert square.ledger("items")["count"] == 129


def test_related_objects_come_with_the_items(client: Client) -> None:
    body = {"object_types": ["ITEM"], "include_related_objects": True, "limit": 3}
    answer = client.post("/v2/catalog/search", body).json()
    data = [item["item_data"] for item in answer["objects"]]
    wanted = {c["id"] for d in data for c in d["categories"]} | {image for d in data for image in d["image_ids"]}
    assert set(ids(answer["related_objects"])) == wanted


def test_stock_is_counted_in_decimal_texts(client: Client) -> None:
    items = client.all("objects", "/v2/catalog/list", types="ITEM")[:4]
    variations = [v["id"] for item in items for v in item["item_data"]["variations"]]
    body = {"catalog_object_ids": variations}
    counts = client.all("counts", "/v2/inventory/counts/batch-retrieve", body)
    assert {(c["catalog_object_id"], c["location_id"]) for c in counts} == {
        (v, p) for v in variations for p in LOCATIONS
    }
    assert all(isinstance(c["quantity"], str) and Decimal(c["quantity"]) >= 0 for c in counts)
    every = client.all("counts", "/v2/inventory/counts/batch-retrieve", {"location_ids": [MAIN]})
    assert len({c["catalog_object_id"] for c in every}) == len(every) > len(variations)
    assert client.all("counts", "/v2/inventory/counts/batch-retrieve", {"states": ["SOLD"]}) == []


def test_customers_are_listed_and_searched(square: Simulator, client: Client) -> None:
    listed = client.all("customers", "/v2/customers", limit=30)
    assert len(newest(listed)) == len(listed) == 130
    body = {"query": {"sort": {"field": "CREATED_AT", "order": "DESC"}}, "limit": 100}
    assert [len(page) for page in client.pages("customers", "/v2/customers/search", body)] == [100, 30]
    searched = client.all("customers", "/v2/customers/search", body)
    assert sorted(ids(searched)) == sorted(ids(listed))
    assert [c["created_at"] for c in searched] == sorted((c["created_at"] for c in listed), reverse=True)
    span = {"updated_at": {"start_at": MIDDLE, "end_at": UNTIL}}
    changed = client.all("customers", "/v2/customers/search", {"query": {"filter": span}})
    assert sorted(ids(changed)) == sorted(c["id"] for c in listed if c["updated_at"] >= MIDDLE)
    assert client.get(f"/v2/customers/{listed[0]['id']}").json()["customer"] == listed[0]
    assert all(c.get("email_address", "@example.com").endswith("@example.com") for c in listed)
    assert any("email_address" not in c for c in listed)
    buyers = {p["customer_id"] for p in client.payments() if "customer_id" in p}
    assert buyers <= set(ids(listed))
    square.delete("customers", listed[0]["id"])
    assert listed[0]["id"] not in ids(client.all("customers", "/v2/customers"))
    assert error_of(client.get(f"/v2/customers/{listed[0]['id']}")) == (404, "NOT_FOUND")
    assert square.ledger("customers")["count"] == 129
