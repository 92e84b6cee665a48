"""What a month costs at the shop's size: `python -m tools.costs` prints the table of docs/costs.md.

Prices and assumptions are infra/prices.json, the functions are those of infra/generated/functions.json. With `lines`
every price is shown with its quantity.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from tools.prices import Book, Price, read
from tools.usage import Quantities, query_gib, used

FUNCTIONS = Path(__file__).parents[1] / "infra" / "generated" / "functions.json"
COSTS = ("service", "used in a month", "staging", "production", "production, no free tiers")
LINES = ("price", *COSTS[1:])
Functions = Mapping[str, Mapping[str, Any]]
Row = tuple[str, ...]
# Dollars, not rounded: staging, production, production without free tiers.
Dollars = tuple[Decimal, Decimal, Decimal]


def rows(functions: Functions | None = None, book: Book | None = None) -> list[Row]:
    """One row for each service, the totals, BigQuery's share for analytics, and the extras. Dollars with two places."""
    month = Month(functions if functions is not None else _declared(), book or read())
    return [
        *month.services("base"),
        month.total("**Total**", "base"),
        month.analytics(),
        *month.services("edge"),
        month.total("**Total with the load balancer edge**", "base", "edge"),
        *month.services("alerting"),
    ]


def table() -> str:
    """The rows as Markdown."""
    return _markdown(COSTS, rows())


def lines() -> str:
    """Every price with its quantity, as Markdown."""
    return _markdown(LINES, Month(_declared(), read()).lines())


class Month:
    """The quantities of both environments, priced."""

    def __init__(self, functions: Functions, book: Book) -> None:
        self._book = book
        self._staging = used(book, functions, warm=False)
        self._production = used(book, functions, warm=True)

    def services(self, block: str) -> Iterator[Row]:
        """Rows of one block, in the order of the data file."""
        for service in dict.fromkeys(p.service for p in self._prices(block)):
            prices = [p for p in self._prices(block) if p.service == service]
            mark = "" if all(p.confirmed for p in prices) else " *"
            yield _row(service + mark, self._quantities(prices), self._cost(prices))

    def total(self, name: str, *blocks: str) -> Row:
        return _row(name, "", self._cost(self._prices(*blocks)))

    def analytics(self) -> Row:
        """Analytics and its syncs by themselves; what all queries cost together is in the line of BigQuery."""
        gib = query_gib(self._book, "analytics")
        alone = Quantities(bigquery_queries=gib, bigquery_storage=self._production["bigquery_storage"])
        prices = [self._book.prices[name] for name in alone]
        cost = _cost(prices, alone)
        limit, verdict = self._book.analytics_limit, "met" if cost <= self._book.analytics_limit else "**not met**"
        name = f"of it BigQuery for analytics and syncs alone (at most {_dollars(limit)}: {verdict})"
        return _row(name, f"{_number(gib)} GiB queried", (cost, cost, _cost(prices, alone, free_tier=False)))

    def lines(self) -> Iterator[Row]:
        for price in self._book.prices.values():
            yield _row(price.name, self._quantities([price]), self._cost([price]))

    def _prices(self, *blocks: str) -> list[Price]:
        return [price for price in self._book.prices.values() if price.block in blocks]

    def _quantities(self, prices: Iterable[Price]) -> str:
        return ", ".join(f"{_number(self._production[p.name])} {p.unit}" for p in prices)

    def _cost(self, prices: list[Price]) -> Dollars:
        return (
            _cost(prices, self._staging),
            _cost(prices, self._production),
            _cost(prices, self._production, free_tier=False),
        )


def _cost(prices: Iterable[Price], quantities: Quantities, *, free_tier: bool = True) -> Decimal:
    return sum((price.cost(quantities[price.name], free_tier=free_tier) for price in prices), Decimal(0))


def _row(name: str, quantities: str, costs: Dollars) -> Row:
    return (name, quantities, *map(_dollars, costs))


def _dollars(amount: Decimal) -> str:
    """Rounded here and nowhere before, half up."""
    return f"${amount.quantize(Decimal('0.01'), ROUND_HALF_UP):,}"


def _number(quantity: Decimal) -> str:
    """Whole from a hundred on, else two places that say something: 43,200 · 3.66 · 0.5."""
    places = "1" if quantity >= 100 else "0.01"
    text = f"{quantity.quantize(Decimal(places), ROUND_HALF_UP):,}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _markdown(header: Row, found: Iterable[Row]) -> str:
    rule = ("---",) * len(header)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (header, rule, *found)).replace("|  |", "| |")


def _declared() -> Functions:
    found: Functions = json.loads(FUNCTIONS.read_text(encoding="utf-8"))
    return found


def main(arguments: list[str]) -> int:
    print(lines() if arguments == ["lines"] else table(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
