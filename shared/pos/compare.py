"""Counting rows by place, and when source and warehouse say the same. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from shared.pos.models import Certificate, Difference, Place, Row, Stream, Tallies, Tally

NOTHING = Tally()


def key_of(row: Row, stream: Stream) -> tuple[str, ...]:
    return tuple([row[name] for name in stream.key])


def place_of(row: Row, stream: Stream) -> Place:
    return (row[stream.location] if stream.location else "", row["created_at"][:10]) if stream.dated else ("", "")


def tally(rows: Iterable[Row], stream: Stream, start: datetime, end: datetime) -> Tallies:
    """Of the rows made in [start, end), by location and day; of a stream that is not dated: of all living rows."""
    first, last = stamp(start), stamp(end)
    found: Tallies = {}
    for row in rows:
        count(found, row, stream, first, last)
    return found


def count(found: Tallies, row: Row, stream: Stream, first: str, last: str) -> None:
    """Put one row into the tallies of [first, last)."""
    if (first <= row["created_at"] < last) if stream.dated else not row["deleted"]:
        place = place_of(row, stream)
        found[place] = found.get(place, NOTHING).plus(cents(row, stream), row["updated_at"])


def cents(row: Row, stream: Stream) -> int:
    return (row[stream.amount] or 0) if stream.amount else 0


def stamp(moment: datetime) -> str:
    """As the rows' times are written, so that they compare as text."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def together(first: Tallies, second: Tallies) -> Tallies:
    """Of rows that are in one of them only."""
    found = dict(first)
    for place, other in second.items():
        known = found.get(place, NOTHING)
        found[place] = Tally(known.count + other.count, known.cents + other.cents, max(known.newest, other.newest))
    return found


def total(tallies: Tallies) -> Tally:
    found = NOTHING
    for tally in tallies.values():
        found = Tally(found.count + tally.count, found.cents + tally.cents, max(found.newest, tally.newest))
    return found


def differences(stream: Stream, source: Tallies, warehouse: Tallies) -> list[Difference]:
    """The places where the two are not equal, the newest first."""
    found = [
        Difference(stream.name, *place, source.get(place, NOTHING), warehouse.get(place, NOTHING))
        for place in source.keys() | warehouse.keys()
        if source.get(place, NOTHING) != warehouse.get(place, NOTHING)
    ]
    return sorted(found, key=lambda d: (d.day, d.location), reverse=True)


def certificate(
    stream: Stream, at: datetime, source: Tallies, found: Sequence[Difference], repaired: int = 0, uncertified: int = 0
) -> Certificate:
    sums = total(source)
    return Certificate(
        stream=stream.name,
        checked_at=at,
        places=len(source),
        rows=sums.count,
        cents=sums.cents,
        newest=sums.newest,
        newest_day=max((day for (_, day), tally in source.items() if tally.count), default=""),
        repaired=repaired,
        uncertified=uncertified,
        differences=tuple(found),
    )


def both(first: Certificate | None, second: Certificate | None) -> Certificate | None:
    """Of two parts of a stream that have no place in common."""
    if first is None or second is None:
        return first or second
    return Certificate(
        stream=first.stream,
        checked_at=max(first.checked_at, second.checked_at),
        places=first.places + second.places,
        rows=first.rows + second.rows,
        cents=first.cents + second.cents,
        newest=max(first.newest, second.newest),
        newest_day=max(first.newest_day, second.newest_day),
        repaired=first.repaired + second.repaired,
        uncertified=first.uncertified + second.uncertified,
        differences=first.differences + second.differences,
        more=first.more + second.more,
    )
