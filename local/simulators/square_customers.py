"""Customers: searched, listed, retrieved. A deleted one is not there any more, and nothing says that it was."""

from __future__ import annotations

import json
from typing import Any

from local.simulators import square_errors as errors
from local.simulators.database import Database, Row
from local.simulators.messages import Answer, Request
from local.simulators.square_pages import Listing, Pager
from local.simulators.square_shop import CUSTOMER, Ids, wire

COLUMNS = "number, created, updated, version, given, family, email, phone"
FIELDS = ("given_name", "family_name", "email_address", "phone_number")
SEARCH_BODY = {"query", "limit", "cursor", "count"}
RANGES = {"created_at": "created", "updated_at": "updated"}
# DEFAULT is by name at Square; nobody should rely on it, so here it is by number.
SORTS = {"CREATED_AT": "created", "DEFAULT": "number"}


class SquareCustomers:
    def __init__(self, database: Database, pager: Pager) -> None:
        self.ids = Ids(0)
        self._database = database
        self._pager = pager

    def list_customers(self, request: Request) -> Answer:
        query = errors.query(request, ("cursor", "limit", "sort_field", "sort_order", "count"))
        sort = {"field": query.get("sort_field"), "order": query.get("sort_order")}
        return self._page(request, self._listing({n: v for n, v in sort.items() if v}), query)

    def search(self, request: Request) -> Answer:
        asked = errors.body(request, SEARCH_BODY)
        query = errors.known(asked.get("query"), ("filter", "sort"), "query")
        listing = self._listing(errors.known(query.get("sort"), ("field", "order"), "sort"))
        for name, given in errors.known(query.get("filter"), RANGES, "filter").items():
            times = errors.known(given, ("start_at", "end_at"), name)
            listing.between(RANGES[name], *errors.span(times, "start_at", "end_at"))
        return self._page(request, listing, asked)

    def get_customer(self, _: Request, customer_id: str) -> Answer:
        row = self.row(customer_id)
        if row is None:
            errors.no_such("customer", customer_id)
        return Answer(200, f'{{"customer":{self.customer(row)}}}'.encode())

    def row(self, customer_id: str) -> Row | None:
        number = self.ids.number(CUSTOMER, customer_id)
        return self._database.row(f"SELECT {COLUMNS} FROM customers WHERE number = ?", (number,))

    def customer(self, row: Row) -> str:
        number, created, updated, version, *texts = row
        found = {name: text for name, text in zip(FIELDS, texts, strict=True) if text is not None}
        about = {"id": self.ids.of(CUSTOMER, number), "created_at": wire(created), "updated_at": wire(updated)}
        more = {"preferences": {"email_unsubscribed": False}, "creation_source": "DIRECTORY", "version": version}
        return json.dumps({**about, **found, **more}, ensure_ascii=False)

    def _listing(self, sort: dict[str, Any]) -> Listing:
        field = errors.choice(sort.get("field"), "field", SORTS, "DEFAULT")
        order = errors.choice(sort.get("order"), "order", ("ASC", "DESC"), "ASC", "INVALID_SORT_ORDER")
        return Listing("customers", COLUMNS, self.customer, self._older, sort=SORTS[field], descending=order == "DESC")

    def _older(self, row: Row) -> str:
        return self.customer((row[0], row[1], row[2] - 1, row[3] - 1, row[4], "(old)", *row[6:]))

    def _page(self, request: Request, listing: Listing, asked: dict[str, Any]) -> Answer:
        cursor = asked.pop("cursor", None)
        size = errors.limit(asked.get("limit"), 100, beyond_is_refused=True)
        return Answer(200, self._pager.page(request, listing, size, cursor, asked).body("customers"))
