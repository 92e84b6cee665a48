"""Shapes that every domain's wire schemas share."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from marshmallow import Schema, fields, validate

from shared.platform.clock import wire_time

# '.' and '..' are made of allowed characters, but every URL library resolves them as path segments.
CUSTOMER_ID = r"^(?!\.{1,2}$)[A-Za-z0-9._:@-]{1,128}$"
# Not compiled: most functions take no time, and each cold start would pay for it.
TIME = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?([Zz]|[+-][0-9]{2}:[0-9]{2}))?"
)
MOST_DOLLARS = 1_000_000_000


class WireTime(fields.Field[datetime]):
    """RFC 3339 in UTC with milliseconds and `Z`."""

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return wire_time(value) if value else None

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        """Any offset is taken. A day alone is its midnight in UTC."""
        if not isinstance(value, str) or not re.fullmatch(TIME, value):
            raise self.make_error("validator_failed")
        try:
            found = datetime.fromisoformat(value.upper())
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        except (ValueError, OverflowError):
            raise self.make_error("validator_failed") from None

    default_error_messages = {  # noqa: RUF012
        "validator_failed": "must be a time with its offset, like 2026-07-01T17:00:00Z."
    }


class WireDate(fields.Field[date]):
    """A calendar day, `YYYY-MM-DD`."""

    def _serialize(self, value: date | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return value.isoformat() if value else None

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date:
        try:
            day = date.fromisoformat(value)
        except (TypeError, ValueError):
            day = None
        # fromisoformat takes other forms too (20250131, 2025-W05-5): one way of writing a day.
        if day is None or day.isoformat() != value:
            raise self.make_error("validator_failed") from None
        return day

    default_error_messages = {"validator_failed": "must be a calendar day, YYYY-MM-DD."}  # noqa: RUF012


class WholeNumber(fields.Integer):
    """Of a query string: digits and nothing else. Python's own reading takes `1_0`, `+7` and other scripts' digits."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if not (isinstance(value, str) and value.isascii() and value.isdigit()):
            raise self.make_error("invalid")
        return int(value)


class Money(fields.Field[int]):
    """Whole cents inside, dollars with two places on the wire: 4700 → `47.00`, a JSON number."""

    def _serialize(self, value: int | None, attr: str | None, obj: Any, **kwargs: Any) -> Decimal | None:
        return None if value is None else Decimal(value).scaleb(-2)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        # What JSON wrote as 19.99 is a float here, and its shortest text is what was written.
        amount = Decimal(str(value)) if isinstance(value, int | float) and not isinstance(value, bool) else None
        if amount is None or not amount.is_finite() or abs(amount) >= MOST_DOLLARS:
            raise self.make_error("validator_failed")
        cents = amount.scaleb(2)
        if cents != cents.to_integral_value():
            raise self.make_error("validator_failed")
        return int(cents)

    default_error_messages = {  # noqa: RUF012
        "validator_failed": "must be an amount in dollars with at most two decimals."
    }


def json_text(value: Any) -> str:
    """Compact JSON, with a Decimal as the number that it is written as."""
    if not _has_decimal(value):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    import simplejson

    return str(simplejson.dumps(value, use_decimal=True, ensure_ascii=False, separators=(",", ":")))


def dumped(kind: type[Schema], value: Any) -> bytes:
    """The JSON text of `value` in the shape of a schema."""
    return json_text(kind().dump(value)).encode()


def _has_decimal(value: Any) -> bool:
    """Only answers with money pay for the import of what writes it."""
    if isinstance(value, dict):
        return any(map(_has_decimal, value.values()))
    if isinstance(value, list):
        return any(map(_has_decimal, value))
    return isinstance(value, Decimal)


def customer_id_field() -> fields.String:
    return fields.String(
        required=True,
        data_key="customerId",
        validate=[
            validate.Length(min=1, max=128, error="must be 1 to 128 characters."),
            # \Z and not $: a final line end is not part of any id.
            validate.Regexp(
                r"(?!\.{1,2}\Z)[A-Za-z0-9._:@-]*\Z", error="may hold letters, digits, '.', '_', ':', '@', '-' only."
            ),
        ],
        metadata={"example": "c-1", "pattern": CUSTOMER_ID},
    )


class ErrorAnswer(Schema):
    """Every error: a sentence a person can act on, a stable code, and the request's id. Sections add fields."""

    success = fields.Constant(False, required=True)
    error = fields.String(required=True)
    code = fields.String(required=True)
    request_id = fields.String(required=True, data_key="requestId")
