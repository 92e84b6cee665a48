"""Fills the account: exactly so many payments in the store's hours, customers, catalogue, refunds."""

from __future__ import annotations

import itertools
import json
import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from local.simulators.database import Database
from local.simulators.provider import Parameters
from local.simulators.square_catalog import IMAGES_FROM, categories, image_data, item_data
from local.simulators.square_shop import MILLISECONDS_A_DAY, TIMEZONE, Ids, milliseconds, price

TABLES = """
CREATE TABLE payments (number INTEGER PRIMARY KEY, location INT, created INT, updated INT, amount INT, tip INT,
  refunded INT, status TEXT, source INT, customer INT, refunds TEXT, touched INT DEFAULT 0, edited INT DEFAULT 0);
CREATE TABLE refunds (number INTEGER PRIMARY KEY, payment INT, location INT, created INT, updated INT, amount INT,
  status TEXT, reason INT, touched INT DEFAULT 0);
CREATE TABLE customers (number INTEGER PRIMARY KEY, created INT, updated INT, version INT, given TEXT, family TEXT,
  email TEXT, phone TEXT, touched INT DEFAULT 0);
CREATE TABLE catalog (number INTEGER PRIMARY KEY, type TEXT, updated INT, deleted INT, price INT, data TEXT,
  touched INT DEFAULT 0);
"""
INDEXES = """
CREATE INDEX payments_created ON payments (created);
CREATE INDEX payments_updated ON payments (updated);
CREATE INDEX refunds_created ON refunds (created);
CREATE INDEX refunds_updated ON refunds (updated);
CREATE INDEX customers_created ON customers (created);
CREATE INDEX customers_updated ON customers (updated);
"""
OPENS, CLOSES = 10, 21
# Monday first.
BUSY = (0.8, 0.8, 0.9, 1.0, 1.5, 1.7, 1.0)
GIVEN = ("Ada", "Zoë", "José", "Mei", "Omar", "Grace", "Ngozi", "Ivo", "Lía", "Sam", "Björn", "Noor")
FAMILY = ("Núñez", "O'Brien", "Smith-Jones", "Okafor", "Müller", "Garcia", "Lee", "Dubois", "Khan", "Novak")
BATCH = 20_000
REFUND_DAYS = 60
# Of what is not completed, while it is new; later only the last two are left.
UNFINISHED = ("APPROVED", "PENDING", "CANCELED", "FAILED")
Values = tuple[Any, ...]


class SquareSeed:
    def __init__(self, database: Database, parameters: Parameters) -> None:
        self._database = database
        self._parameters = parameters
        self._until = milliseconds(parameters.until)
        self._start = self._until - parameters["days"] * MILLISECONDS_A_DAY
        self._random = random.Random(parameters["seed"])
        self._refunds: list[Values] = []
        self._refund_count = 0

    def fill(self) -> None:
        self._insert("customers", "number, created, updated, version, given, family, email, phone", self._customers())
        self._insert("catalog", "number, type, updated, deleted, price, data", self._catalog())
        columns = "number, location, created, updated, amount, tip, refunded, status, source, customer, refunds"
        for batch in _batches(self._payments()):
            self._insert("payments", columns, iter(batch))
            refunds, self._refunds = self._refunds, []
            self._insert("refunds", "payment, location, created, updated, amount, status, reason", iter(refunds))
        with self._database.write() as connection:
            for statement in INDEXES.strip().splitlines():
                connection.execute(statement)

    def _insert(self, table: str, columns: str, rows: Iterator[Values]) -> None:
        marks = ", ".join("?" * len(columns.split(",")))
        with self._database.write() as connection:
            connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)

    def _customers(self) -> Iterator[Values]:
        chance = random.Random(self._parameters["seed"] + 1)
        count = self._parameters["customers"]
        for number in range(1, count + 1):
            created = self._start + (self._until - self._start) * (number - 1) // count
            updated = created + int(chance.random() ** 4 * (self._until - 1 - created))
            given, family = chance.choice(GIVEN), chance.choice(FAMILY)
            # Not everybody leaves an address or a number, or a second name.
            email = f"customer{number}@example.com" if chance.random() < 0.85 else None
            phone = f"+1512555{number % 10_000:04}" if chance.random() < 0.6 else None
            yield number, created, updated, 0, given, family if number % 17 else None, email, phone

    def _catalog(self) -> Iterator[Values]:
        """Items first, so that item `n` is row `n`; beyond those that are wanted some that were deleted."""
        chance, ids = random.Random(self._parameters["seed"] + 2), Ids(self._parameters["seed"])
        items = self._parameters["items"]
        gone = items * 3 // 100
        first_category = items + gone + 1
        for number in range(1, items + gone + 1):
            updated = self._start + int(chance.random() * (self._until - 1 - self._start))
            data = item_data(ids, number, self._parameters["seed"], first_category)
            cents = price(number, 0, self._parameters["seed"])
            yield number, "ITEM", updated, int(number > items), cents, json.dumps(data, ensure_ascii=False)
        for number, data in enumerate(categories(), first_category):
            yield number, "CATEGORY", self._start, 0, None, json.dumps(data, ensure_ascii=False)
        for item in range(3, items + 1, 3):
            yield IMAGES_FROM + item, "IMAGE", self._start, 0, None, json.dumps(image_data(item), ensure_ascii=False)

    def _payments(self) -> Iterator[Values]:
        draw, number = self._random.random, 0
        for start, end, count in self._days():
            for created in sorted(start + int(draw() * (end - start)) for _ in range(count)):
                number += 1
                yield self._payment(number, created)

    def _payment(self, number: int, created: int) -> Values:
        draw = self._random.random
        location = int(draw() >= 0.7)
        amount = min(500_000, max(150, int(math.exp(self._random.gauss(8.1, 0.75)))))
        tip = amount * (10 + int(draw() * 15)) // 100 if draw() < 0.12 else 0
        source = min(5, int(draw() ** 1.5 * 6))
        updated = min(created + 300 + int(draw() * 4000), self._until - 1)
        status, refunded, refunds = "COMPLETED", 0, ""
        chance = draw()
        if chance >= 0.96:
            recent = self._until - created < 2 * MILLISECONDS_A_DAY
            status = UNFINISHED[int(draw() * 4) if recent else 2 + int(draw() * 2)]
        elif chance < 0.02:
            updated, refunded, refunds = self._refund(number, location, created, amount + tip)
        return number, location, created, updated, amount, tip, refunded, status, source, self._buyer(created), refunds

    def _buyer(self, created: int) -> int | None:
        """Somebody who was a customer then; some come often."""
        draw = self._random.random
        if draw() >= 0.4:
            return None
        known = self._parameters["customers"] * (created - self._start) // (self._until - self._start)
        return 1 + int(draw() ** 2 * known) if known else None

    def _refund(self, number: int, location: int, created: int, total: int) -> tuple[int, int, str]:
        """`updated`, the refunded cents, the refunds' numbers: all of it, a part, or two parts."""
        draw = self._random.random
        last = min(created + REFUND_DAYS * MILLISECONDS_A_DAY, self._until - 1)
        part = max(1, int(total * (0.1 + draw() * 0.4)))
        parts = ((total,), (part,), (part, part))[int(draw() * 2.2)]
        moments = sorted(created + int(draw() * (last - created)) for _ in parts)
        numbers = []
        for moment, amount in zip(moments, parts, strict=True):
            self._refund_count += 1
            numbers.append(str(self._refund_count))
            self._refunds.append((number, location, moment, moment, amount, "COMPLETED", self._refund_count % 4))
        return moments[-1], sum(parts), ",".join(numbers)

    def _days(self) -> Iterator[tuple[int, int, int]]:
        """Start and end of each day's opening hours, in milliseconds, and how many payments it has."""
        hours = list(self._opening_hours())
        weights = [(end - start) * BUSY[weekday] * (0.8 + 0.4 * self._random.random()) for start, end, weekday in hours]
        total, wanted, so_far, given = sum(weights), self._parameters["payments"], 0.0, 0
        for (start, end, _), weight in zip(hours, weights, strict=True):
            so_far += weight
            due = wanted if end == hours[-1][1] else round(wanted * so_far / total)
            yield start, end, due - given
            given = due

    def _opening_hours(self) -> Iterator[tuple[int, int, int]]:
        zone = ZoneInfo(TIMEZONE)
        first = datetime.fromtimestamp(self._start // 1000, UTC).astimezone(zone).date()
        for day in (first + timedelta(days=number) for number in range(self._parameters["days"] + 2)):
            opens = datetime(day.year, day.month, day.day, OPENS, tzinfo=zone)
            start = max(self._start, milliseconds(opens))
            end = min(self._until, milliseconds(opens.replace(hour=CLOSES)))
            if start < end:
                yield start, end, day.weekday()


def _batches(rows: Iterator[Values]) -> Iterator[list[Values]]:
    while batch := list(itertools.islice(rows, BATCH)):
        yield batch
