"""What a load job checks of a row: the columns of infra/schemas."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from shared.pos.models import Row
from shared.pos.statements import columns

INT64 = 2**63
NUMERIC = re.compile(r"-?\d{1,29}(\.\d{1,9})?", re.ASCII)
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)


def is_string(value: Any) -> bool:
    return isinstance(value, str) and value.encode("utf-8", "ignore").decode() == value


FITS: dict[str, Callable[[Any], bool]] = {
    "STRING": is_string,
    "INTEGER": lambda value: type(value) is int and -INT64 <= value < INT64,
    "NUMERIC": lambda value: isinstance(value, str) and bool(NUMERIC.fullmatch(value)),
    "TIMESTAMP": lambda value: isinstance(value, str) and bool(TIMESTAMP.fullmatch(value)),
    "BOOLEAN": lambda value: type(value) is bool,
}


def misfits(row: Row, table: str) -> list[str]:
    """Columns whose value would not load, that are not there, or that the table does not have."""
    found = [column["name"] for column in columns(table) if not _fits(row.get(column["name"]), column)]
    return [*found, *(row.keys() - {column["name"] for column in columns(table)})]


def _fits(value: Any, column: dict[str, Any]) -> bool:
    return column["mode"] == "NULLABLE" if value is None else FITS[column["type"]](value)
