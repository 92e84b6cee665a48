"""POST /v2/orders/search and /v2/orders/batch-retrieve: an order for each payment, derived from it."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from local.simulators import square_errors as errors
from local.simulators.database import Database, Row
from local.simulators.messages import Answer, Request
from local.simulators.square_pages import Listing, Page, Pager
from local.simulators.square_shop import (
    CUSTOMER,
    LOCATIONS,
    ORDER,
    PAYMENT,
    SOURCES,
    VARIATION,
    VARIATION_NAMES,
    Ids,
    Line,
    item_name,
    lines,
    variation_number,
    wire,
)

COLUMNS = "number, location, created, updated, amount, tip, status, source, customer"
SEARCH_BODY = {"location_ids", "query", "limit", "cursor", "return_entries"}
STATES = ("OPEN", "COMPLETED", "CANCELED", "DRAFT")
SORTS = ("CREATED_AT", "UPDATED_AT", "CLOSED_AT")
RANGES = {"created_at": "created", "updated_at": "updated"}
ORDERS_A_PAGE = 500
BATCH = 100


class SquareOrders:
    """`ids` and `items` are replaced when another data set is seeded."""

    def __init__(self, database: Database, pager: Pager) -> None:
        self.ids = Ids(0)
        self.items = 0
        self._database = database
        self._pager = pager

    def search(self, request: Request) -> Answer:
        asked = errors.body(request, SEARCH_BODY)
        locations = errors.texts(asked.get("location_ids"), "location_ids", 10, required=True)
        query = errors.known(asked.get("query"), ("filter", "sort"), "query")
        wanted = errors.known(query.get("filter"), ("date_time_filter", "state_filter"), "query.filter")
        listing = Listing("payments", COLUMNS, self._order, self._older)
        listing.where(f"location IN ({_numbers(locations)})")
        self._states(listing, wanted.get("state_filter"))
        column = self._range(listing, wanted.get("date_time_filter"))
        self._sort(listing, query.get("sort"), column)
        cursor = asked.pop("cursor", None)
        size = errors.limit(asked.get("limit"), 1000, beyond_is_refused=True)
        size = ORDERS_A_PAGE if asked.get("limit") is None else min(size, ORDERS_A_PAGE)
        page = self._pager.page(request, listing, size, cursor, asked)
        return Answer(200, page.body("orders"))

    def retrieve(self, request: Request) -> Answer:
        """What is not there is left out."""
        asked = errors.body(request, ("order_ids", "location_id"))
        order_ids = errors.texts(asked.get("order_ids"), "order_ids", BATCH, required=True)
        numbers = (self.ids.number(ORDER, order_id) for order_id in order_ids)
        sql = f"SELECT {COLUMNS} FROM payments WHERE number = ?"
        found = (self._database.row(sql, (number,)) for number in numbers)
        return Answer(200, Page([self._order(row) for row in found if row]).body("orders"))

    def lines(self, payment: int, amount: int) -> list[Line]:
        return lines(payment, amount, self.ids.seed, self.items)

    def _states(self, listing: Listing, given: Any) -> None:
        states = errors.texts(errors.known(given, ("states",), "state_filter").get("states"), "states", 10)
        for state in states:
            errors.choice(state, "states", STATES, "")
        if states and ("COMPLETED" in states) != ("CANCELED" in states):
            listing.where(f"status {'=' if 'COMPLETED' in states else '<>'} 'COMPLETED'")
        elif states and "COMPLETED" not in states:
            listing.where("0")

    def _range(self, listing: Listing, given: Any) -> str:
        """The column that the time filter is on, or an empty text."""
        found = errors.known(given, RANGES, "date_time_filter")
        if len(found) > 1:
            errors.refuse("INVALID_VALUE", "Filter by one of created_at and updated_at.", "date_time_filter")
        name = next(iter(found), "")
        if name:
            listing.sort = RANGES[name]
            times = errors.known(found[name], ("start_at", "end_at"), name)
            listing.between(RANGES[name], *errors.span(times, "start_at", "end_at"))
        return RANGES.get(name, "")

    def _sort(self, listing: Listing, given: Any, column: str) -> None:
        found = errors.known(given, ("sort_field", "sort_order"), "sort")
        sort = errors.choice(found.get("sort_field"), "sort_field", SORTS, "CREATED_AT")
        order = errors.choice(found.get("sort_order"), "sort_order", ("ASC", "DESC"), "DESC", "INVALID_SORT_ORDER")
        wanted = {"CREATED_AT": "created", "UPDATED_AT": "updated"}.get(sort, "closed")
        if column and wanted != column:
            errors.refuse("BAD_REQUEST", f"`sort_field` {sort} is not the field of the date_time_filter.", "sort_field")
        listing.sort, listing.descending = ("updated" if wanted == "closed" else wanted), order == "DESC"

    def _order(self, row: Row, first_gross: int = 0) -> str:
        """`first_gross` is added to the first line, for a version that is not true."""
        number, location, created, updated, amount, tip, status, source, customer = row
        place, made, changed = LOCATIONS[location], wire(created), wire(updated)
        parts = [
            self._line(position, line, first_gross if position == 0 else 0)
            for position, line in enumerate(self.lines(number, amount))
        ]
        total = _money(amount + tip)
        buyer = f'"customer_id":"{self.ids.of(CUSTOMER, customer)}",' if customer else ""
        payment = self.ids.of(PAYMENT, number)
        return (
            f'{{"id":"{self.ids.of(ORDER, number)}","location_id":"{place}",{buyer}'
            f'"state":"{"COMPLETED" if status == "COMPLETED" else "CANCELED"}","created_at":"{made}",'
            f'"updated_at":"{changed}","closed_at":"{changed}",'
            f'"version":4,"line_items":[{",".join(parts)}],"total_money":{total},"total_tip_money":{_money(tip)},'
            f'"tenders":[{{"id":"{payment}","payment_id":"{payment}","location_id":"{place}",'
            f'"type":"{SOURCES[source][0]}","amount_money":{total},"created_at":"{made}"}}]}}'
        )

    def _older(self, row: Row) -> str:
        return self._order((*row[:3], row[3] - 1, *row[4:]), 1)

    def _line(self, position: int, line: Line, more: int) -> str:
        gross = _money(line.gross + more)
        about = _about(self.ids, line.item, line.variation)
        return (
            f'{{"uid":"line-{position}",{about}"quantity":"{line.quantity}","base_price_money":{_money(line.base)},'
            f'"gross_sales_money":{gross},"total_money":{gross},"variation_total_price_money":{gross}}}'
        )


@lru_cache(20_000)
def _about(ids: Ids, item: int, variation: int) -> str:
    """What is sold; nothing of the catalogue for a custom amount."""
    if item == 0:
        return '"item_type":"CUSTOM_AMOUNT",'
    sold = {
        "name": item_name(item),
        "catalog_object_id": ids.of(VARIATION, variation_number(item, variation)),
        "variation_name": VARIATION_NAMES[variation],
        "item_type": "ITEM",
    }
    return json.dumps(sold, ensure_ascii=False)[1:-1] + ","


def _numbers(locations: list[str]) -> str:
    for location in locations:
        if location not in LOCATIONS:
            errors.no_such("location", location)
    return ", ".join(str(LOCATIONS.index(location)) for location in set(locations))


def _money(cents: int) -> str:
    return f'{{"amount":{cents},"currency":"USD"}}'
