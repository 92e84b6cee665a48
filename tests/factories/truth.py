"""What the simulated tills say, read page after page over their public APIs: the truth behind the figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import requests

from local.simulators.lightspeed_data import ACCOUNT
from local.simulators.square_shop import TOKEN

SECONDS = 30
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Square-Version": "2026-09-16"}
BEGINNING = "2009-01-01T00:00:00Z"
RELATIONS = '["Category", "ItemShops", "ItemECommerce"]'
Record = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Sale:
    """Net cents. `counted`: it is completed; `sold`: it is a transaction, and not the giving back of an earlier one."""

    source: str
    id: str
    cents: int
    at: datetime
    customer: str | None
    counted: bool
    sold: bool = True


@dataclass(frozen=True, kw_only=True)
class Line:
    """Of a completed order. `item` is empty for what is not in the catalogue."""

    item: str
    name: str
    units: Decimal
    cents: int
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Product:
    """Something for sale; `price` in cents."""

    id: str
    name: str | None
    description: str | None
    price: int | None
    sku: str | None
    category: str | None
    updated_at: datetime


@dataclass(frozen=True)
class Truth:
    """All there is. `names`: of the items of the catalogue as it is now."""

    sales: list[Sale] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    products: list[Product] = field(default_factory=list)


class SquareTill:
    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.headers.update(HEADERS)
        self._locations = [place["id"] for place in self.listed("/v2/locations", "locations")]

    def truth(self) -> Truth:
        items = list(self._post("/v2/catalog/search", "objects", object_types=["ITEM"], include_deleted_objects=True))
        listed = [item for item in items if not item["is_deleted"]]
        names = {item["id"]: item["item_data"]["name"] for item in listed}
        return Truth(list(self._sales()), list(self._lines(items)), names, list(self._products(listed)))

    def _sales(self) -> Iterator[Sale]:
        for location in self._locations:
            query = {"location_id": location, "begin_time": BEGINNING, "limit": 100}
            for payment in self.listed("/v2/payments", "payments", **query):
                yield Sale(
                    source="square",
                    id=payment["id"],
                    cents=payment["amount_money"]["amount"] - payment.get("refunded_money", {"amount": 0})["amount"],
                    at=datetime.fromisoformat(payment["created_at"]),
                    customer=payment.get("customer_id"),
                    counted=payment["status"] == "COMPLETED",
                )

    def _lines(self, items: list[Record]) -> Iterator[Line]:
        item_of = {v["id"]: item["id"] for item in items for v in item["item_data"]["variations"]}
        for order in self._post("/v2/orders/search", "orders", location_ids=self._locations):
            for line in order["line_items"] if order["state"] == "COMPLETED" else []:
                yield Line(
                    item=item_of.get(line.get("catalog_object_id"), ""),
                    name=line.get("name", ""),
                    units=Decimal(line["quantity"]),
                    cents=line["gross_sales_money"]["amount"],
                    at=datetime.fromisoformat(order["created_at"]),
                )

    def _products(self, items: list[Record]) -> Iterator[Product]:
        categories = {
            found["id"]: found["category_data"]["name"]
            for found in self.listed("/v2/catalog/list", "objects", types="CATEGORY")
        }
        for item in items:
            data = item["item_data"]
            first = data["variations"][0]["item_variation_data"]
            somewhere = item["present_at_all_locations"] or item.get("present_at_location_ids")
            if somewhere and not data["is_archived"]:
                yield Product(
                    id=item["id"],
                    name=data["name"],
                    description=data["description_plaintext"],
                    price=first.get("price_money", {"amount": None})["amount"],
                    sku=first["sku"],
                    category=categories.get(data.get("reporting_category", {}).get("id")),
                    updated_at=datetime.fromisoformat(item["updated_at"]),
                )

    def listed(self, path: str, key: str, **query: Any) -> Iterator[Record]:
        """All pages of a list."""
        return self._pages(key, lambda cursor: self._session.get(self._url + path, params=query | cursor))

    def _post(self, path: str, key: str, **body: Any) -> Iterator[Record]:
        return self._pages(key, lambda cursor: self._session.post(self._url + path, json=body | cursor))

    def _pages(self, key: str, ask: Any) -> Iterator[Record]:
        cursor: dict[str, str] = {}
        while True:
            page = _body(ask(cursor))
            yield from page.get(key, [])
            if "cursor" not in page:
                return
            cursor = {"cursor": page["cursor"]}


class LightspeedTill:
    """`token`: an access token. A refresh of our own would end the one that the sync has."""

    def __init__(self, url: str, token: str) -> None:
        self._base = f"{url}/API/V3/Account/{ACCOUNT}"
        self._session = requests.Session()
        self._session.headers.update({"Authorization": f"Bearer {token}"})

    def truth(self) -> Truth:
        return Truth(sales=list(self._sales()), products=list(self._products()))

    def _sales(self) -> Iterator[Sale]:
        for sale in self._pages("Sale", archived="true"):
            total = cents(sale["calcTotal"])
            yield Sale(
                source="lightspeed",
                id=sale["saleID"],
                cents=total,
                at=datetime.fromisoformat(sale["createTime"]),
                customer=sale["customerID"] if sale["customerID"] != "0" else None,
                counted=sale["completed"] == "true" and sale["voided"] == "false",
                sold=total >= 0,
            )

    def _products(self) -> Iterator[Product]:
        for item in self._pages("Item", archived="false", load_relations=RELATIONS):
            prices = _children(item["Prices"], "ItemPrice")
            moments = [item["timeStamp"], *(s["timeStamp"] for s in _children(item.get("ItemShops"), "ItemShop"))]
            yield Product(
                id=item["itemID"],
                name=item["description"],
                description=(item.get("ItemECommerce") or {}).get("longDescription"),
                price=cents(next(p["amount"] for p in prices if p["useType"] == "Default")),
                sku=None,
                category=(item.get("Category") or {}).get("name"),
                updated_at=max(datetime.fromisoformat(moment) for moment in moments),
            )

    def _pages(self, entity: str, **query: Any) -> Iterator[Record]:
        page = _body(self._session.get(f"{self._base}/{entity}.json", params={"limit": 100, **query}))
        while True:
            yield from _children(page, entity)
            following = page["@attributes"].get("next")
            if not following:
                return
            page = _body(self._session.get(following))


def cents(dollars: str) -> int:
    return int((Decimal(dollars) * 100).quantize(Decimal(1), ROUND_HALF_UP))


def _children(parent: Any, kind: str) -> list[Record]:
    found = (parent or {}).get(kind) or []
    return found if isinstance(found, list) else [found]


def _body(reply: requests.Response) -> Record:
    assert reply.status_code == 200, reply.text
    body: Record = reply.json()
    return body
