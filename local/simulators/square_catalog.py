"""Items, categories and images, and the stock of their variations."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from local.simulators import square_errors as errors
from local.simulators import square_item_quirks as quirks
from local.simulators.database import Database, Row
from local.simulators.messages import Answer, Request
from local.simulators.square_pages import Listing, Page, Pager
from local.simulators.square_shop import (
    CATEGORIES,
    CATEGORY,
    IMAGE,
    ITEM,
    LOCATIONS,
    VARIATION,
    VARIATION_NAMES,
    Ids,
    item_name,
    mixed,
    price,
    variation_count,
    variation_number,
    wire,
)
from local.simulators.traps import Traps

COLUMNS = "number, type, updated, deleted, data"
PREFIXES = {"ITEM": ITEM, "CATEGORY": CATEGORY, "IMAGE": IMAGE}
DATA = {"ITEM": "item_data", "CATEGORY": "category_data", "IMAGE": "image_data"}
LIST_QUERY = {"types", "cursor", "catalog_version"}
SEARCH_BODY = {"object_types", "begin_time", "include_deleted_objects", "include_related_objects", "limit", "cursor"}
COUNTS_BODY = {"catalog_object_ids", "location_ids", "updated_after", "states", "cursor", "limit"}
IMAGES_FROM = 1_000_000


class SquareCatalog:
    def __init__(self, database: Database, traps: Traps, pager: Pager) -> None:
        self.ids = Ids(0)
        self._database = database
        self._traps = traps
        self._pager = pager

    def list_objects(self, request: Request) -> Answer:
        query = errors.query(request, LIST_QUERY)
        if "catalog_version" in query:
            errors.refuse("BAD_REQUEST", "The simulator keeps no former versions of the catalog.", "catalog_version")
        types = _types(query["types"].split(",") if "types" in query else None, "types")
        listing = self._listing(types)
        listing.where("deleted = 0")
        page = self._pager.page(request, listing, 100, query.pop("cursor", None), query)
        if quirks.DEFINITION in types and page.texts and not page.cursor:
            page = replace(page, texts=[*page.texts, json.dumps(quirks.definition())])
        return Answer(200, page.body("objects"))

    def search_objects(self, request: Request) -> Answer:
        asked = errors.body(request, SEARCH_BODY)
        listing = self._listing(_types(asked.get("object_types"), "object_types"))
        if not asked.get("include_deleted_objects"):
            listing.where("deleted = 0")
        begin = errors.moment(asked.get("begin_time"), "begin_time", after=True)
        if begin is not None:
            listing.where("updated > ?", begin)
        cursor = asked.pop("cursor", None)
        page = self._pager.page(request, listing, min(100, errors.limit(asked.get("limit"), 1000)), cursor, asked)
        related = self._related(page) if asked.get("include_related_objects") else []
        return Answer(200, page.body("objects", related_objects=related, latest_time=self._latest()))

    def stock(self, request: Request) -> Answer:
        """A count for each variation at each location; `limit` counts items."""
        asked = errors.body(request, COUNTS_BODY)
        variations = errors.texts(asked.get("catalog_object_ids"), "catalog_object_ids", 1000)
        locations = errors.texts(asked.get("location_ids"), "location_ids", 100) or list(LOCATIONS)
        states = errors.texts(asked.get("states"), "states", 20) or ["IN_STOCK"]
        listing = Listing("catalog", COLUMNS, lambda row: self._counts(row, variations, locations), lambda _: "")
        listing.where("type = 'ITEM' AND deleted = 0")
        if variations:
            numbers = (self.ids.number(VARIATION, variation) for variation in variations)
            items = sorted({number // 4 for number in numbers if number is not None})
            listing.where(f"number IN ({', '.join('?' * len(items))})", *items)
        after = errors.moment(asked.get("updated_after"), "updated_after", after=True)
        if after is not None:
            listing.where("updated > ?", after)
        if "IN_STOCK" not in states:
            listing.where("0")
        cursor = asked.pop("cursor", None)
        page = self._pager.page(request, listing, min(100, errors.limit(asked.get("limit"), 1000)), cursor, asked)
        counts = [text for text in page.texts if text]
        return Answer(200, Page(counts, page.cursor).body("counts"))

    def object_row(self, number: int | None) -> Row | None:
        return self._database.row(f"SELECT {COLUMNS} FROM catalog WHERE number = ?", (number,))

    def object(self, row: Row) -> dict[str, Any]:
        """A CatalogObject."""
        number, kind, updated, deleted, data = row
        about = {"updated_at": wire(updated), "version": updated, "is_deleted": bool(deleted)}
        content = json.loads(data)
        for variation in content.get("variations", ()):
            variation |= {**about, "present_at_all_locations": True}
        if kind == "ITEM":
            about |= {**quirks.presence(number), **quirks.attributes(number)}
        object_id = self.ids.of(PREFIXES[kind], number)
        return {"type": kind, "id": object_id, "present_at_all_locations": True, **about, DATA[kind]: content}

    def garbage(self) -> Iterator[str]:
        """The ids of the items that are broken on the wire now."""
        if n := int(self._traps["garbage"]):
            found = self._database.rows(
                "SELECT number FROM catalog WHERE type = 'ITEM' AND deleted = 0 AND number % ? = 0 ORDER BY number",
                (n,),
            )
            yield from (self.ids.of(ITEM, number) for (number,) in found)

    def _listing(self, types: list[str]) -> Listing:
        listing = Listing("catalog", COLUMNS, self._wire_object, self._older)
        listing.where(f"type IN ({', '.join('?' * len(types))})", *types)
        return listing

    def _wire_object(self, row: Row) -> str:
        found = self.object(row)
        if row[1] == "ITEM" and self._traps.is_garbage(row[0]):
            _break(found, row[0] // int(self._traps["garbage"]))
        return json.dumps(found, ensure_ascii=False)

    def _older(self, row: Row) -> str:
        """Before its last change: under another name, and not deleted."""
        found = self.object((row[0], row[1], row[2] - 60_000, 0, row[4]))
        found[DATA[row[1]]]["name"] = f"{found[DATA[row[1]]].get('name', '')} (old)"
        return json.dumps(found, ensure_ascii=False)

    def _related(self, page: Page) -> list[dict[str, Any]]:
        """The categories and images that the page's items point to."""
        wanted: set[int | None] = set()
        for row in page.rows:
            data = json.loads(row[-1])
            wanted |= {self.ids.number(CATEGORY, category["id"]) for category in data.get("categories", ())}
            wanted |= {self._image_number(image) for image in data.get("image_ids", ())}
        rows = (self.object_row(number) for number in sorted(number for number in wanted if number is not None))
        return [self.object(row) for row in rows if row]

    def _image_number(self, image_id: str) -> int | None:
        return self.ids.number(IMAGE, image_id)

    def _latest(self) -> str:
        found = self._database.row("SELECT max(updated) FROM catalog")
        return wire(found[0]) if found and found[0] is not None else ""

    def _counts(self, row: Row, variations: list[str], locations: list[str]) -> str:
        counts = []
        for variation in json.loads(row[4]).get("variations", ()):
            if (variations and variation["id"] not in variations) or quirks.never_counted(row[0]):
                continue
            for location in locations:
                quantity = quirks.quantity(row[0], mixed(row[0] * 8191 + hash_of(variation["id"] + location)))
                counts.append(
                    f'{{"catalog_object_id":"{variation["id"]}","catalog_object_type":"ITEM_VARIATION",'
                    f'"state":"IN_STOCK","location_id":"{location}","quantity":"{quantity}",'
                    f'"calculated_at":"{wire(row[2])}"}}'
                )
        return ",".join(counts)


def hash_of(text: str) -> int:
    """The same in every process, as `hash` is not."""
    return int.from_bytes(text.encode()[-16:])


def item_data(ids: Ids, number: int, seed: int, first_category: int) -> dict[str, Any]:
    """Of a seeded item: some are archived, some have a price that is typed in, some more than one variation."""
    category = ids.of(CATEGORY, first_category + number % len(CATEGORIES))
    return {
        "name": item_name(number),
        "description": f"<p>Item {number}</p>",
        "description_html": f"<p>Item {number}</p>",
        "description_plaintext": f"Item {number}",
        "categories": [{"id": category, "ordinal": 0}],
        "reporting_category": {"id": category, "ordinal": 0},
        "image_ids": [ids.of(IMAGE, IMAGES_FROM + number)] if number % 3 == 0 else [],
        "variations": [
            variation(ids, number, index, price(number, index, seed)) for index in range(variation_count(number))
        ],
        "product_type": "REGULAR",
        "is_archived": number % 33 == 5,
        "is_taxable": True,
    }


def variation(ids: Ids, item: int, index: int, cents: int | None) -> dict[str, Any]:
    """`cents` None: VARIABLE_PRICING."""
    fixed = {} if cents is None else {"price_money": {"amount": cents, "currency": "USD"}}
    data = {
        "item_id": ids.of(ITEM, item),
        "name": VARIATION_NAMES[index],
        "sku": f"SKU-{item}-{index}",
        "ordinal": index,
        "pricing_type": "FIXED_PRICING" if fixed else "VARIABLE_PRICING",
        **fixed,
        **quirks.tracking(item),
    }
    variation_id = ids.of(VARIATION, variation_number(item, index))
    return {"type": "ITEM_VARIATION", "id": variation_id, "item_variation_data": data}


def categories() -> Iterator[dict[str, Any]]:
    for name in CATEGORIES:
        yield {"name": name, "category_type": "REGULAR_CATEGORY", "is_top_level": True}


def image_data(item: int) -> dict[str, Any]:
    return {"name": f"item-{item}.jpg", "url": f"https://items.example.com/{item}.jpg", "caption": item_name(item)}


def _types(given: Any, field: str) -> list[str]:
    kinds = errors.texts(given, field, 20)
    for kind in kinds:
        errors.choice(kind.strip(), field, (*PREFIXES, quirks.DEFINITION), "")
    return [kind.strip() for kind in kinds] or list(PREFIXES)


def _break(item: dict[str, Any], kind: int) -> None:
    """So that no client can make a row of it."""
    priced: Mapping[str, Any] = item["item_data"]["variations"][0]["item_variation_data"].get("price_money")
    if kind % 4 == 0 and priced:
        item["item_data"]["variations"][0]["item_variation_data"]["price_money"] = {**priced, "amount": "twelve"}
    elif kind % 4 == 1:
        del item["id"]
    elif kind % 4 == 2:
        item["updated_at"] = None
    else:
        item["item_data"] = "a string"
