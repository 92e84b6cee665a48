"""Square's catalogue objects and counts as products."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from shared.integrations.records import Unfit
from shared.integrations.square_products import Named, count_row, object_row, product_row, stock_of

AT = "2026-06-30T12:00:00.000Z"
COUNT = {
    "catalog_object_id": "V1",
    "catalog_object_type": "ITEM_VARIATION",
    "state": "IN_STOCK",
    "location_id": "L1",
    "quantity": "4",
    "calculated_at": AT,
}
NOTHING_NAMED = Named({}, {}, {})


def variation(variation_id: str = "V1", **data: Any) -> dict[str, Any]:
    return {"type": "ITEM_VARIATION", "id": variation_id, "item_variation_data": data}


def item(*variations: Any, **changes: Any) -> dict[str, Any]:
    data = {"name": "Tea", "variations": list(variations), **changes.pop("item_data", {})}
    return {"type": "ITEM", "id": "I1", "updated_at": AT, "item_data": data, **changes}


def count(**changes: Any) -> dict[str, Any]:
    row = count_row({**COUNT, **changes})
    assert row is not None
    return row


def product(record: dict[str, Any], *counts: dict[str, Any], named: Named = NOTHING_NAMED) -> dict[str, Any]:
    row = product_row(record, named, stock_of(counts))
    assert row is not None
    return row


def test_an_item_with_nothing_but_a_name() -> None:
    assert product(item()) == {
        "id": "I1",
        "name": "Tea",
        "description": None,
        "price": None,
        "currency": None,
        "sku": None,
        "category": None,
        "image": None,
        "inventory": None,
        "attributes": {},
        "updated_at": AT,
    }


def test_the_first_variation_is_what_is_shown() -> None:
    first = variation("V1", sku="T-1", price_money={"amount": 1999, "currency": "CAD"})
    found = product(item(first, variation("V2", sku="T-2", price_money={"amount": 1, "currency": "USD"})))
    assert (found["sku"], found["price"], found["currency"]) == ("T-1", 1999, "CAD")


@pytest.mark.parametrize(
    "changes",
    [
        {"is_deleted": True},
        {"item_data": {"is_archived": True}},
        {"present_at_all_locations": False},
        {"present_at_all_locations": False, "present_at_location_ids": []},
    ],
    ids=str,
)
def test_what_is_not_for_sale_is_no_product(changes: dict[str, Any]) -> None:
    assert product_row(item(**changes), NOTHING_NAMED, {}) is None


@pytest.mark.parametrize(
    ("image_ids", "image"),
    [(["IM1", "IM2"], "one"), (["gone", "IM2"], "two"), (["gone"], None), ([], None), (None, None), ([{}], None)],
    ids=str,
)
def test_the_first_image_that_there_is(image_ids: Any, image: str | None) -> None:
    named = Named({}, {"IM1": "one", "IM2": "two"}, {})
    assert product(item(item_data={"image_ids": image_ids}), named=named)["image"] == image


# --- stock


def test_all_variations_and_locations_together() -> None:
    record = item(variation("V1"), variation("V2"))
    counts = [
        count(),
        count(location_id="L2", quantity="2.5"),
        count(catalog_object_id="V2", quantity="-1"),
        count(catalog_object_id="V9", quantity="100"),
    ]
    assert product(record, *counts)["inventory"] == Decimal("5.5")


def test_pieces_are_whole() -> None:
    found = product(item(variation()), count(quantity="4.00000"))["inventory"]
    assert (found, type(found)) == (4, int)
    assert product(item(variation()), count(quantity="0"))["inventory"] == 0


@pytest.mark.parametrize(
    ("data", "inventory"),
    [
        ({}, 4),
        ({"track_inventory": True}, 4),
        ({"track_inventory": None}, 4),
        ({"track_inventory": False}, None),
        ({"track_inventory": True, "location_overrides": [{"location_id": "L1", "track_inventory": False}]}, None),
        ({"track_inventory": False, "location_overrides": [{"location_id": "L1", "track_inventory": True}]}, 4),
        ({"track_inventory": False, "location_overrides": [{"location_id": "L2", "track_inventory": True}]}, None),
        ({"track_inventory": False, "location_overrides": [{"location_id": "L1", "sold_out": True}]}, None),
        ({"track_inventory": True, "location_overrides": "a string"}, 4),
    ],
    ids=str,
)
def test_only_what_is_tracked_counts(data: dict[str, Any], inventory: int | None) -> None:
    assert product(item(variation(**data)), count())["inventory"] == inventory


def test_the_newest_count_of_a_place() -> None:
    older = count(quantity="9", calculated_at="2026-06-29T12:00:00Z")
    assert product(item(variation()), count(), older)["inventory"] == 4
    assert product(item(variation()), older, count())["inventory"] == 4


@pytest.mark.parametrize("state", ["SOLD", "WASTE", "IN_TRANSIT", "", None])
def test_what_is_not_in_stock(state: str | None) -> None:
    assert count_row({**COUNT, "state": state}) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"quantity": "many"}, "quantity is no number"),
        ({"quantity": 4}, "quantity is missing or no text"),
        ({"quantity": "Infinity"}, "quantity is no number"),
        ({"catalog_object_id": None}, "catalog_object_id is missing or no text"),
        ({"location_id": ""}, "location_id is missing or no text"),
        ({"calculated_at": "yesterday"}, "calculated_at is no time"),
    ],
    ids=str,
)
def test_a_count_that_is_none(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unfit, match=reason):
        count_row({**COUNT, **changes})


# --- attributes


def test_attributes_by_name() -> None:
    named = Named.of([object_row(definition("D1", U1="Calm", U2="Sleep"))])
    values = {
        "b": {"name": "Vegan", "type": "BOOLEAN", "boolean_value": False},
        "a": {"name": "Strain", "type": "STRING", "string_value": "Haze"},
        "c": {"name": "CBD", "type": "NUMBER", "number_value": "12.50"},
        "d": {"name": "Effect", "type": "SELECTION", "selection_uid_values": ["U2", "U1", "U9"]},
        "e": {"type": "STRING", "string_value": "no name"},
        "f": {"name": "Broken", "type": "NUMBER", "number_value": "much"},
        "g": {"name": "Endless", "type": "NUMBER", "number_value": "NaN"},
        "h": {"name": "Empty"},
        "i": "a string",
    }
    found = product(item(custom_attribute_values=values), named=named)["attributes"]
    assert list(found.items()) == [
        ("Strain", "Haze"),
        ("Vegan", False),
        ("CBD", Decimal("12.50")),
        ("Effect", ["Sleep", "Calm", "U9"]),
        ("e", "no name"),
    ]


@pytest.mark.parametrize("values", [None, {}, [], "a string"], ids=str)
def test_no_attributes(values: Any) -> None:
    assert product(item(custom_attribute_values=values))["attributes"] == {}


def definition(object_id: str, **choices: str) -> dict[str, Any]:
    allowed = [{"uid": uid, "name": name} for uid, name in choices.items()]
    data = {"name": "Effect", "selection_config": {"allowed_selections": [*allowed, {"uid": 1}, None]}}
    about = {"type": "CUSTOM_ATTRIBUTE_DEFINITION", "id": object_id, "updated_at": AT}
    return {**about, "custom_attribute_definition_data": data}


def test_what_items_point_to() -> None:
    about = {"updated_at": AT}
    objects = [
        {"type": "CATEGORY", "id": "C1", "category_data": {"name": "Teas"}, **about},
        {"type": "CATEGORY", "id": "C2", "category_data": {"name": None}, **about},
        {"type": "CATEGORY", "id": "C3", **about},
        {"type": "IMAGE", "id": "IM1", "image_data": {"url": "https://items.example.com/1.jpg"}, **about},
        {"type": "IMAGE", "id": "IM2", "image_data": {"name": "still uploading"}, **about},
        {"type": "CUSTOM_ATTRIBUTE_DEFINITION", "id": "D2", "custom_attribute_definition_data": {"name": "N"}, **about},
        definition("D1", U1="Calm"),
    ]
    assert Named.of(object_row(record) for record in objects) == Named(
        {"C1": "Teas"}, {"IM1": "https://items.example.com/1.jpg"}, {"U1": "Calm"}
    )
