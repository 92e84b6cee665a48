"""Reading a provider's records: every value is checked, and what does not fit says which field and why."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeGuard

from shared.platform.clock import wire_time
from shared.pos.models import Page, Reject, Row

# Of a number: the sum of a day's must fit into 64 bits too.
LARGEST = 10**15
# Years of a time: outside of them somebody's clock was wrong, and no partition is made for it.
FIRST_YEAR, LAST_YEAR = 1970, 2199
WIRE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
REJECT_CHARACTERS = 4000
# Parts of field names, in lower case and without underscores.
PERSONAL = (
    "address",
    "birth",
    "cardholder",
    "company",
    "displayname",
    "email",
    "familyname",
    "firstname",
    "givenname",
    "lastname",
    "nickname",
    "note",
    "phone",
    "ticketname",
)


class Unfit(ValueError):
    """The record cannot become a row; the text names the field."""


def page(
    records: Iterable[Any], row_of: Callable[[Mapping[str, Any]], Row | None], *, id_name: str = "id", retries: int = 0
) -> Page:
    """Rows of the records, and rejects of those that are none. `row_of` raises `Unfit`; None: not wanted here."""
    rows, rejects = [], []
    for record in records:
        try:
            row = row_of(mapping(record, "the record"))
        except Unfit as error:
            rejects.append(reject(record, str(error), id_name))
            continue
        if row is not None:
            rows.append(row)
    return Page(rows, rejects, retries)


def reject(record: Any, reason: str, id_name: str = "id") -> Reject:
    found = record.get(id_name) if isinstance(record, dict) else None
    text = json.dumps(_without_personal(record), ensure_ascii=False, sort_keys=True)
    whole_text = text.encode("utf-8", "replace").decode()
    return Reject(found if _is_text(found) else "", reason, whole_text[:REJECT_CHARACTERS])


def mapping(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Unfit(f"{name} is no object")
    return value


def required_text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    if not value or not _is_text(value):
        raise Unfit(f"{name} is missing or no text")
    return value


def optional_text(record: Mapping[str, Any], name: str) -> str | None:
    value = record.get(name)
    if value is None or value == "":
        return None
    if not _is_text(value):
        raise Unfit(f"{name} is no text")
    return value


def _is_text(value: Any) -> TypeGuard[str]:
    """JSON can hold half a surrogate pair, which no table can."""
    if not isinstance(value, str):
        return False
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)


def whole(value: Any, name: str) -> int:
    if type(value) is not int or abs(value) > LARGEST:
        raise Unfit(f"{name} is no whole number")
    return value


def moment(record: Mapping[str, Any], name: str) -> str:
    """A time as the tables have it: RFC 3339, UTC, milliseconds."""
    value = record.get(name)
    if isinstance(value, str):
        found = _moment_of(value)
        if found is not None and found.tzinfo is not None and FIRST_YEAR < found.year < LAST_YEAR:
            return value if WIRE_TIME.fullmatch(value) else wire_time(found)
    raise Unfit(f"{name} is no time")


def _moment_of(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _without_personal(value: Any, name: str = "") -> Any:
    if value and any(part in name.lower().replace("_", "") for part in PERSONAL):
        return "[removed]"
    if isinstance(value, dict):
        return {key: _without_personal(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_personal(inner, name) for inner in value]
    return value
