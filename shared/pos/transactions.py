"""The last week's sales from Square's payments: completed ones, net of refunds. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from shared.pos import rules
from shared.pos.models import Row
from shared.values.cents import share
from shared.values.days import day_of, midnight

DAYS = 7
RECENT = 25
COMPLETED = "COMPLETED"


@dataclass(frozen=True)
class Sale:
    """One completed payment: cents, net of refunds, and when it was made (RFC 3339)."""

    id: str
    amount: int
    status: str
    created: str


@dataclass(frozen=True)
class Takings:
    """Cents. `recent`: the newest RECENT sales."""

    total: int
    count: int
    average: int
    recent: Sequence[Sale]


def last_days(now: datetime, zone: str) -> list[tuple[datetime, datetime]]:
    """[start, end) of the last DAYS store days, today the last of them."""
    today = day_of(now, zone)
    midnights = [midnight(today - timedelta(days=number), zone) for number in range(DAYS - 1, -2, -1)]
    return list(pairwise(midnights))


def takings(payments: Iterable[Row]) -> Takings:
    """`payments` may hold one more than once: its newest version counts."""
    sales = [_sale(row) for row in rules.newest(payments) if row["status"] == COMPLETED]
    total = sum(sale.amount for sale in sales)
    sales.sort(key=lambda sale: sale.id)
    sales.sort(key=lambda sale: sale.created, reverse=True)
    return Takings(total, len(sales), share(total, 1, len(sales)), sales[:RECENT])


def _sale(row: Row) -> Sale:
    return Sale(row["id"], row["amount"] - row["refunded_amount"], row["status"], row["created_at"])
