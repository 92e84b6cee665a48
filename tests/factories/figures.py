"""The figures of the shop in plain Python, as the wire has them: no SQL, and none of the code that is tested."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tests.factories.truth import Product, Sale, Truth

STORE = ZoneInfo("America/Chicago")
MONEY = {"todayRevenue", "weekRevenue", "monthRevenue", "yearRevenue", "avgOrderValue", "revenue", "amount", "price"}
Body = dict[str, Any]


def exact(text: str) -> Body:
    """A JSON text with its decimal numbers as they are written."""
    body: Body = json.loads(text, parse_float=Decimal)
    return body


def badly_written(value: Any, name: str = "") -> list[str]:
    """Amounts of money that are not written with two places, in a value that `exact` has read."""
    if isinstance(value, dict):
        return [bad for key, inner in value.items() for bad in badly_written(inner, key)]
    if isinstance(value, list):
        return [bad for inner in value for bad in badly_written(inner, name)]
    if name not in MONEY or value is None:
        return []
    return [] if isinstance(value, Decimal) and value.as_tuple().exponent == -2 else [f"{name}: {value!r}"]


def dashboard(truth: Truth, now: datetime) -> Body:
    """`metrics`, `topProducts` and `recentTransactions`."""
    today = day_of(now)
    year = [sale for sale in truth.sales if sale.counted and _within(sale.at, today, 365)]
    revenue, transactions = sum(sale.cents for sale in year), sum(sale.sold for sale in year)
    return {
        "metrics": {
            **{
                f"{name}Revenue": dollars(sum(sale.cents for sale in year if _within(sale.at, today, days)))
                for name, days in (("today", 1), ("week", 7), ("month", 30), ("year", 365))
            },
            "totalTransactions": transactions,
            "totalCustomers": customers(year),
            # Half up, in whole numbers.
            "avgOrderValue": dollars((2 * revenue + transactions) // (2 * transactions) if transactions else 0),
        },
        "topProducts": top_sellers(truth, now),
        "recentTransactions": [
            {
                "id": sale.id,
                "amount": dollars(sale.cents),
                "created_at": wire(sale.at),
                "status": "COMPLETED",
                "customer_id": sale.customer,
            }
            for sale in sorted(sorted(year, key=lambda sale: sale.id), key=lambda sale: sale.at, reverse=True)[:25]
        ],
    }


def historical(truth: Truth, now: datetime) -> Body:
    """`daily` of 180 days, the newest 90 of them, `monthly` of 24 calendar months."""
    today = day_of(now)
    days, months = defaultdict[str, list[Sale]](list), defaultdict[str, list[Sale]](list)
    for sale in truth.sales:
        day = day_of(sale.at)
        if sale.counted and _within(sale.at, today, 180):
            days[day.isoformat()].append(sale)
        if sale.counted and day <= today and _month(today) - 24 < _month(day):
            months[day.isoformat()[:7]].append(sale)
    daily = [{"date": name, **_totals(days[name])} for name in sorted(days, reverse=True)]
    monthly = [{"month": name, **_totals(months[name])} for name in sorted(months, reverse=True)]
    return {"historical": daily[:90], "daily": daily, "monthly": monthly}


def top_sellers(truth: Truth, now: datetime) -> list[Body]:
    """The ten items of the year with the most revenue."""
    today = day_of(now)
    units, revenue, names = defaultdict[str, Decimal](Decimal), defaultdict[str, int](int), dict[str, str]()
    for line in truth.lines:
        if line.item and _within(line.at, today, 365):
            units[line.item] += line.units
            revenue[line.item] += line.cents
            names[line.item] = max(names.get(line.item, ""), line.name)
    best = sorted(revenue, key=lambda item: (-revenue[item], -units[item], item))[:10]
    return [
        {
            "id": item,
            "name": truth.names.get(item, names[item]),
            "units": units[item],
            "revenue": dollars(revenue[item]),
        }
        for item in best
    ]


def products(found: Iterable[Product]) -> list[Body]:
    """Changed last first."""
    newest_first = sorted(sorted(found, key=lambda p: p.id), key=lambda p: p.updated_at, reverse=True)
    return [
        {
            "id": product.id,
            "name": product.name,
            "description": product.description,
            "price": None if product.price is None else dollars(product.price),
            "sku": product.sku,
            "category": product.category,
            "updated_at": wire(product.updated_at),
        }
        for product in newest_first
    ]


def customers(sales: Iterable[Sale]) -> int:
    """Of each source its own; nobody knows who is who in the other."""
    return len({(sale.source, sale.customer) for sale in sales if sale.sold and sale.customer})


def day_of(moment: datetime) -> date:
    return moment.astimezone(STORE).date()


def dollars(cents: int) -> Decimal:
    return Decimal(cents) / 100


def wire(moment: datetime) -> str:
    return moment.astimezone(ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def _totals(sales: list[Sale]) -> Body:
    return {
        "transactions": sum(sale.sold for sale in sales),
        "revenue": dollars(sum(sale.cents for sale in sales)),
        "customers": customers(sales),
    }


def _within(moment: datetime, today: date, days: int) -> bool:
    """On one of so many calendar days, of which today is the last."""
    return today - timedelta(days=days) < day_of(moment) <= today


def _month(day: date) -> int:
    return day.year * 12 + day.month
