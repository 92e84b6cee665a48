"""The account's transactions, in SQLite, and their settlement at the turn of the day."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from local.simulators.authorizenet_account import CUT_OFF, DAY, Card, cut_off_after, utc
from local.simulators.database import Database, Row
from local.simulators.square_shop import milliseconds
from shared.platform.clock import Clock

CHARGE, REFUND = "authCaptureTransaction", "refundTransaction"
# `responseCode`
APPROVED, DECLINED, FAILED, HELD = 1, 2, 3, 4
CAPTURED, SETTLED = "capturedPendingSettlement", "settledSuccessfully"
REFUND_PENDING, REFUNDED = "refundPendingSettlement", "refundSettledSuccessfully"
IN_REVIEW, VOIDED, REFUSED = "FDSPendingReview", "voided", "declined"
UNSETTLED = (CAPTURED, REFUND_PENDING, IN_REVIEW)
IN_BATCH = (SETTLED, REFUNDED)
STREAMS = {"charges": (CHARGE, (CAPTURED, SETTLED)), "refunds": (REFUND, (REFUND_PENDING, REFUNDED))}
FIRST_ID, IDS_A_SEED = 60_000_000_000, 10_000_000

TABLES = """
CREATE TABLE transactions (
    id INTEGER PRIMARY KEY, type TEXT, cents INTEGER, status TEXT, response INTEGER, reason TEXT, submitted INTEGER,
    captured INTEGER, card TEXT, reference TEXT, ref_id TEXT, description TEXT, customer TEXT, bill_to TEXT,
    profile INTEGER, payment INTEGER, refunds INTEGER, batch INTEGER, auth_code TEXT, fingerprint TEXT
);
CREATE INDEX unsettled ON transactions (status, captured);
CREATE INDEX batches ON transactions (batch);
CREATE INDEX twins ON transactions (fingerprint);
CREATE INDEX reversals ON transactions (refunds);
"""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A transaction. Times are in milliseconds. `captured`: since when it waits to be settled."""

    id: int = 0
    type: str
    cents: int
    status: str
    response: int
    reason: str
    submitted: int
    captured: int
    card: Card
    reference: str = ""
    ref_id: str = ""
    description: str = ""
    customer: Mapping[str, str] = field(default_factory=dict)
    bill_to: Mapping[str, str] = field(default_factory=dict)
    profile: int | None = None
    payment: int | None = None
    refunds: int | None = None
    batch: int | None = None
    auth_code: str = ""
    fingerprint: str = ""

    @property
    def takes_money(self) -> bool:
        return self.type == CHARGE and self.status in (CAPTURED, SETTLED)


NAMES = tuple(Entry.__dataclass_fields__)
COLUMNS = ", ".join(NAMES)


class Book:
    """Methods that change something take part in the caller's SQLite transaction, `connection`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.seed = 1
        self._database = database
        self._clock = clock

    def now(self) -> int:
        return milliseconds(self._clock.now())

    def entry(self, transaction_id: Any, connection: sqlite3.Connection | None = None) -> Entry | None:
        found = self.entries("id = ?", (int(transaction_id),), connection) if is_number(transaction_id) else []
        return found[0] if found else None

    def entries(
        self, where: str, parameters: Sequence[Any] = (), connection: sqlite3.Connection | None = None
    ) -> list[Entry]:
        sql = f"SELECT {COLUMNS} FROM transactions WHERE {where}"
        if connection is not None:
            return [_read(row) for row in connection.execute(sql, parameters)]
        return [_read(row) for row in self._database.rows(sql, parameters)]

    def count(self, where: str, parameters: Sequence[Any]) -> int:
        return int(self._database.rows(f"SELECT count(*) FROM transactions WHERE {where}", parameters)[0][0])

    def batches(self, first: int, last: int) -> list[int]:
        """Those between them that have something in them."""
        sql = "SELECT DISTINCT batch FROM transactions WHERE batch >= ? AND batch <= ? ORDER BY 1"
        return [batch for (batch,) in self._database.rows(sql, (first, last))]

    def insert(self, connection: sqlite3.Connection, entry: Entry) -> Entry:
        first = FIRST_ID + self.seed % 1000 * IDS_A_SEED
        (newest,) = connection.execute("SELECT max(id) FROM transactions").fetchone()
        made = replace(entry, id=(newest or first) + 1)
        if made.response in (APPROVED, HELD) and made.type == CHARGE:
            made = replace(made, auth_code=f"{made.id * 7919 % 36**6:06X}"[-6:])
        marks = ", ".join("?" * len(NAMES))
        connection.execute(f"INSERT INTO transactions ({COLUMNS}) VALUES ({marks})", _row(made))
        return made

    def change(self, connection: sqlite3.Connection, entry: Entry, **values: Any) -> Entry:
        """`values` by the names of columns."""
        assignments = ", ".join(f"{name} = ?" for name in values)
        connection.execute(f"UPDATE transactions SET {assignments} WHERE id = ?", (*values.values(), entry.id))
        return replace(entry, **values)

    def twin(self, connection: sqlite3.Connection, fingerprint: str, seconds: int) -> Entry | None:
        """The first of the same kind within so many seconds until now, whatever became of it."""
        now = self.now()
        span = (fingerprint, now - seconds * 1000, now)
        found = self.entries("fingerprint = ? AND submitted > ? AND submitted <= ? ORDER BY id", span, connection)
        return found[0] if found and seconds else None

    def refunded(self, connection: sqlite3.Connection, original: Entry) -> int:
        sql = "SELECT coalesce(sum(cents), 0) FROM transactions WHERE refunds = ? AND status IN (?, ?)"
        (cents,) = connection.execute(sql, (original.id, REFUND_PENDING, REFUNDED)).fetchone()
        return int(cents)

    def settle(self) -> None:
        """Put what was captured before the last turn of the day in the batch of its own day.

        On a clock that was moved back nothing happens until that turn comes (again).
        """
        span = (CAPTURED, REFUND_PENDING, cut_off_after(self.now()) - DAY)
        due = "status IN (?, ?) AND captured < ?"
        if self._database.row(f"SELECT 1 FROM transactions WHERE {due} LIMIT 1", span) is None:
            return
        with self._database.write() as connection:
            connection.execute(
                f"UPDATE transactions SET batch = 10000000 + (captured - {CUT_OFF}) / {DAY} + 1, "
                f"status = CASE status WHEN '{CAPTURED}' THEN '{SETTLED}' ELSE '{REFUNDED}' END WHERE {due}",
                span,
            )

    def ledger(self, stream: str, start: datetime | None, end: datetime | None) -> dict[str, Any]:
        """What was taken or given back, voided and held ones not among it."""
        kind, statuses = STREAMS[stream]
        first, last = (milliseconds(moment) if moment else limit for moment, limit in ((start, 0), (end, 1 << 60)))
        rows = self._database.rows(
            f"SELECT submitted / {DAY}, count(*), sum(cents), max(submitted) FROM transactions WHERE type = ? "
            "AND status IN (?, ?) AND submitted >= ? AND submitted < ? GROUP BY 1 ORDER BY 1",
            (kind, *statuses, first, last),
        )
        places = [
            {"location": "", "day": utc(day * DAY)[:10], "count": count, "cents": cents, "newest": utc(newest)}
            for day, count, cents, newest in rows
        ]
        total = {name: sum(row[at] for row in rows) for name, at in (("count", 1), ("cents", 2))}
        newest = utc(max(row[3] for row in rows)) if rows else ""
        return {**total, "newest": newest, "places": places, "garbage": []}

    def today(self) -> datetime:
        return self._clock.now()


def is_number(text: Any) -> bool:
    return str(text).isascii() and str(text).isdecimal() and len(str(text)) < 19


def shown(entry: Entry) -> dict[str, Any]:
    """Every column, as the control API shows it."""
    found = {name: getattr(entry, name) for name in NAMES if name not in ("card", "fingerprint")}
    times = {name: utc(found[name]) for name in ("submitted", "captured")}
    ids = {name: str(found[name] or "") for name in ("id", "profile", "payment", "refunds", "batch")}
    return {**found, **times, **ids, "last4": entry.card.last4, "brand": entry.card.brand, "token": entry.card.token}


def _read(row: Row) -> Entry:
    values = dict(zip(NAMES, row, strict=True))
    read = {"card": Card.read(values["card"])} | {name: json.loads(values[name]) for name in ("customer", "bill_to")}
    return Entry(**values | read)


def _row(entry: Entry) -> list[Any]:
    values = {name: getattr(entry, name) for name in NAMES}
    written = {"card": entry.card.text()} | {name: json.dumps(values[name]) for name in ("customer", "bill_to")}
    return list((values | written).values())
