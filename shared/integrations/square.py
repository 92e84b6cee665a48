"""Square's API: payments, completed orders' lines, catalogue and customers, all pages of all locations.

Source: Square's OpenAPI document (github.com/square/connect-api-specification); what the code relies on is told in
docs/square.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from threading import Lock
from typing import Any

from shared.integrations import records
from shared.integrations.http_client import ProviderSession, Reply
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
from shared.pos.errors import AuthFailed, CursorExpired, SourceRefused, SuddenlyEmpty
from shared.pos.models import CREATED, LIVE, Page, Row, Slice, Stream

# A published version whose ListPayments filters by updated_at.
SQUARE_VERSION = "2026-09-16"
# ListPayments begins a year ago when it is not told; nothing is older than this.
BEGINNING = "2009-01-01T00:00:00.000Z"
ORDERS_A_PAGE = 500
OTHERS_A_PAGE = 100


@dataclass(frozen=True)
class Found:
    """The records of one page, and how many tries came before it was answered."""

    records: Sequence[Any]
    retries: int


class Square:
    """The account of SQUARE_ACCESS_TOKEN. One object serves one run: what it looked up once it does not ask again."""

    name = "square"
    mode = LIVE
    streams = (PAYMENTS, ORDER_LINES, ITEMS, CUSTOMERS)

    def __init__(self, platform: Platform) -> None:
        settings = platform.settings
        self._base = settings.square_url.rstrip("/")
        self._headers = {
            "Authorization": f"Bearer {settings.require('SQUARE_ACCESS_TOKEN')}",
            "Square-Version": SQUARE_VERSION,
        }
        self._session = ProviderSession(
            "square", platform.clock, platform.ids, max(1, settings.square_rate), max(1, settings.square_parallel)
        )
        self._looking_up = Lock()
        self._refused: AuthFailed | None = None

    def locations(self, stream: Stream) -> Sequence[str]:
        """Every location, the inactive ones too: they have a past."""
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
            return self._items(self._post("/v2/catalog/search", body, "objects"))
        return self._customers(self._post("/v2/customers/search", _customer_search(part), "customers"))

    def listed(self, stream: Stream) -> Iterator[Page]:
        if stream is ITEMS:
            return self._items(self._get("/v2/catalog/list", {"types": "ITEM"}, "objects"))
        return self._customers(self._get("/v2/customers", {"limit": OTHERS_A_PAGE}, "customers"))

    def objects(self, stream: Stream, ids: Sequence[str]) -> Iterator[Page]:
        """Payments, as their webhooks name them."""
        for payment_id in ids:
            reply = self._send("GET", f"/v2/payments/{payment_id}", missing_is_fine=True)
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
        for found in self._get("/v2/payments", query, "payments"):
            page = records.page(found.records, payment_row, retries=found.retries)
            _check_location(page.rows, part.location)
            yield page

    def _order_lines(self, part: Slice) -> Iterator[Page]:
        by = "CREATED_AT" if part.by == CREATED else "UPDATED_AT"
        body = {
            "location_ids": [part.location],
            "limit": ORDERS_A_PAGE,
            "query": {
                "filter": {
                    "date_time_filter": {by.lower(): _between(part.start, part.end)},
                    # An order can be edited until it is completed, and counts from then on.
                    "state_filter": {"states": ["COMPLETED"]},
                },
                "sort": {"sort_field": by, "sort_order": "ASC"},
            },
        }
        for found in self._post("/v2/orders/search", body, "orders"):
            page = self._lines(found)
            _check_location(page.rows, part.location)
            yield page

    def _lines(self, orders: Found) -> Page:
        with self._looking_up:
            items = self._item_of_variation
        rows: list[Row] = []

        def add(record: Mapping[str, Any]) -> None:
            rows.extend(list(order_lines(record, items)))

        rejects = records.page(orders.records, add).rejects
        return Page(rows, rejects, orders.retries)

    def _items(self, pages: Iterator[Found]) -> Iterator[Page]:
        with self._looking_up:
            categories = self._categories
        for found in pages:
            items = _of_type(found.records, "ITEM")
            yield records.page(items, lambda record: item_row(record, categories), retries=found.retries)

    def _customers(self, pages: Iterator[Found]) -> Iterator[Page]:
        for found in pages:
            yield records.page(found.records, customer_row, retries=found.retries)

    @cached_property
    def _locations(self) -> Sequence[str]:
        reply = self._send("GET", "/v2/locations")
        found = [place.get("id") for place in _list(reply.body, "locations") if isinstance(place, dict)]
        if not found:
            raise SuddenlyEmpty("Square lists no location. Check the token's account and its MERCHANT_PROFILE_READ.")
        return tuple(str(place) for place in found if place)

    @cached_property
    def _categories(self) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for page in self._get("/v2/catalog/list", {"types": "CATEGORY"}, "objects"):
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
        for page in self._post("/v2/catalog/search", body, "objects"):
            for item in _objects(page.records, "ITEM"):
                found |= {variation: str(item.get("id")) for variation in variations(item)}
        return found

    def _get(self, path: str, query: Mapping[str, Any], key: str) -> Iterator[Found]:
        return self._paged(key, lambda cursor: self._send("GET", path, params={**query, **cursor}))

    def _post(self, path: str, body: Mapping[str, Any], key: str) -> Iterator[Found]:
        return self._paged(key, lambda cursor: self._send("POST", path, json={**body, **cursor}))

    def _paged(self, key: str, ask: Any) -> Iterator[Found]:
        """Page after page, until there is no cursor: a page may be short, or empty, and not be the last."""
        cursor: dict[str, str] = {}
        while True:
            reply = ask(cursor)
            yield Found(_list(reply.body, key), reply.retries)
            following = reply.body.get("cursor")
            if not following:
                return
            if following == cursor.get("cursor"):
                raise SourceRefused("Square gave the same cursor twice, which would never end.")
            cursor = {"cursor": following}

    def _send(self, method: str, path: str, *, missing_is_fine: bool = False, **content: Any) -> Reply:
        if self._refused:
            raise self._refused  # once is enough: the other streams need not ask again
        reply = self._session.send(method, self._base + path, headers=self._headers, **content)
        if reply.status == 200 and isinstance(reply.body, dict):
            return reply
        if reply.status == 404 and missing_is_fine:
            return reply
        failure = _failure(path, reply)
        if isinstance(failure, AuthFailed):
            self._refused = failure
        raise failure


def _failure(path: str, reply: Reply) -> Exception:
    code, detail = _first_error(reply.body)
    if reply.status == 401:
        return AuthFailed(
            f"Square refuses the access token ({code}). Put a valid one into SQUARE_ACCESS_TOKEN, see docs/square.md."
        )
    if code == "INVALID_CURSOR":
        return CursorExpired(path)
    hint = " Grant the token the missing scope, see docs/square.md." if reply.status == 403 else ""
    return SourceRefused(f"Square answered {path} with {reply.status} {code}: {detail}.{hint}")


def _first_error(body: Any) -> tuple[str, str]:
    errors = body.get("errors") if isinstance(body, dict) else None
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    return str(first.get("code", "without a code")), str(first.get("detail", "no detail"))[:200].rstrip(".")


def _list(body: Any, key: str) -> Sequence[Any]:
    """A missing key is an empty list."""
    found = body.get(key) or []
    if not isinstance(found, list):
        raise SourceRefused(f"Square's `{key}` is no list.")
    return found


def _of_type(objects: Sequence[Any], kind: str) -> list[Any]:
    """Objects of another type are none of ours; what is no object at all stays, to be rejected."""
    return [found for found in objects if not isinstance(found, dict) or found.get("type", kind) == kind]


def _objects(objects: Sequence[Any], kind: str) -> list[dict[str, Any]]:
    return [found for found in _of_type(objects, kind) if isinstance(found, dict)]


def _check_location(rows: Sequence[Row], location: str) -> None:
    """Else the sales of a location that is never answered would be missing, and nobody would know."""
    other = next((row["location_id"] for row in rows if row["location_id"] != location), None)
    if other is not None:
        raise SourceRefused(f"Square was asked for location {location} and answered with location {other}.")


def _between(start: datetime, end: datetime) -> dict[str, str]:
    return {"start_at": wire_time(start), "end_at": wire_time(end)}


def _customer_search(part: Slice) -> dict[str, Any]:
    query = {
        "filter": {"updated_at": _between(part.start, part.end)},
        "sort": {"field": "CREATED_AT", "order": "ASC"},
    }
    return {"limit": OTHERS_A_PAGE, "query": query}
