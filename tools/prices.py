"""infra/prices.json as values: published prices, and what is assumed of the shop."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

PRICES = Path(__file__).parents[1] / "infra" / "prices.json"


@dataclass(frozen=True, kw_only=True)
class Price:
    """`dollars` for `per` units a month beyond the `free` ones. `block`: `base`, or an extra that is told apart."""

    name: str
    block: str
    service: str
    unit: str
    dollars: Decimal
    per: Decimal
    free: Decimal
    confirmed: bool

    def cost(self, quantity: Decimal, *, free_tier: bool = True) -> Decimal:
        """Dollars of a month, not rounded."""
        charged = max(Decimal(0), quantity - self.free) if free_tier else quantity
        return charged / self.per * self.dollars


@dataclass(frozen=True, kw_only=True)
class Book:
    """The data file. The mappings are as written there, every number a Decimal."""

    year: int
    month: int
    analytics_limit: Decimal
    prices: Mapping[str, Price]
    assumed: Mapping[str, Decimal]
    traffic: Mapping[str, Mapping[str, Any]]
    default_traffic: Mapping[str, Mapping[str, Any]]
    tables: Mapping[str, Mapping[str, Any]]
    queries: Mapping[str, Mapping[str, Any]]


def read(path: Path = PRICES) -> Book:
    """Raises OSError, ValueError or KeyError for a file that is not there or not of this form."""
    return book_of(json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal, parse_int=Decimal))


def book_of(data: Mapping[str, Any]) -> Book:
    year, _, month = data["month"].partition("-")
    return Book(
        year=int(year),
        month=int(month),
        analytics_limit=data["analytics_limit_dollars"],
        prices={name: _price(name, entry) for name, entry in data["prices"].items()},
        assumed={name: entry["value"] for name, entry in data["assumptions"].items()},
        traffic=data["traffic"],
        default_traffic=data["default_traffic"],
        tables=data["tables"],
        queries=data["queries"],
    )


def _price(name: str, entry: Mapping[str, Any]) -> Price:
    kept = {field: entry[field] for field in ("block", "service", "unit", "dollars", "per", "free", "confirmed")}
    return Price(name=name, **kept)
