"""Square's catalogue objects and stock counts as products. Field names as in Square's OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from shared.integrations.records import mapping, moment, optional_text, required_text
from shared.integrations.square_rows import first_variation, item_row, quantity
from shared.pos import rules
from shared.pos.models import Row

ITEM, CATEGORY, IMAGE, DEFINITION = "ITEM", "CATEGORY", "IMAGE", "CUSTOM_ATTRIBUTE_DEFINITION"
TYPES = (ITEM, CATEGORY, IMAGE, DEFINITION)
IN_STOCK = "IN_STOCK"
# Variation → location → how many there are.
Stock = Mapping[str, Mapping[str, Decimal]]


def object_row(record: Mapping[str, Any]) -> Row:
    """What every object has, and the object."""
    return {
        "id": required_text(record, "id"),
        "type": required_text(record, "type"),
        "updated_at": moment(record, "updated_at"),
        "record": record,
    }


def count_row(record: Mapping[str, Any]) -> Row | None:
    """What is in stock of a variation at a location; None for what was sold, wasted or is under way."""
    if record.get("state") != IN_STOCK:
        return None
    variation, location = required_text(record, "catalog_object_id"), required_text(record, "location_id")
    units = Decimal(quantity(record))
    return {"id": (variation, location), "units": units, "updated_at": moment(record, "calculated_at")}


def stock_of(counts: Iterable[Row]) -> Stock:
    found: dict[str, dict[str, Decimal]] = {}
    for row in rules.newest(counts):
        variation, location = row["id"]
        found.setdefault(variation, {})[location] = row["units"]
    return found


@dataclass(frozen=True)
class Named:
    """What items only point to: id → category's name, id → image's URL, uid → name of what can be chosen."""

    categories: Mapping[str, str]
    images: Mapping[str, str]
    choices: Mapping[str, str]

    @classmethod
    def of(cls, objects: Iterable[Row]) -> Named:
        known = list(objects)
        return cls(
            dict(_texts(known, CATEGORY, "category_data", "name")),
            dict(_texts(known, IMAGE, "image_data", "url")),
            dict(_choices(known)),
        )


def product_row(record: Mapping[str, Any], named: Named, stock: Stock) -> Row | None:
    """None for what is not for sale. Raises `Unfit`."""
    row = item_row(record, named.categories)
    if not row["available"]:
        return None
    data = mapping(record.get("item_data") or {}, "item_data")
    price = first_variation(data).get("price_money")
    images = (named.images.get(str(image)) for image in _list(data, "image_ids"))
    return {
        **{name: row[name] for name in ("id", "name", "description", "price", "sku", "category", "updated_at")},
        "currency": optional_text(price, "currency") if price else None,
        "image": next((url for url in images if url), None),
        "inventory": _inventory(data, stock),
        "attributes": dict(_attributes(record, named.choices)),
    }


def _inventory(data: Mapping[str, Any], stock: Stock) -> int | Decimal | None:
    """None when nothing is counted: a variation that is not tracked any more keeps the count that it had then."""
    counted = [
        units
        for variation in _objects(data, "variations")
        for location, units in stock.get(str(variation.get("id")), {}).items()
        if _tracked(variation.get("item_variation_data"), location)
    ]
    if not counted:
        return None
    total = sum(counted, Decimal(0))
    return int(total) if total == total.to_integral_value() else total.normalize()


def _tracked(variation: Any, location: str) -> bool:
    """A location may have another setting than the variation; without any, a count is a count."""
    if not isinstance(variation, dict):
        return False
    own = (o for o in _objects(variation, "location_overrides") if o.get("location_id") == location)
    settings = (found.get("track_inventory") for found in (*own, variation))
    return next((setting for setting in settings if isinstance(setting, bool)), True)


def _attributes(record: Mapping[str, Any], choices: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """By name, always in the same order: else the same catalogue would have another ETag."""
    values = record.get("custom_attribute_values")
    for key, value in sorted(values.items()) if isinstance(values, dict) else ():
        found = _value(value, choices) if isinstance(value, dict) else None
        if found is not None:
            yield str(value.get("name") or key), found


def _value(value: Mapping[str, Any], choices: Mapping[str, str]) -> Any:
    """Of a custom attribute: text, number, boolean, or the names of what was chosen. None for anything else."""
    if isinstance(value.get("boolean_value"), bool):
        return value["boolean_value"]
    if isinstance(value.get("string_value"), str):
        return value["string_value"]
    if isinstance(value.get("selection_uid_values"), list):
        return [choices.get(str(uid), str(uid)) for uid in value["selection_uid_values"]]
    try:
        number = Decimal(str(value.get("number_value")))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _texts(objects: Iterable[Row], kind: str, place: str, name: str) -> Iterator[tuple[str, str]]:
    for row in objects:
        data = row["record"].get(place)
        if row["type"] == kind and isinstance(data, dict) and isinstance(data.get(name), str):
            yield row["id"], data[name]


def _choices(objects: Iterable[Row]) -> Iterator[tuple[str, str]]:
    for row in objects:
        data = row["record"].get("custom_attribute_definition_data")
        config = data.get("selection_config") if row["type"] == DEFINITION and isinstance(data, dict) else None
        for choice in _objects(config, "allowed_selections") if isinstance(config, dict) else ():
            if isinstance(choice.get("uid"), str) and isinstance(choice.get("name"), str):
                yield choice["uid"], choice["name"]


def _list(data: Mapping[str, Any], name: str) -> list[Any]:
    found = data.get(name)
    return found if isinstance(found, list) else []


def _objects(data: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    return [found for found in _list(data, name) if isinstance(found, dict)]
