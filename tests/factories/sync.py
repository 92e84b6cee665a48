"""Jobs, windows, and rows and records of Square, as the sync makes them from what a test says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.pos.models import CREATED, INCREMENTAL, Certificate, Difference, Job, Row, Tally, Window

AT = datetime(2026, 7, 1, 17, tzinfo=UTC)
DAY = timedelta(days=1)


def job(job_id: str = "job_1", **changes: Any) -> Job:
    values: dict[str, Any] = {"source": "square", "mode": INCREMENTAL, "request_id": "req_1", "created_at": AT}
    return Job(id=job_id, **{**values, **changes})


def window(window_id: str = "job_1.000", **changes: Any) -> Window:
    """The June of a job's payments."""
    values: dict[str, Any] = {
        "job": "job_1",
        "source": "square",
        "stream": "square_payments",
        "by": CREATED,
        "start": datetime(2026, 6, 1, tzinfo=UTC),
        "end": datetime(2026, 7, 1, tzinfo=UTC),
    }
    return Window(id=window_id, **{**values, **changes})


def difference(day: str, location: str = "L1", source: int = 1, warehouse: int = 2) -> Difference:
    newest = f"{day}T12:00:00.000Z"
    return Difference("square_payments", location, day, Tally(source, 100, newest), Tally(warehouse, 200, newest))


def certificate(*differences: Difference, **changes: Any) -> Certificate:
    values: dict[str, Any] = {
        "stream": "square_payments",
        "checked_at": AT,
        "places": 3,
        "rows": 30,
        "cents": 12_345,
        "newest": "2026-06-30T12:00:00.000Z",
        "newest_day": "2026-06-30",
        "repaired": 1,
        "uncertified": 2,
    }
    return Certificate(**{**values, **changes}, differences=differences)


def payment(payment_id: str = "p-1", **changes: Any) -> Row:
    """A row of analytics.square_payments."""
    return {
        "id": payment_id,
        "amount": 1000,
        "refunded_amount": 0,
        "currency": "USD",
        "status": "COMPLETED",
        "customer_id": "c-1",
        "location_id": "L1",
        "created_at": "2026-06-30T12:00:00.000Z",
        "updated_at": "2026-06-30T12:00:00.000Z",
        "source_type": "CARD",
        "card_brand": "VISA",
        "receipt_url": None,
        "order_id": "o-1",
        **changes,
    }


def order_line(order_id: str = "o-1", **changes: Any) -> Row:
    """A row of analytics.square_order_lines."""
    return {
        "order_id": order_id,
        "line_uid": "1",
        "item_id": "i-1",
        "variation_id": "v-1",
        "name": "Gummies",
        "quantity": "1",
        "gross": 1000,
        "location_id": "L1",
        "created_at": "2026-06-30T12:00:00.000Z",
        "updated_at": "2026-06-30T12:00:00.000Z",
        **changes,
    }


def item(item_id: str = "i-1", **changes: Any) -> Row:
    """A row of analytics.square_items."""
    return {
        "id": item_id,
        "name": "Gummies",
        "description": None,
        "category": "Edibles",
        "sku": "G-1",
        "price": 1999,
        "available": True,
        "created_at": "2026-06-30T12:00:00.000Z",
        "updated_at": "2026-06-30T12:00:00.000Z",
        "deleted": False,
        **changes,
    }


def customer(customer_id: str = "c-1", **changes: Any) -> Row:
    """A row of commerce.customers."""
    return {
        "customer_id": customer_id,
        "email": "ann@example.com",
        "full_name": "Ann Example",
        "phone": "+1 512 555 0100",
        "source": "square",
        "created_at": "2026-06-30T12:00:00.000Z",
        "updated_at": "2026-06-30T12:00:00.000Z",
        "deleted": False,
        **changes,
    }
