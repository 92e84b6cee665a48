"""Square for the sync: payments, completed orders' lines, catalogue and customers, all pages of all locations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from threading import Lock
from typing import Any

from shared.integrations import records
from shared.integrations.square_api import Found, SquareApi, check_location, of_type
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
from shared.platform.clock import wire_time
from shared.platform.context import Platform
from shared.pos.models import CREATED, LIVE, Page, Row, Slice, Stream

# ListPayments begins a year ago when it is not told; nothing is older than this.
BEGINNING = "2009-01-01T00:00:00.000Z"
ORDERS_A_PAGE = 500
CANCELED = "CANCELED"
OTHERS_A_PAGE = 100


class Square:
    """The account of SQUARE_ACCESS_TOKEN. One object serves one run: what it looked up once it does not ask again."""

    name = "square"
    mode = LIVE
    streams = (PAYMENTS, ORDER_LINES, ITEMS, CUSTOMERS)

    def __init__(self, platform: Platform) -> None:
        self._api = SquareApi(platform)
        self._looking_up = Lock()

    def locations(self, stream: Stream) -> Sequence[str]:
        with self._looking_up:
            return self._locations

    def read(self, stream: Stream, part: Slice) -> Iterator[Page]:
        if stream is PAYMENTS:
            return self._payments(part)
        return self._order_lines(part)

    def changed(self, stream: Stream, part: Slice) -> Iterator[Page]:
        # Square takes catalogue changes after `begin_time`, customers' from `start_at` on.
        if stream is ITEMS:
            after = wire_time(part.start - timedelta(milliseconds=1))
            body = {"object_types": ["ITEM"], "begin_time": after, "include_deleted_objects": True}
            return self._items(self._api.post("/v2/catalog/search", body, "objects"))
        return self._customers(self._api.post("/v2/customers/search", _customer_search(part), "customers"))

    def listed(self, stream: Stream) -> Iterator[Page]:
        if stream is ITEMS:
            return self._items(self._api.get("/v2/catalog/list", {"types": "ITEM"}, "objects"))
        return self._customers(self._api.get("/v2/customers", {"limit": OTHERS_A_PAGE}, "customers"))

    def objects(self, stream: Stream, ids: Sequence[str]) -> Iterator[Page]:
        """Payments, as their webhooks name them."""
        for payment_id in ids:
            reply = self._api.send("GET", f"/v2/payments/{payment_id}", missing_is_fine=True)
            if reply.status == 200:
                yield records.page([reply.body.get("payment")], payment_row)

    def _payments(self, part: Slice) -> Iterator[Page]:
        start, end = wire_time(part.start), wire_time(part.end)
        query: dict[str, Any] = {"location_id": part.location, "limit": OTHERS_A_PAGE, "sort_order": "ASC"}
        if part.by == CREATED:
            query |= {"begin_time": start, "end_time": end, "sort_field": "CREATED_AT"}
        else:
            query |= {"updated_at_begin_time": start, "updated_at_end_time": end, "sort_field": "UPDATED_AT"}
            query |= {"begin_time": BEGINNING, "end_time": end}
        for found in self._api.get("/v2/payments", query, "payments"):
            page = records.page(found.records, payment_row, retries=found.retries)
            check_location(page.rows, part.location)
            yield page

    def _order_lines(self, part: Slice) -> Iterator[Page]:
        by = "CREATED_AT" if part.by == CREATED else "UPDATED_AT"
        body = {
            "location_ids": [part.location],
            "limit": ORDERS_A_PAGE,
            "query": {
                "filter": {
                    "date_time_filter": {by.lower(): _between(part.start, part.end)},
                    # An order can be edited until it is completed, and counts from then on, unless it is canceled.
                    "state_filter": {"states": ["COMPLETED", CANCELED]},
                },
                "sort": {"sort_field": by, "sort_order": "ASC"},
            },
        }
        for found in self._api.post("/v2/orders/search", body, "orders"):
            page = self._lines(found)
            check_location([*page.rows, *page.gone], part.location)
            yield page

    def _lines(self, orders: Found) -> Page:
        with self._looking_up:
            items = self._item_of_variation
        rows: list[Row] = []
        gone: list[Row] = []

        def add(record: Mapping[str, Any]) -> None:
            lines = list(order_lines(record, items))
            (gone if record.get("state") == CANCELED else rows).extend(lines)

        rejects = records.page(orders.records, add).rejects
        return Page(rows, rejects, orders.retries, gone)

    def _items(self, pages: Iterator[Found]) -> Iterator[Page]:
        with self._looking_up:
            categories = self._categories
        for found in pages:
            items = of_type(found.records, "ITEM")
            yield records.page(items, lambda record: item_row(record, categories), retries=found.retries)

    def _customers(self, pages: Iterator[Found]) -> Iterator[Page]:
        for found in pages:
            yield records.page(found.records, customer_row, retries=found.retries)

    @cached_property
    def _locations(self) -> Sequence[str]:
        return self._api.locations()

    @cached_property
    def _categories(self) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for page in self._api.get("/v2/catalog/list", {"types": "CATEGORY"}, "objects"):
            for category in _objects(page.records, "CATEGORY"):
                data = category.get("category_data")
                if isinstance(data, dict) and isinstance(data.get("name"), str):
                    found[str(category.get("id"))] = data["name"]
        return found

    @cached_property
    def _item_of_variation(self) -> Mapping[str, str]:
        """Of deleted items too: they were sold when they were there."""
        found: dict[str, str] = {}
        body = {"object_types": ["ITEM"], "include_deleted_objects": True}
        for page in self._api.post("/v2/catalog/search", body, "objects"):
            for item in _objects(page.records, "ITEM"):
                found |= {variation: str(item.get("id")) for variation in variations(item)}
        return found


def _objects(objects: Sequence[Any], kind: str) -> list[dict[str, Any]]:
    return [found for found in of_type(objects, kind) if isinstance(found, dict)]


def _between(start: datetime, end: datetime) -> dict[str, str]:
    return {"start_at": wire_time(start), "end_at": wire_time(end)}


def _customer_search(part: Slice) -> dict[str, Any]:
    query = {
        "filter": {"updated_at": _between(part.start, part.end)},
        "sort": {"field": "CREATED_AT", "order": "ASC"},
    }
    return {"limit": OTHERS_A_PAGE, "query": query}
