"""Shapes that every domain's wire schemas share."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from marshmallow import Schema, fields, validate

from shared.platform.clock import wire_time

# '.' and '..' are made of allowed characters, but every URL library resolves them as path segments.
CUSTOMER_ID = r"^(?!\.{1,2}$)[A-Za-z0-9._:@-]{1,128}$"


class WireTime(fields.Field[datetime]):
    """RFC 3339 in UTC with milliseconds and `Z`."""

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return wire_time(value) if value else None


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
