"""Cursors: what is encoded comes back, and nothing else is taken."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.analytics.cursors import Place, decode, encode
from shared.platform.errors import Invalid

AT = datetime(2026, 7, 1, 17, 0, 0, 123456, tzinfo=UTC)
PLACES = [
    Place(AT, "SQITM1"),
    Place(AT.replace(microsecond=0), "1"),
    Place(AT, "an id with spaces, Ñ and \n"),
    Place(datetime(9999, 1, 1, tzinfo=UTC), "x"),
]


@pytest.mark.parametrize("place", PLACES)
def test_a_place_comes_back_to_the_microsecond(place: Place) -> None:
    cursor = encode(place)
    assert decode(cursor) == place
    assert cursor.replace("-", "").replace("_", "").isalnum(), "it goes into a URL as it is"


def test_it_is_accepted_with_ids_far_longer_than_the_tills_have() -> None:
    """Square's have 24 characters."""
    assert len(encode(Place(AT, "X" * 150))) <= 256


def test_the_moment_counts_and_not_the_zone_that_it_is_written_in() -> None:
    text = AT.astimezone(timezone(timedelta(hours=-5))).isoformat()
    found = decode(base64.urlsafe_b64encode(f"{text} 1".encode()).decode().rstrip("="))
    assert (found.updated_at, found.updated_at.utcoffset()) == (AT, timedelta())


@pytest.mark.parametrize(
    "text",
    ["", " ", "x", "2026-07-01T17:00:00", "2026-07-01T17:00:00+00:00", "2026-07-01T17:00:00 1", "2026-13-01 1"],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        decode(base64.urlsafe_b64encode(text.encode()).decode().rstrip("="))
    assert refusal.value.fields == {"field": "cursor"}
