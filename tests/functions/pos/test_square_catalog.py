"""GET /api/square/catalog"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from functions.analytics import refresh_cache
from local.provision import PubSub
from local.simulators.square_item_quirks import never_counted, tracking
from local.simulators.square_shop import ITEM, LOCATIONS, Ids
from shared.integrations.square_mock import PRODUCTS
from shared.runtime.request import Delivery
from tests.factories.messages import data_of, pulled
from tests.factories.square_shop import SIZE, SquareShop
from tests.local.square_client import Client

FIELDS = (
    "id",
    "name",
    "description",
    "price",
    "currency",
    "sku",
    "category",
    "image",
    "inventory",
    "attributes",
    "updated_at",
)
IDS = Ids(SIZE["seed"])


def number_of(product: dict[str, Any]) -> int:
    return IDS.number(ITEM, product["id"]) or 0


def records(shop: SquareShop, kind: str) -> dict[str, dict[str, Any]]:
    """Of the simulator's own list, by id."""
    return {record["id"]: record for record in Client(shop.square).all("objects", "/v2/catalog/list", types=kind)}


def test_everything_that_is_for_sale(shop: SquareShop) -> None:
    answer = shop.catalog()
    assert answer.status_code == 200
    body = answer.json
    assert (body["success"], body["source"], "error" in body) == (True, "square", False)
    items, products = records(shop, "ITEM"), body["products"]
    wanted = {
        item["id"]
        for item in items.values()
        if not item["item_data"]["is_archived"]
        and (item["present_at_all_locations"] or item.get("present_at_location_ids"))
    }
    assert {product["id"] for product in products} == wanted
    assert len(products) == len(wanted) < len(items)
    # The definition of an attribute comes from nowhere.
    assert body["objects"] == shop.rows("SELECT count(*) FROM catalog WHERE deleted = 0")[0][0] + 1
    assert [(p["updated_at"], p["id"]) for p in products] == [
        (p["updated_at"], p["id"])
        for p in sorted(sorted(products, key=lambda p: p["id"]), key=lambda p: p["updated_at"], reverse=True)
    ]
    assert all(tuple(product) == FIELDS for product in products)


def test_what_a_product_says(shop: SquareShop) -> None:
    items, images, categories = (records(shop, kind) for kind in ("ITEM", "IMAGE", "CATEGORY"))
    products = shop.catalog().json["products"]
    for product in products:
        record = items[product["id"]]
        data = record["item_data"]
        first = data["variations"][0]["item_variation_data"]
        money = first.get("price_money")
        assert (product["name"], product["sku"]) == (data["name"], first["sku"])
        assert product["description"] == data["description_plaintext"]
        assert product["category"] == categories[data["reporting_category"]["id"]]["category_data"]["name"]
        assert product["updated_at"] == record["updated_at"]
        assert product["price"] == (money["amount"] / 100 if money else None)
        assert product["currency"] == (money["currency"] if money else None)
        image = next(iter(data["image_ids"]), None)
        assert product["image"] == (images[image]["image_data"]["url"] if image else None)
    assert {product["price"] is None for product in products} == {True, False}
    assert {product["image"] is None for product in products} == {True, False}


def test_custom_attributes(shop: SquareShop) -> None:
    products = {number_of(product): product["attributes"] for product in shop.catalog().json["products"]}
    assert products[1] == {"CBD mg": 1.5, "Effect": ["Calm"], "Strain": "Nº 1", "Vegan": True}
    assert products[13] == {"CBD mg": 13.5, "Effect": ["Calm", "Sleep"], "Strain": "Nº 13", "Vegan": False}
    assert products[2] == {}


def test_stock_is_the_sum_of_what_is_counted(shop: SquareShop) -> None:
    body = {"states": ["IN_STOCK"]}
    counts = Client(shop.square).all("counts", "/v2/inventory/counts/batch-retrieve", body)
    units = {(count["catalog_object_id"], count["location_id"]): Decimal(count["quantity"]) for count in counts}
    items, products = records(shop, "ITEM"), shop.catalog().json["products"]
    for product in products:
        counted = [
            units[variation["id"], location]
            for variation in items[product["id"]]["item_data"]["variations"]
            for location in counted_at(number_of(product))
        ]
        wanted = sum(counted) if counted else None
        assert product["inventory"] == (None if wanted is None else float(wanted)), number_of(product)
    assert any(product["inventory"] is None for product in products)
    assert any(isinstance(product["inventory"], float) for product in products)
    assert any(isinstance(product["inventory"], int) for product in products)
    assert min(units.values()) < 0


def counted_at(item: int) -> Iterator[str]:
    if never_counted(item):
        return
    settings = tracking(item)
    if settings["track_inventory"]:
        yield from LOCATIONS
    elif "location_overrides" in settings:
        yield LOCATIONS[0]


@pytest.mark.parametrize(("role", "status"), [("customer", 200), ("service", 200), ("admin", 200), ("", 401)])
def test_whoever_is_signed_in(shop: SquareShop, role: str, status: int) -> None:
    assert shop.catalog(role, SQUARE_ACCESS_TOKEN="").status_code == status


def test_nothing_can_be_asked_for(shop: SquareShop) -> None:
    answer = shop.get("catalog", "customer", {}, "?source=mock")
    assert (answer.status_code, answer.json["code"]) == (400, "unknown_field")
    assert shop.asked() == 0


def test_square_is_asked_once_and_callers_need_not_take_what_they_have(shop: SquareShop) -> None:
    first = shop.catalog()
    asked = shop.asked()
    # Two pages of objects, and three batches of variations of which each is one page.
    assert asked == 5
    shop.clock.advance(minutes=4)
    again = shop.catalog("admin")
    assert (again.json, again.headers["Age"]) == ({**first.json, "source": "cache"}, "240")
    assert again.headers["Cache-Status"] == "livhana; hit; ttl=60"
    known = shop.get("catalog", "customer", {"If-None-Match": first.headers["ETag"]})
    assert (known.status_code, known.data, known.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert shop.asked() == asked


def test_after_five_minutes_it_is_read_again_behind_the_answer(shop: SquareShop, pubsub: PubSub) -> None:
    first = shop.catalog()
    product = first.json["products"][0]
    shop.square.change("items", product["id"], name="Another name", silent=True)
    shop.clock.advance(minutes=6)
    stale = shop.catalog()
    assert stale.json == {**first.json, "source": "cache"}
    assert stale.headers["Cache-Status"].endswith("detail=stale")
    (message,) = pulled(pubsub, "cache-refresh")
    assert data_of(message) == {"view": "square_catalog", "params": {"source": "square"}}
    refresh_cache.handle(
        Delivery(
            platform=shop.platform(),
            id="m-1",
            data=data_of(message),
            attributes={},
            published_at=shop.clock.now(),
            attempt=1,
        )
    )
    answer = shop.catalog()
    assert (answer.headers["Age"], answer.json["source"]) == ("0", "cache")
    assert answer.json["products"][0]["id"] == product["id"]
    assert answer.json["products"][0]["name"] == "Another name"


FAILURES: list[tuple[dict[str, Any], str]] = [
    ({"unauthorized": True}, "Square refuses the access token (UNAUTHORIZED)"),
    ({"forbidden": True}, "403 INSUFFICIENT_SCOPES"),
    ({"forbidden": "/v2/inventory"}, "Grant the token the missing scope"),
    ({"not_found": True}, "404 NOT_FOUND"),
    ({"errors_5xx": 1}, "Square answered 50"),
    ({"burst_429": 1}, "Square answered 429. Try again in a moment."),
    ({"dropped": 1}, "Square gave no whole answer"),
    ({"cursor_expiry": 1}, "Square forgot the pages of a list"),
    ({"garbage": 1}, "None of Square's items can be read"),
]


@pytest.mark.parametrize(("traps", "sentence"), FAILURES, ids=lambda value: str(value)[:30])
def test_without_square_the_last_good_answer(shop: SquareShop, traps: dict[str, Any], sentence: str) -> None:
    shop.square.trap(**traps)
    nothing = shop.catalog()
    assert (nothing.status_code, nothing.json["code"]) == (503, "source_unavailable")
    assert sentence in nothing.json["error"]
    assert (nothing.json["success"], "products" in nothing.json) == (False, False)

    shop.square.clear_traps()
    good = shop.catalog()
    assert good.json["source"] == "square"
    assert shop.catalog().json == {**good.json, "source": "cache"}
    shop.clock.advance(minutes=16)
    shop.square.trap(**traps)
    answer = shop.catalog()
    assert (answer.status_code, answer.json["success"], answer.json["source"]) == (200, True, "cache")
    assert answer.json["error"] == "Square does not answer. This is its last good answer."
    assert sentence in shop.catalog("service").json["error"]
    assert (answer.json["products"], answer.json["objects"]) == (good.json["products"], good.json["objects"])
    assert answer.headers["Cache-Status"].startswith("livhana; fwd=stale; fwd-status=503")
    # Square is left alone for a while, then it is well again.
    shop.square.clear_traps()
    assert shop.catalog().json["source"] == "cache"
    shop.clock.advance(seconds=30)
    well = shop.catalog()
    assert (well.json["source"], "error" in well.json) == ("square", False)


def test_the_wrong_token(shop: SquareShop) -> None:
    answer = shop.catalog(SQUARE_ACCESS_TOKEN="another")
    assert answer.status_code == 503
    assert "SQUARE_ACCESS_TOKEN" in answer.json["error"]
    assert "another" not in answer.text
    assert shop.asked() == 1


def test_what_an_honest_client_survives(shop: SquareShop) -> None:
    good = shop.catalog().json
    shop.square.trap(
        short_pages=True, unordered=True, duplicates=3, cursor_expiry=4, burst_429=9, errors_5xx=7, dropped=8
    )
    shop.clock.advance(minutes=16)
    assert shop.catalog().json == good


def test_records_that_cannot_be_read_are_left_out(shop: SquareShop) -> None:
    good = shop.catalog().json["products"]
    shop.square.trap(garbage=10)
    broken = set(shop.square.ledger("items")["garbage"])
    shop.clock.advance(minutes=16)
    answer = shop.catalog().json
    assert answer["source"] == "square"
    # A variable price cannot be broken by another amount.
    assert [p for p in good if p["id"] not in broken] == [p for p in answer["products"] if p["id"] not in broken]
    assert len(answer["products"]) < len(good)


def test_an_empty_catalogue_is_an_answer(shop: SquareShop) -> None:
    shop.square.trap(empty="/v2/catalog")
    assert shop.catalog().json == {"success": True, "source": "square", "objects": 0, "products": []}


def test_without_a_token_it_is_made_up(shop: SquareShop) -> None:
    answer = shop.catalog(SQUARE_ACCESS_TOKEN="")
    body = answer.json
    assert (body["success"], body["source"], body["objects"], len(body["products"])) == (
        True,
        "mock",
        PRODUCTS,
        PRODUCTS,
    )
    assert all(tuple(product) == FIELDS and product["id"].startswith("mock-") for product in body["products"])
    assert body["products"] == shop.catalog(SQUARE_ACCESS_TOKEN="").json["products"]
    assert shop.asked() == 0
    # What is made up is never shown in place of what is real.
    shop.square.trap(unauthorized=True)
    assert shop.catalog().status_code == 503


def test_in_production_nothing_is_made_up(shop: SquareShop) -> None:
    production = {"SQUARE_ACCESS_TOKEN": "", "ENVIRONMENT": "production"}
    answer = shop.catalog(**production)
    assert (answer.status_code, answer.json["code"]) == (503, "source_unavailable")
    assert "SQUARE_ACCESS_TOKEN" in answer.json["error"]
    good = shop.catalog().json
    shop.clock.advance(minutes=16)
    last = shop.catalog(**production).json
    assert (last["source"], last["products"]) == ("cache", good["products"])
