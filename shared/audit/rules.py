"""The hash chain: how a row is hashed, and where a chain breaks. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from shared.audit.errors import UnfitEvent
from shared.audit.models import CHAIN_COLUMNS, Break, Head, Link, Row, Table

FIRST_PREVIOUS = "0" * 64


def row_of(table: Table, event: Mapping[str, Any]) -> Row:
    """The row of an event: its envelope and data, under the table's column names. Raises `UnfitEvent`."""
    known = {
        "event_id": event["eventId"],
        "created_at": event["occurredAt"],
        "customer_hash": event["customerHash"] or None,
        "request_id": event["requestId"] or None,
        "type": event["type"],
        **{_snake(name): value for name, value in event["data"].items()},
    }
    row = {name: known.get(name) for name in table.columns if name not in CHAIN_COLUMNS}
    missing = sorted(name for name in row if row[name] is None and name in table.required)
    if missing:
        raise UnfitEvent(f"Event {event['eventId']} has no {', '.join(missing)} for {table.full_name}.")
    return {name: _typed(table.columns[name], value) for name, value in row.items()}


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


def first_break(table: str, day: str, rows: Sequence[Row], head: Head | None) -> Break | None:
    """The first row that was altered, removed, doubled or added; None for a whole chain.

    `rows` are ordered by chain_sequence; `head` is what Firestore says the last link is, None to leave that out.
    """
    previous, expected = FIRST_PREVIOUS, 1
    for row in rows:
        sequence, event_id = row["chain_sequence"], row["event_id"]
        if sequence < expected:
            return Break(table, day, sequence, event_id, "duplicate", "a second row has this place in the chain")
        if sequence > expected:
            return Break(table, day, expected, "", "missing", f"no row has this place; the next is {event_id}")
        if row["previous_hash"] != previous or row["row_hash"] != row_hash(row, sequence, previous):
            return Break(table, day, sequence, event_id, "altered", "its content does not give its hash")
        previous, expected = row["row_hash"], expected + 1
    return _end(table, day, Head(expected - 1, previous), head)


def _end(table: str, day: str, found: Head, head: Head | None) -> Break | None:
    if head is None or head == found:
        return None
    if found.sequence < head.sequence:
        return Break(table, day, found.sequence + 1, "", "missing", f"the chain has {head.sequence} rows")
    if found.sequence > head.sequence:
        return Break(table, day, head.sequence + 1, "", "extra", f"the chain has {head.sequence} rows only")
    return Break(table, day, found.sequence, "", "altered", "the whole chain was written anew up to here")


def _typed(kind: str, value: Any) -> Any:
    if kind == "TIMESTAMP" and isinstance(value, str):
        return datetime.fromisoformat(value)
    return value


def _canonical(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
