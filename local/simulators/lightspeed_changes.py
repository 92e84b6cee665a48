"""What the control API changes in a Lightspeed shop: records are told as on the wire, and times move by themselves."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from local.simulators.database import Database
from local.simulators.lightspeed_data import put_customer, put_item, put_sale, set_stock
from local.simulators.lightspeed_records import (
    UNITS_A_CENT,
    Record,
    Sale,
    contact_record,
    customer_record,
    item_record,
    prices,
    sale_record,
    sale_relations,
    stamp_of,
)
from local.simulators.messages import Answer, Request, Wrong
from local.simulators.provider import Route
from shared.platform.clock import Clock

TABLES = {"sales": "sale", "items": "item", "customers": "customer"}
STAMPS = {"sale": ("timeStamp", "updatetime"), "item": ("timeStamp",), "customer": ("timeStamp",)}


class Changes:
    """POST, PATCH and DELETE of /sales, /items and /customers.

    A change moves the record's times to now, unless it names them: send the old `timeStamp` to leave it where it was.
    Items also take `price` (dollars) and `stock` ({shop id: count}, which moves only the time of the stock); customers
    take `Contact`. A deleted record is gone for good; `archived` is a field like any other.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def routes(self) -> Sequence[Route]:
        return [
            route
            for kind, table in TABLES.items()
            for route in (
                ("POST", f"/{kind}", lambda request, table=table: self._add(table, request)),
                (
                    "PATCH",
                    f"/{kind}/{{number}}",
                    lambda request, number, table=table: self._change(table, request, number),
                ),
                ("DELETE", f"/{kind}/{{number}}", lambda _, number, table=table: self._delete(table, number)),
            )
        ]

    def touch(self, table: str, number: int) -> None:
        """Something about the record changes now."""
        with self._database.write() as connection:
            self._put(connection, table, number, {})

    def _add(self, table: str, request: Request) -> Answer:
        told = request.object()
        with self._database.write() as connection:
            number = connection.execute(f"SELECT COALESCE(MAX(id), 0) + 1 FROM {table}").fetchone()[0]
            self._make(connection, table, number)
            return Answer.json(200, self._put(connection, table, number, told))

    def _change(self, table: str, request: Request, number: str) -> Answer:
        told = request.object()
        with self._database.write() as connection:
            return Answer.json(200, self._put(connection, table, _number(number), told))

    def _delete(self, table: str, number: str) -> Answer:
        with self._database.write() as connection:
            if connection.execute(f"DELETE FROM {table} WHERE id = ?", (_number(number),)).rowcount == 0:
                raise Wrong(f"There is no {table} {number}.")
            if table == "item":
                connection.execute("DELETE FROM item_shop WHERE item = ?", (_number(number),))
        return Answer.json(200, {})

    def _make(self, connection: sqlite3.Connection, table: str, number: int) -> None:
        now = int(self._clock.now().timestamp())
        if table == "sale":
            sale = Sale(number=number, made=now, stamp=now, updated=now, lines=((1, 1999 * UNITS_A_CENT, 1),))
            put_sale(connection, sale_record(sale), sale_relations(sale))
        elif table == "item":
            put_item(connection, {**item_record(number, now, now, 1999, 1), "archived": "false"})
            set_stock(connection, number, {1: 10}, now)
        else:
            record = {**customer_record(number, now, now), "archived": "false"}
            put_customer(connection, record, contact_record(number, now))

    def _put(self, connection: sqlite3.Connection, table: str, number: int, told: Mapping[str, Any]) -> Record:
        """The record with the changes, as it is now."""
        second = {"sale": "relations", "item": "web_shop", "customer": "contact"}[table]
        found = connection.execute(f"SELECT body, {second} FROM {table} WHERE id = ?", (number,)).fetchone()
        if found is None:
            raise Wrong(f"There is no {table} {number}.")
        now = int(self._clock.now().timestamp())
        fields = {name: _wire(value) for name, value in told.items() if name not in ("stock", "price", "Contact")}
        moved = dict.fromkeys(STAMPS[table], stamp_of(now)) if fields or set(told) != {"stock"} else {}
        record: Record = {**json.loads(found[0]), **moved, **fields}
        try:
            if table == "sale":
                put_sale(connection, record, json.loads(found[1]))
            elif table == "customer":
                put_customer(connection, record, {**json.loads(found[1]), **moved, **told.get("Contact", {})})
            else:
                self._put_item(connection, record, told, now)
        except (ValueError, ArithmeticError, KeyError) as error:
            raise Wrong(f"The record would be none: {error!r}.") from None
        return record

    def _put_item(self, connection: sqlite3.Connection, record: Record, told: Mapping[str, Any], now: int) -> None:
        number = int(record["itemID"])
        if "price" in told:
            record["Prices"] = prices(number, str(told["price"]))
        put_item(connection, record)
        if counted := told.get("stock"):
            set_stock(connection, number, {int(shop): int(qoh) for shop, qoh in counted.items()}, now)


def _wire(value: Any) -> Any:
    """Scalars are text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _number(text: str) -> int:
    if not text.isdecimal():
        raise Wrong(f"'{text}' is no id.")
    return int(text)
