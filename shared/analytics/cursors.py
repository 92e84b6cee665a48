"""Where a page of products ends: opaque to callers."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.platform.errors import Invalid


@dataclass(frozen=True)
class Place:
    """The last product of a page, in the order of the list."""

    updated_at: datetime
    id: str


def encode(place: Place) -> str:
    text = f"{place.updated_at.isoformat()} {place.id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str) -> Place:
    """Raises `Invalid`."""
    try:
        return _place(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode())
    except (binascii.Error, ValueError, OverflowError):
        sentence = "cursor is none of ours. Send the nextCursor of the page before, or leave it out."
        raise Invalid(sentence, field="cursor") from None


def _place(text: str) -> Place:
    moment, _, product_id = text.partition(" ")
    updated_at = datetime.fromisoformat(moment)
    if not product_id or updated_at.tzinfo is None:
        raise ValueError(text)
    # A time that UTC's calendar has no day for is none.
    return Place(updated_at.astimezone(UTC), product_id)
