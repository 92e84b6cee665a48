"""Made-up data in Lightspeed's place: 50 sales in any 730 days, 25 products, no customers. Nothing is ever random.

A sale of a day is there from the following midnight on and never goes away again, so that a certificate stays green.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta

from shared.integrations.lightspeed_rows import PRODUCTS, TRANSACTIONS
from shared.platform.clock import Clock, wire_time
from shared.pos.models import CREATED, MOCK, MOCK_PREFIX, Page, Row, Slice, Stream

FIRST_DAY = date(2015, 1, 1)
# Sale number n is made on day n × 730/50, rounded down: any 730 days have 50.
DAYS, SALES_IN_THEM = 730, 50
NAMES = ("Gummies", "Tincture", "Balm", "Tea", "Oil")
SIZES = ("small", "medium", "large", "family", "gift")
TAX_PER_MILLE = 82.5


class LightspeedMock:
    """Answers the same all day long."""

    name = "lightspeed"
    mode = MOCK
    streams: tuple[Stream, ...] = (TRANSACTIONS, PRODUCTS)

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def locations(self, stream: Stream) -> Sequence[str]:
        return ("",)

    def read(self, stream: Stream, part: Slice) -> Iterator[Page]:
        name = "created_at" if part.by == CREATED else "updated_at"
        yield Page(_between(self._sales(), name, part))

    def changed(self, stream: Stream, part: Slice) -> Iterator[Page]:
        yield Page(_between(_products(), "updated_at", part))

    def listed(self, stream: Stream) -> Iterator[Page]:
        yield Page(_products())

    def objects(self, stream: Stream, ids: Sequence[str]) -> Iterator[Page]:
        rows = self._sales() if stream is TRANSACTIONS else _products()
        yield Page([row for row in rows if row["id"] in ids])

    def _sales(self) -> list[Row]:
        days = (self._clock.now().astimezone(UTC).date() - FIRST_DAY).days
        # The days before today: number n with n × DAYS // SALES_IN_THEM < days.
        return [_sale(number) for number in range(-(-days * SALES_IN_THEM // DAYS))]


def _sale(number: int) -> Row:
    day = datetime.combine(FIRST_DAY + timedelta(days=number * DAYS // SALES_IN_THEM), time(), UTC)
    amount = 1_500 + number * 7_919 % 20_000
    tax = round(amount * TAX_PER_MILLE / 1000)
    return {
        "id": f"{MOCK_PREFIX}{number}",
        "amount": amount,
        "tax": tax,
        "total": amount + tax,
        "customer_id": None,
        "location_id": f"{MOCK_PREFIX}shop",
        "status": "voided" if number % 25 == 24 else "completed",
        "created_at": wire_time(day + timedelta(hours=16 + number % 7, minutes=number * 13 % 60)),
        "updated_at": wire_time(day + timedelta(days=1)),
    }


def _products() -> list[Row]:
    made = wire_time(datetime.combine(FIRST_DAY, time(), UTC))
    return [
        {
            "id": f"{MOCK_PREFIX}{number}",
            "name": f"{NAMES[number // len(SIZES)]}, {SIZES[number % len(SIZES)]}",
            "description": "Made up, for a shop without credentials.",
            "category": NAMES[number // len(SIZES)],
            "price": 999 + number * 250,
            "cost": 400 + number * 100,
            "quantity": number * 7 % 40,
            "created_at": made,
            "updated_at": made,
            "deleted": False,
        }
        for number in range(len(NAMES) * len(SIZES))
    ]


def _between(rows: Sequence[Row], name: str, part: Slice) -> list[Row]:
    start, end = wire_time(part.start), wire_time(part.end)
    return [row for row in rows if start <= row[name] < end]
