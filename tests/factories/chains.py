"""A day's chain in memory, and what can be done to its rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared.audit.models import CHAIN_COLUMNS, Head, Row, Table
from shared.audit.repository import tables
from shared.audit.rules import link_after, row_of
from tests.factories.events import AT, attempt


def table(name: str = "age_verification_attempts") -> Table:
    return next(found for found in tables() if found.name == name)


def chain(length: int, at: datetime = AT) -> tuple[list[Row], Head | None]:
    """The rows of a whole chain, and its head."""
    rows: list[Row] = []
    head = None
    for number in range(1, length + 1):
        row = row_of(table(), attempt(at, f"evt_{number}"))
        link = link_after(head, row)
        head = Head(link.sequence, link.row_hash)
        rows.append(
            {**row, **dict(zip(CHAIN_COLUMNS, (link.sequence, link.previous_hash, link.row_hash), strict=True))}
        )
    return rows, head


def flipped(value: Any) -> Any:
    """The value with one bit of it changed, of the same type."""
    if value is None:
        return "x"
    if isinstance(value, bool):
        return not value
    if isinstance(value, datetime):
        return value.replace(microsecond=value.microsecond ^ 1)
    if isinstance(value, int):
        return value ^ 1
    return chr(ord(value[0]) ^ 1) + value[1:]
