"""The account's own truth, by SQL: what a client must have counted when it has read everything."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from local.simulators.database import Database, Row
from local.simulators.square_catalog import SquareCatalog
from local.simulators.square_orders import SquareOrders
from local.simulators.square_shop import LOCATIONS, MILLISECONDS_A_DAY, PAYMENT, Ids, milliseconds, wire
from local.simulators.traps import Traps

STREAMS = ("payments", "order_lines", "items", "customers", "refunds")
BEGINNING, END = 0, 1 << 60


class SquareLedger:
    def __init__(self, database: Database, traps: Traps, orders: SquareOrders, catalog: SquareCatalog) -> None:
        self.ids = Ids(0)
        self._database = database
        self._traps = traps
        self._orders = orders
        self._catalog = catalog

    def of(self, stream: str, start: datetime | None, end: datetime | None) -> dict[str, Any]:
        """What was created in [start, end); items and customers always whole, in one place."""
        span = (BEGINNING if start is None else milliseconds(start), END if end is None else milliseconds(end))
        if stream in ("items", "customers"):
            return self._whole(stream)
        rows = {"payments": self._payments, "refunds": self._refunds, "order_lines": self._order_lines}[stream](span)
        garbage = list(self._garbage_payments(span)) if stream == "payments" else []
        return _report([_place(*row) for row in rows], garbage)

    def _payments(self, span: tuple[int, int]) -> list[Row]:
        return self._database.rows(
            "SELECT location, created / ?1, count(*), sum(amount), max(updated), sum(refunded) FROM payments "
            "WHERE created >= ?2 AND created < ?3 AND (?4 = 0 OR number % ?4 <> 0) GROUP BY 2, 1 ORDER BY 2, 1",
            (MILLISECONDS_A_DAY, *span, int(self._traps["garbage"])),
        )

    def _garbage_payments(self, span: tuple[int, int]) -> Iterator[str]:
        if n := int(self._traps["garbage"]):
            sql = "SELECT number FROM payments WHERE created >= ? AND created < ? AND number % ? = 0 ORDER BY number"
            yield from (self.ids.of(PAYMENT, number) for (number,) in self._database.rows(sql, (*span, n)))

    def _refunds(self, span: tuple[int, int]) -> list[Row]:
        return self._database.rows(
            "SELECT location, created / ?1, count(*), sum(amount), max(updated), 0 FROM refunds "
            "WHERE created >= ?2 AND created < ?3 GROUP BY 2, 1 ORDER BY 2, 1",
            (MILLISECONDS_A_DAY, *span),
        )

    def _order_lines(self, span: tuple[int, int]) -> list[Row]:
        """Of completed orders."""
        found: dict[tuple[int, int], list[int]] = {}
        sql = (
            "SELECT number, location, created, amount, updated FROM payments "
            "WHERE created >= ? AND created < ? AND status = 'COMPLETED'"
        )
        for number, location, created, amount, updated in self._database.each(sql, span):
            tally = found.setdefault((created // MILLISECONDS_A_DAY, location), [0, 0, 0])
            lines = self._orders.lines(number, amount)
            tally[0] += len(lines)
            tally[1] += sum(line.gross for line in lines)
            tally[2] = max(tally[2], updated)
        return [(location, day, *tally, 0) for (day, location), tally in sorted(found.items())]

    def _whole(self, stream: str) -> dict[str, Any]:
        garbage: list[str] = []
        if stream == "customers":
            row = self._database.row("SELECT count(*), 0, max(updated) FROM customers")
        else:
            garbage = list(self._catalog.garbage())
            row = self._database.row(
                "SELECT count(*), coalesce(sum(price), 0), max(updated) FROM catalog "
                "WHERE type = 'ITEM' AND deleted = 0 AND (?1 = 0 OR number % ?1 <> 0)",
                (int(self._traps["garbage"]),),
            )
        assert row is not None
        place = {"location": "", "day": "", "count": row[0], "cents": row[1], "newest": wire(row[2]) if row[0] else ""}
        return _report([place] if row[0] else [], garbage)


def _place(location: int, day: int, count: int, cents: int, newest: int, refunded: int) -> dict[str, Any]:
    found = {"location": LOCATIONS[location], "day": wire(day * MILLISECONDS_A_DAY)[:10], "count": count}
    return {**found, "cents": cents, "newest": wire(newest), "refundedCents": refunded}


def _report(places: list[dict[str, Any]], garbage: list[str]) -> dict[str, Any]:
    return {
        "count": sum(place["count"] for place in places),
        "cents": sum(place["cents"] for place in places),
        "refundedCents": sum(place.pop("refundedCents", 0) for place in places),
        "newest": max((place["newest"] for place in places), default=""),
        "places": places,
        "garbage": garbage,
    }
