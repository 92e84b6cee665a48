"""The hash chain: how a row is hashed, and where a chain breaks. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from shared.audit.errors import UnfitEvent
from shared.audit.models import CHAIN_COLUMNS, Break, Head, Link, Row, Table
from shared.values.names import snake

FIRST_PREVIOUS = "0" * 64
TYPES: Mapping[str, type] = {"STRING": str, "BOOL": bool, "INT64": int, "TIMESTAMP": datetime}


def row_of(table: Table, event: Mapping[str, Any]) -> Row:
    """The row of an event: its envelope and data, under the table's column names. Raises `UnfitEvent`."""
    known = {
        **{snake(name): value for name, value in event["data"].items()},
        "event_id": event["eventId"],
        "created_at": event["occurredAt"],
        "customer_hash": event["customerHash"] or None,
        "request_id": event["requestId"] or None,
        "type": event["type"],
    }
    row = {name: known.get(name) for name in table.columns if name not in CHAIN_COLUMNS}
    missing = sorted(name for name in row if row[name] is None and name in table.required)
    if missing:
        raise UnfitEvent(f"Event {event['eventId']} has no {', '.join(missing)} for {table.full_name}.")
    typed = {name: _typed(table.columns[name], value) for name, value in row.items()}
    wrong = sorted(name for name, value in typed.items() if not _fits(table.columns[name], value))
    if wrong:
        # Found before the event gets a place: a row that the table refuses would leave a hole in the chain.
        raise UnfitEvent(f"Event {event['eventId']} has a wrong {', '.join(wrong)} for {table.full_name}.")
    return typed


def link_after(head: Head | None, row: Row) -> Link:
    """The next link of a day's chain."""
    sequence = head.sequence + 1 if head else 1
    previous = head.row_hash if head else FIRST_PREVIOUS
    return Link(sequence, previous, row_hash(row, sequence, previous))


def row_hash(row: Mapping[str, Any], sequence: int, previous_hash: str) -> str:
    """SHA-256, hex, over the row's canonical JSON, its position and the hash before it."""
    content = {name: _canonical(value) for name, value in row.items() if name not in CHAIN_COLUMNS}
    text = json.dumps([previous_hash, sequence, content], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def without_newer(rows: Sequence[Row], head: Head | None, newest: Head | None) -> list[Row]:
    """Without the rows that were stored while the chain was read: between its `head` before and its `newest` after."""
    low, high = (found.sequence if found else 0 for found in (head, newest))
    return [row for row in rows if not low < (row["chain_sequence"] or 0) <= high]


def first_break(
    table: str, day: str, rows: Sequence[Row], head: Head | None, pending: Mapping[int, str] = MappingProxyType({})
) -> Break | None:
    """The first row that was altered, removed, doubled or added; None for a whole chain.

    `rows` are ordered by chain_sequence; `head` is what Firestore says the last link is, None when it knows of none.
    `pending` are links (sequence → row hash) whose rows are still on their way into the table.
    """
    previous, expected = FIRST_PREVIOUS, 1
    for row in rows:
        sequence, event_id = row["chain_sequence"] or 0, row["event_id"]
        previous, expected = _over_pending(previous, expected, sequence, pending)
        if sequence < 1:
            return Break(table, day, sequence, event_id, "altered", "it has no place in the chain")
        if sequence < expected:
            return Break(table, day, sequence, event_id, "duplicate", "a second row has this place in the chain")
        if sequence > expected:
            return Break(table, day, expected, "", "missing", f"no row has this place; the next is {event_id}")
        if row["previous_hash"] != previous or row["row_hash"] != row_hash(row, sequence, previous):
            return Break(table, day, sequence, event_id, "altered", "its content does not give its hash")
        previous, expected = row["row_hash"], expected + 1
    length = head.sequence if head else 0
    previous, expected = _over_pending(previous, expected, length + 1, pending)
    return _end(table, day, rows, Head(expected - 1, previous), head or Head(0, FIRST_PREVIOUS))


def _over_pending(previous: str, expected: int, until: int, pending: Mapping[int, str]) -> tuple[str, int]:
    while expected < until and expected in pending:
        previous, expected = pending[expected], expected + 1
    return previous, expected


def _end(table: str, day: str, rows: Sequence[Row], found: Head, head: Head) -> Break | None:
    if head == found:
        return None
    if found.sequence < head.sequence:
        return Break(table, day, found.sequence + 1, "", "missing", f"the chain has {head.sequence} rows")
    first_wrong = next((row for row in rows if row["chain_sequence"] > head.sequence), None)
    if first_wrong:
        sequence, event_id = first_wrong["chain_sequence"], first_wrong["event_id"]
        return Break(table, day, sequence, event_id, "extra", f"the chain has {head.sequence} rows only")
    last = rows[-1]["event_id"] if rows else ""
    return Break(table, day, found.sequence, last, "altered", "the chain was written anew up to here")


def _fits(kind: str, value: Any) -> bool:
    if isinstance(value, datetime) and value.tzinfo is None:
        return False
    return value is None or kind not in TYPES or type(value) is TYPES[kind]


def _typed(kind: str, value: Any) -> Any:
    if kind == "TIMESTAMP" and isinstance(value, str):
        return datetime.fromisoformat(value)
    return value


def _canonical(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value
