"""Lightspeed's lists: records with their relations, page after page, and what the traps make of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from local.simulators.database import Database
from local.simulators.lightspeed_query import Query
from local.simulators.lightspeed_records import Record, children, dumped, seconds_of, stamp_of
from local.simulators.messages import Request
from local.simulators.traps import Traps
from shared.platform.clock import Clock

COLUMNS = {
    "sale": "body, relations",
    "item": "body, web_shop",
    "item_shop": "item, shop, qoh, time_stamp",
    "customer": "body, contact",
    "category": "body, NULL",
    "shop": "body, NULL",
}
CHANGED = {"sale": "changed", "item": "time_stamp", "customer": "time_stamp"}
# Money and quantities, which may come with any number of places.
NUMBERS = ("calc", "total", "taxTotal", "displayable", "defaultCost", "amount", "qoh", "balance")
ODD = {"0": "-0"}
Row = tuple[Any, ...]


class Lists:
    """Threads share it."""

    def __init__(self, database: Database, traps: Traps, clock: Clock, edit: Callable[[str, int], None]) -> None:
        """`edit(table, id)` changes a record now, for the trap `edits_behind_cursor`."""
        self._database = database
        self._traps = traps
        self._clock = clock
        self._edit = edit

    def one(self, query: Query, number: int) -> Record | None:
        table = query.entity.table
        rows = self._database.rows(f"SELECT id, 0, {COLUMNS[table]} FROM {table} WHERE id = ?", (number,))
        return self._records(query, rows)[0] if rows else None

    def count(self, query: Query) -> int:
        found = self._database.row(f"SELECT COUNT(*) FROM {query.entity.table} WHERE {query.where}", query.values)
        return int(found[0]) if found else 0

    def page(self, query: Query, request: Request) -> bytes:
        """The body of a list."""
        size = self._traps.page_size(query.limit, query.page)
        rows = [] if self._traps.covers("empty", request.path) else self._rows(query, size + 1)
        shown = rows[:size]
        following = ""
        if len(rows) > size and query.limit:
            # An empty page goes on where it began.
            number, value = shown[-1][:2] if shown else reversed(query.after or (0, 0))
            following = self._url(query, request, query.cursor(value, number))
        else:
            self._traps.list_ended(query.listing)
        records = [*self._repeated(query), *self._records(query, shown)]
        if shown and following and self._traps.every("edits_behind_cursor"):
            self._edit(query.entity.table, shown[0][0])
        return self._body(query, records, following)

    def _rows(self, query: Query, most: int) -> list[Row]:
        where, values = [query.where], list(query.values)
        if query.after:
            where.append(f"({query.column}, id) {'<' if query.descending else '>'} (?, ?)")
            values += query.after
        table = query.entity.table
        if (seconds := self._traps["eventual"]) and table in CHANGED:
            where.append(f"{CHANGED[table]} <= ?")
            values.append(int(self._clock.now().timestamp() - seconds))
        return self._selected(query, " AND ".join(where), values, most, query.descending)

    def _selected(self, query: Query, where: str, values: Sequence[Any], most: int, descending: bool) -> list[Row]:
        table, order = query.entity.table, "DESC" if descending else "ASC"
        return self._database.rows(
            f"SELECT id, {query.column}, {COLUMNS[table]} FROM {table} WHERE {where} "
            f"ORDER BY {query.column} {order}, id {order} LIMIT ?",
            [*values, most],
        )

    def _repeated(self, query: Query) -> list[Record]:
        """Trap `duplicates`: the last records of the page before, and one of them as it was an hour ago."""
        most = int(self._traps["duplicates"])
        if not (most and query.after):
            return []
        where = f"{query.where} AND ({query.column}, id) {'>=' if query.descending else '<='} (?, ?)"
        rows = self._selected(query, where, [*query.values, *query.after], most, not query.descending)
        found = self._records(query, rows)
        return [*found, *map(_older, found[:1])]

    def _records(self, query: Query, rows: Sequence[Row]) -> list[Record]:
        build = {"sale": _sale, "customer": _customer, "item_shop": _item_shop, "item": self._items_of(query, rows)}
        plain = build.get(query.entity.table, _plain)
        found = [(row[0], plain(row, query.relations)) for row in rows]
        if self._traps["numbers_as_strings"]:
            found = [(number, _odd(record)) for number, record in found]
        return [_broken(r, n, query.entity.id) if self._traps.is_garbage(n) else r for n, r in found]

    def _items_of(self, query: Query, rows: Sequence[Row]) -> Callable[[Row, Sequence[str]], Record]:
        if query.entity.table != "item":
            return _plain
        among = ",".join(str(row[0]) for row in rows)
        shops: dict[int, list[Record]] = {}
        for row in self._database.rows(f"SELECT id, 0, {COLUMNS['item_shop']} FROM item_shop WHERE item IN ({among})"):
            shops.setdefault(row[2], []).append(_item_shop(row, ()))
        categories = {number: json.loads(body) for number, body in self._database.rows("SELECT id, body FROM category")}
        return lambda row, relations: _item(row, relations, shops, categories)

    def _url(self, query: Query, request: Request, after: str) -> str:
        arguments = {**query.arguments, "after": after}
        return f"http://{request.headers.get('host', 'localhost')}{request.path}?{urlencode(arguments)}"

    def _body(self, query: Query, records: Sequence[Record], following: str) -> bytes:
        attributes = dumped({"next": following, "previous": ""})
        texts = self._traps.shuffled(map(dumped, records))
        if not texts:
            # Two ways of saying nothing: the key is missing, or its value is an empty text.
            listed = f',"{query.entity.name}":""' if self._traps["single_object"] else ""
        elif len(texts) == 1 and self._traps["single_object"]:
            listed = f',"{query.entity.name}":{texts[0]}'
        else:
            listed = f',"{query.entity.name}":[{",".join(texts)}]'
        return f'{{"@attributes":{attributes}{listed}}}'.encode()


def _plain(row: Row, _: Sequence[str]) -> Record:
    found: Record = json.loads(row[2])
    return found


def _sale(row: Row, relations: Sequence[str]) -> Record:
    found = json.loads(row[3]) if relations else {}
    return {**json.loads(row[2]), **{name: found[name] for name in relations}}


def _customer(row: Row, relations: Sequence[str]) -> Record:
    return {**json.loads(row[2]), **({"Contact": json.loads(row[3])} if relations else {})}


def _item_shop(row: Row, _: Sequence[str]) -> Record:
    number, _, item, shop, qoh, stamp = row
    told = {"itemShopID": number, "itemID": item, "shopID": shop, "qoh": qoh, "sellable": qoh, "backorder": 0}
    return {**{name: str(value) for name, value in told.items()}, "timeStamp": stamp_of(stamp)}


def _item(
    row: Row, relations: Sequence[str], shops: Mapping[int, list[Record]], categories: Mapping[int, Record]
) -> Record:
    record = json.loads(row[2])
    related = {
        # An item without a category has no such key.
        "Category": categories.get(int(record["categoryID"])),
        "ItemShops": children("ItemShop", shops.get(row[0], [])),
        "ItemECommerce": json.loads(row[3]) or None,
    }
    return {**record, **{name: related[name] for name in relations if related[name] is not None}}


def _older(record: Record) -> Record:
    earlier: Record = {
        name: stamp_of(seconds_of(record[name]) - 3600) for name in ("timeStamp", "updatetime") if name in record
    }
    return {**record, **earlier, **({"calcTotal": "0.01", "completed": "false"} if "calcTotal" in record else {})}


def _odd(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _odd(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_odd(inner, name) for inner in value]
    if not name.startswith(NUMBERS):
        return value
    return ODD.get(value, value + ("00" if "." in value else ".0"))


def _broken(record: Record, number: int, id_name: str) -> Record:
    """One of several ways in which a record is none, always the same for the same record."""
    kinds: tuple[Record, ...] = (
        {id_name: None},
        {"timeStamp": "yesterday"},
        {"calcTotal": "a lot", "defaultCost": "a lot", "Contact": "nobody"},
        {"createTime": None},
        {"calcSubtotal": {"amount": "1"}, "Prices": "none", "firstName": ["Ada"]},
    )
    return {**record, **kinds[number // 2 % len(kinds)]}
