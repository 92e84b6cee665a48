"""A made-up shop's data: each record as JSON text, beside the columns that are filtered, sorted and summed.

Times are seconds since 1970. `changed` is the later of a sale's two times.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator, Mapping, Sequence

from local.simulators.lightspeed_records import (
    UNITS_A_CENT,
    Record,
    Sale,
    cents_of,
    contact_record,
    customer_record,
    dumped,
    item_record,
    sale_record,
    sale_relations,
    seconds_of,
    stamp_of,
    web_shop_record,
)
from local.simulators.provider import Parameters

ACCOUNT = "314159"
SHOPS = {1: "Main Street", 2: "Market Square"}
CATEGORIES = ("Flower", "Edibles", "Tinctures", "Topicals", "Vapes", "Accessories")
DAY = 86_400
LATEST_CHANGE = 60 * DAY
TABLES = """
CREATE TABLE sale (
  id INTEGER PRIMARY KEY, create_time INTEGER, time_stamp INTEGER, update_time INTEGER, complete_time INTEGER,
  changed INTEGER, shop INTEGER, customer INTEGER, completed INTEGER, voided INTEGER, archived INTEGER,
  cents INTEGER, body TEXT, relations TEXT);
CREATE INDEX sale_created ON sale (create_time);
CREATE INDEX sale_stamped ON sale (time_stamp);
CREATE INDEX sale_updated ON sale (update_time);
CREATE TABLE item (
  id INTEGER PRIMARY KEY, create_time INTEGER, time_stamp INTEGER, category INTEGER, archived INTEGER, cents INTEGER,
  description TEXT, body TEXT, web_shop TEXT);
CREATE TABLE item_shop (
  id INTEGER PRIMARY KEY, item INTEGER, shop INTEGER, qoh INTEGER, time_stamp INTEGER, UNIQUE (item, shop));
CREATE INDEX item_shop_stamped ON item_shop (time_stamp);
CREATE TABLE customer (
  id INTEGER PRIMARY KEY, create_time INTEGER, time_stamp INTEGER, archived INTEGER, body TEXT, contact TEXT);
CREATE TABLE category (id INTEGER PRIMARY KEY, time_stamp INTEGER, name TEXT, body TEXT);
CREATE TABLE shop (id INTEGER PRIMARY KEY, time_stamp INTEGER, name TEXT, archived INTEGER, body TEXT);
"""


def fill(database: sqlite3.Connection, parameters: Parameters) -> None:
    """The same parameters give the same records."""
    until = int(parameters.until.timestamp())
    chance = random.Random(parameters["seed"])
    _put_places(database, until - parameters["days"] * DAY)
    costs = [chance.randrange(499, 15_000) for _ in range(max(1, parameters["items"]))]
    for number, cents in enumerate(costs[: parameters["items"]], start=1):
        made, stamp = _times(chance, until, parameters["days"])
        record = item_record(number, made, stamp, cents, number % (len(CATEGORIES) + 1))
        put_item(database, record)
        counted = {} if record["itemType"] == "non_inventory" else {shop: chance.randrange(-3, 60) for shop in SHOPS}
        set_stock(database, number, counted, stamp)
    for number in range(1, parameters["customers"] + 1):
        made, stamp = _times(chance, until, parameters["days"])
        put_customer(database, customer_record(number, made, stamp), contact_record(number, stamp))
    for sale in _sales(chance, until, parameters, costs):
        put_sale(database, sale_record(sale), sale_relations(sale))


def put_sale(database: sqlite3.Connection, record: Record, relations: Record) -> None:
    made, stamp, updated = (seconds_of(record[name]) for name in ("createTime", "timeStamp", "updatetime"))
    completed = seconds_of(record["completeTime"]) if record.get("completeTime") else None
    flags = (record[name] == "true" for name in ("completed", "voided", "archived"))
    database.execute(
        "INSERT OR REPLACE INTO sale VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        (
            int(record["saleID"]),
            made,
            stamp,
            updated,
            completed,
            max(stamp, updated),
            int(record["shopID"]),
            int(record["customerID"]),
            *flags,
            cents_of(record["calcTotal"]),
            dumped(record),
            dumped(relations),
        ),
    )


def put_item(database: sqlite3.Connection, record: Record) -> None:
    prices = record["Prices"]["ItemPrice"]
    first = prices[0] if isinstance(prices, list) else prices
    number = int(record["itemID"])
    database.execute(
        "INSERT OR REPLACE INTO item VALUES (?,?,?,?,?,?,?,?,?)",
        (
            number,
            seconds_of(record["createTime"]),
            seconds_of(record["timeStamp"]),
            int(record["categoryID"]),
            record["archived"] == "true",
            cents_of(first["amount"]),
            record["description"],
            dumped(record),
            dumped(web_shop_record(number)),
        ),
    )


def set_stock(database: sqlite3.Connection, item: int, counted: Mapping[int, int], stamp: int) -> None:
    """Of the shops named. The row of shop 0 is the sum of all others; the item's own time stands still."""
    put = (
        "INSERT INTO item_shop (item, shop, qoh, time_stamp) VALUES (?,?,?,?) "
        "ON CONFLICT (item, shop) DO UPDATE SET qoh = excluded.qoh, time_stamp = excluded.time_stamp"
    )
    for shop, qoh in counted.items():
        database.execute(put, (item, shop, qoh, stamp))
    total = database.execute("SELECT COALESCE(SUM(qoh), 0) FROM item_shop WHERE item = ? AND shop > 0", (item,))
    database.execute(put, (item, 0, total.fetchone()[0], stamp))


def put_customer(database: sqlite3.Connection, record: Record, contact: Record) -> None:
    database.execute(
        "INSERT OR REPLACE INTO customer VALUES (?,?,?,?,?,?)",
        (
            int(record["customerID"]),
            seconds_of(record["createTime"]),
            seconds_of(record["timeStamp"]),
            record["archived"] == "true",
            dumped(record),
            dumped(contact),
        ),
    )


def _put_places(database: sqlite3.Connection, opened: int) -> None:
    for number, name in enumerate(CATEGORIES, start=1):
        category = {"categoryID": str(number), "name": name, "nodeDepth": "0", "fullPathName": name, "parentID": "0"}
        database.execute("INSERT INTO category VALUES (?,?,?,?)", (number, opened, name, dumped(category)))
    for number, name in SHOPS.items():
        shop = {"shopID": str(number), "name": name, "archived": "false", "timeStamp": stamp_of(opened)}
        database.execute("INSERT INTO shop VALUES (?,?,?,0,?)", (number, opened, name, dumped(shop)))


def _times(chance: random.Random, until: int, days: int) -> tuple[int, int]:
    made = until - chance.randrange(1, max(1, days) * DAY + 1)
    return made, chance.randrange(made, until)


def _sales(chance: random.Random, until: int, parameters: Parameters, costs: Sequence[int]) -> Iterator[Sale]:
    first, people = until - max(1, parameters["days"]) * DAY, parameters["customers"]
    made_at = sorted(chance.randrange(first, until) for _ in range(parameters["sales"]))
    for number, made in enumerate(made_at, start=1):
        items = [chance.randrange(len(costs)) for _ in range(chance.choice((1, 1, 2, 2, 3, 4)))]
        done = min(until - 1, made + chance.randrange(600))
        late = chance.randrange(LATEST_CHANGE) if chance.random() < 0.03 else 0
        yield Sale(
            number=number,
            made=made,
            stamp=done,
            updated=min(until - 1, done + late),
            shop=1 if chance.random() < 0.7 else 2,
            customer=chance.randrange(people) + 1 if people and chance.random() < 0.4 else 0,
            status=_status(chance, until - made),
            archived=chance.random() < 0.01,
            lines=tuple((item + 1, costs[item] * UNITS_A_CENT, chance.choice((1, 1, 1, 2, 3))) for item in items),
            refund=chance.random() < 0.02,
            discount_percent=chance.choice((0, 0, 0, 0, 5, 10, 15)),
            second_tax=chance.random() < 0.1,
        )


def _status(chance: random.Random, age: int) -> str:
    drawn = chance.random()
    if drawn < 0.03:
        return "voided"
    return "open" if drawn < 0.04 or (age < DAY and drawn < 0.1) else "completed"
