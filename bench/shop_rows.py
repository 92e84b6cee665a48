"""A shop of the real one's size, made up, loaded into the declared tables by load jobs."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from google.cloud import bigquery

from shared.platform import tables

PAYMENTS, LINES, ITEMS, CUSTOMERS = 100_184, 202_565, 500, 9_000
LIGHTSPEED_SALES, LIGHTSPEED_PRODUCTS, ATTEMPTS = 6_000, 300, 20_000
TWO_YEARS = timedelta(days=730)
# The local BigQuery reads a load job's lines into memory.
ROWS_A_JOB = 50_000
STATES = ("TX", "OK", "LA", "NM", "AR")
Row = dict[str, Any]


def load(client: bigquery.Client) -> None:
    """Every table that analytics, compliance and statistics read. Raises what the client raises."""
    chance, now = random.Random(1), datetime.now(UTC)
    for table, rows in {
        "analytics.square_payments": _payments(chance, now),
        "analytics.square_order_lines": _lines(chance, now),
        "analytics.square_items": _items(chance, now),
        "analytics.lightspeed_transactions": _sales(chance, now),
        "analytics.lightspeed_products": _products(chance, now),
        "commerce.age_verification_attempts": _attempts(chance, now),
        "commerce.product_coas": _certificates(now),
    }.items():
        _append(client, table, rows)


def _append(client: bigquery.Client, table: str, rows: Iterable[Row]) -> None:
    schema = [bigquery.SchemaField.from_api_repr(column) for column in tables.declared()[table]["columns"]]
    config = bigquery.LoadJobConfig(
        schema=schema,
        source_format=bigquery.SourceFormat.NEWLINE_DELIMITED_JSON,
        write_disposition=bigquery.WriteDisposition.WRITE_APPEND,
    )
    lines = [json.dumps(row).encode() for row in rows]
    for start in range(0, len(lines), ROWS_A_JOB):
        body = b"\n".join(lines[start : start + ROWS_A_JOB])
        client.load_table_from_file(
            io.BytesIO(body), f"{client.project}.{table}", size=len(body), job_config=config
        ).result()


def _moments(chance: random.Random, now: datetime, count: int, length: timedelta = TWO_YEARS) -> Iterator[str]:
    """Evenly over `length`, up to now: each day has the same number, at any hour."""
    for number in range(count):
        yield (now - length * ((number + chance.random()) / count)).isoformat()


def _payments(chance: random.Random, now: datetime) -> Iterator[Row]:
    for number, moment in enumerate(_moments(chance, now, PAYMENTS)):
        amount = chance.randrange(800, 15_000)
        yield {
            "id": f"payment-{number:08d}",
            "amount": amount,
            "refunded_amount": amount if chance.random() < 0.02 else 0,
            "currency": "USD",
            "status": "COMPLETED" if chance.random() < 0.97 else "CANCELED",
            "customer_id": f"customer-{chance.randrange(CUSTOMERS)}" if chance.random() < 0.8 else None,
            "location_id": "L-1" if chance.random() < 0.7 else "L-2",
            "created_at": moment,
            "updated_at": moment,
            "source_type": "CARD",
            "card_brand": "VISA",
            "receipt_url": f"https://example.com/receipt/{number}",
            "order_id": f"order-{number:08d}",
        }


def _lines(chance: random.Random, now: datetime) -> Iterator[Row]:
    for number, moment in enumerate(_moments(chance, now, LINES)):
        # Few items sell much: the square of an even chance.
        item, quantity = int(ITEMS * chance.random() ** 2), chance.choice((1, 1, 1, 2, 3))
        yield {
            "order_id": f"order-{number // 2:08d}",
            "line_uid": f"line-{number:08d}",
            "item_id": f"item-{item}",
            "variation_id": f"variation-{item}",
            "name": f"Item {item}",
            "quantity": str(quantity),
            "gross": quantity * (500 + 13 * item),
            "location_id": "L-1",
            "created_at": moment,
            "updated_at": moment,
        }


def _items(chance: random.Random, now: datetime) -> Iterator[Row]:
    for number, moment in enumerate(_moments(chance, now, ITEMS)):
        yield {
            "id": f"item-{number}",
            "name": f"Item {number}",
            "description": "Full-spectrum hemp extract, third-party tested, 30 ml. " * 3,
            "category": f"Category {number % 12}",
            "sku": f"SKU-{number:05d}",
            "price": 500 + 13 * number,
            "available": chance.random() < 0.95,
            "created_at": moment,
            "updated_at": moment,
            "deleted": chance.random() < 0.02,
        }


def _sales(chance: random.Random, now: datetime) -> Iterator[Row]:
    for number, moment in enumerate(_moments(chance, now, LIGHTSPEED_SALES)):
        amount = chance.randrange(800, 15_000) * (-1 if chance.random() < 0.02 else 1)
        yield {
            "id": str(number),
            "amount": amount,
            "tax": amount * 825 // 10_000,
            "total": amount + amount * 825 // 10_000,
            "customer_id": str(chance.randrange(CUSTOMERS)) if chance.random() < 0.5 else None,
            "location_id": "1",
            "status": "completed" if chance.random() < 0.98 else "cancelled",
            "created_at": moment,
            "updated_at": moment,
        }


def _products(chance: random.Random, now: datetime) -> Iterator[Row]:
    for number, moment in enumerate(_moments(chance, now, LIGHTSPEED_PRODUCTS)):
        yield {
            "id": str(number),
            "name": f"Product {number}",
            "description": "Counter item.",
            "category": f"Category {number % 12}",
            "price": 700 + 11 * number,
            "cost": 300 + 5 * number,
            "quantity": chance.randrange(60),
            "created_at": moment,
            "updated_at": moment,
            "deleted": False,
        }


def _attempts(chance: random.Random, now: datetime) -> Iterator[Row]:
    for number, moment in enumerate(_moments(chance, now, ATTEMPTS, timedelta(days=365))):
        success = chance.random() < 0.87
        yield {
            "event_id": f"event-{number}",
            "created_at": moment,
            "attempt_id": f"attempt-{number}",
            "success": success,
            "method": "full_verification" if success else "age_check",
            "reason": "All checks passed" if success else "Must be at least 21 years old",
            "state": chance.choice(STATES),
            "chain_sequence": number + 1,
            "previous_hash": "0" * 64,
            "row_hash": f"{number:064x}",
        }


def _certificates(now: datetime) -> Iterator[Row]:
    """Of nine in ten of Square's items."""
    for number in range(ITEMS * 9 // 10):
        yield {
            "source": "square",
            "item_id": f"item-{number}",
            "laboratory": "Example Labs",
            "issued_at": (now - timedelta(days=30)).date().isoformat(),
            "recorded_at": now.isoformat(),
        }
