"""Square without credentials: a small shop of made-up records, the same for everybody on the same day."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

from shared.integrations.square_rows import CUSTOMERS, ITEMS, ORDER_LINES, PAYMENTS
from shared.platform.clock import Clock, wire_time
from shared.pos.catalogue import Catalogue, in_order
from shared.pos.models import CREATED, MOCK, MOCK_PREFIX, Page, Row, Slice, Stream

LOCATION = "mock-location"
PAYMENTS_A_DAY = 5
PRODUCTS, PEOPLE = 25, 20
MOST_IN_STOCK = 40
# When the shop of the mock opened: what is not dated is as old as this.
OPENED = datetime(2024, 1, 1, tzinfo=UTC)


class SquareMock:
    """Five payments at each day's noon (UTC) and after, one order line each, 25 items, 20 customers."""

    name = "square"
    mode = MOCK
    streams = (PAYMENTS, ORDER_LINES, ITEMS, CUSTOMERS)

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def locations(self, stream: Stream) -> Sequence[str]:
        return (LOCATION,)

    def read(self, stream: Stream, part: Slice) -> Iterator[Page]:
        # Nothing is ever changed: created and updated are one.
        end = min(part.end, self._clock.now())
        day = part.start.date()
        while datetime.combine(day, time(), UTC) < end:
            rows = [_sale(stream, day.isoformat(), number) for number in range(PAYMENTS_A_DAY)]
            yield Page([row for row in rows if wire_time(part.start) <= row["created_at"] < wire_time(end)])
            day += timedelta(days=1)

    def changed(self, stream: Stream, part: Slice) -> Iterator[Page]:
        return iter(())

    def listed(self, stream: Stream) -> Iterator[Page]:
        count = PRODUCTS if stream is ITEMS else PEOPLE
        yield Page([_item(number) if stream is ITEMS else _customer(number) for number in range(count)])

    def objects(self, stream: Stream, ids: Sequence[str]) -> Iterator[Page]:
        return iter(())


class SquareMockReads:
    """The same shop as `SquareReads` would read it."""

    def __init__(self, clock: Clock) -> None:
        self._source = SquareMock(clock)

    def catalogue(self) -> Catalogue:
        return Catalogue(PRODUCTS, in_order(_product(number) for number in range(PRODUCTS)))

    def payments(self, days: Sequence[tuple[datetime, datetime]]) -> list[Row]:
        # A store day is no day of the mock's, which begin at midnight in UTC: what is outside is cut off.
        parts = [Slice(CREATED, start.astimezone(UTC), end.astimezone(UTC)) for start, end in days]
        return [row for part in parts for page in self._source.read(PAYMENTS, part) for row in page.rows]


def _sale(stream: Stream, day: str, number: int) -> Row:
    chosen = _number(f"{day}/{number}")
    at = {"created_at": f"{day}T{12 + number}:00:00.000Z", "updated_at": f"{day}T{12 + number}:00:00.000Z"}
    amount, identity = 500 + chosen % 9500, f"{day}-{number}"
    if stream is ORDER_LINES:
        item = chosen % PRODUCTS
        line: dict[str, Any] = {
            "item_id": f"{MOCK_PREFIX}item-{item}",
            "variation_id": f"{MOCK_PREFIX}variation-{item}",
        }
        line |= {"order_id": f"{MOCK_PREFIX}order-{identity}", "line_uid": "1", "name": f"Mock item {item}"}
        return {**line, "quantity": "1", "gross": amount, "location_id": LOCATION, **at}
    return {
        "id": f"{MOCK_PREFIX}payment-{identity}",
        "amount": amount,
        "refunded_amount": 0,
        "currency": "USD",
        "status": "COMPLETED",
        "customer_id": f"{MOCK_PREFIX}customer-{chosen % PEOPLE}",
        "location_id": LOCATION,
        **at,
        "source_type": "CARD",
        "card_brand": "VISA",
        "receipt_url": None,
        "order_id": f"{MOCK_PREFIX}order-{identity}",
    }


def _item(number: int) -> Row:
    return {
        "id": f"{MOCK_PREFIX}item-{number}",
        "name": f"Mock item {number}",
        "description": None,
        "category": "Mock",
        "sku": f"MOCK-{number:03}",
        "price": 500 + 100 * number,
        "available": True,
        "created_at": wire_time(OPENED),
        "updated_at": wire_time(OPENED),
        "deleted": False,
    }


def _product(number: int) -> Row:
    item = _item(number)
    return {
        **{name: item[name] for name in ("id", "name", "description", "price", "sku", "category", "updated_at")},
        "currency": "USD",
        "image": None,
        "inventory": _number(item["id"]) % MOST_IN_STOCK,
        "attributes": {},
    }


def _customer(number: int) -> Row:
    return {
        "customer_id": f"{MOCK_PREFIX}customer-{number}",
        "email": f"mock-{number}@example.com",
        "full_name": f"Mock Customer {number}",
        "phone": None,
        "source": "square",
        "created_at": wire_time(OPENED),
        "updated_at": wire_time(OPENED),
        "deleted": False,
    }


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
