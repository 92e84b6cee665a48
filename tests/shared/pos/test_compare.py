from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.integrations.square_rows import ITEMS, PAYMENTS
from shared.platform.clock import wire_time
from shared.pos import compare
from shared.pos.models import (
    CREATED,
    Page,
    Row,
    Slice,
    Tallies,
    Tally,
)
from shared.pos.reader import chunk_of
from tests.factories.sync import AT, DAY, certificate, difference, item, payment

MIDNIGHT = AT.replace(hour=0)
# Hypothesis takes bounds without a time zone.
EARLIEST, LATEST = datetime(2020, 1, 1), datetime(2030, 1, 1)  # noqa: DTZ001

moments = st.datetimes(EARLIEST, LATEST, timezones=st.just(UTC))
days = st.dates(EARLIEST.date(), LATEST.date()).map(str)
places = st.tuples(st.sampled_from(["L1", "L2", "L|3"]), days)
tallied = st.builds(Tally, st.integers(1, 9), st.integers(-99, 99), moments.map(wire_time))
tallies = st.dictionaries(places, tallied, max_size=6)


versions = st.tuples(st.sampled_from("abc"), st.integers(0, 5))


def version(key: str, number: int) -> Row:
    return payment(key, amount=number, updated_at=wire_time(AT + timedelta(seconds=number)))


@given(st.lists(versions, max_size=20), st.randoms(use_true_random=False), st.integers(1, 5))
def test_the_newest_versions_stay_in_whatever_order_and_pages_they_come(
    found: list[tuple[str, int]], random, page: int
) -> None:
    expected = {key: version(key, number) for key, number in sorted(found)}
    random.shuffle(found)
    pages = [Page([version(*row) for row in found[start : start + page]]) for start in range(0, len(found), page)]
    chunk = chunk_of(PAYMENTS, Slice(CREATED, AT, AT), pages)
    assert {row["id"]: row for row in map(json.loads, chunk.lines.splitlines())} == expected
    assert (chunk.rows, chunk.pages) == (len(expected), len(pages))


def test_rows_are_counted_by_location_and_utc_day_of_their_creation() -> None:
    rows = [
        payment("1", amount=5, created_at="2026-06-30T23:59:59.999Z", updated_at="2026-07-05T00:00:00.000Z"),
        payment("2", amount=-2, created_at="2026-06-30T00:00:00.000Z", updated_at="2026-07-01T00:00:00.000Z"),
        payment("3", amount=7, created_at="2026-06-29T23:59:59.999Z"),
        payment("4", amount=1, location_id="L2", created_at="2026-06-30T12:00:00.000Z"),
        payment("5", amount=9, created_at="2026-07-01T00:00:00.000Z"),
    ]
    found = compare.tally(rows, PAYMENTS, datetime(2026, 6, 30, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))
    assert found == {
        ("L1", "2026-06-30"): Tally(2, 3, "2026-07-05T00:00:00.000Z"),
        ("L2", "2026-06-30"): Tally(1, 1, "2026-06-30T12:00:00.000Z"),
    }


def test_of_a_whole_list_the_living_are_counted() -> None:
    rows = [
        item("1", price=5, created_at="2001-01-01T00:00:00.000Z"),
        item("2", price=None),
        item("3", price=7, deleted=True),
    ]
    assert compare.tally(rows, ITEMS, AT, AT) == {("", ""): Tally(2, 5, "2026-06-30T12:00:00.000Z")}


@given(st.lists(st.tuples(st.sampled_from(["L1", "L2"]), st.integers(0, 9), st.integers(-9, 9)), max_size=12))
def test_counting_parts_and_the_whole_is_the_same(found: list[tuple[str, int, int]]) -> None:
    rows = [
        payment(str(n), location_id=location, amount=amount, created_at=wire_time(MIDNIGHT - day * DAY))
        for n, (location, day, amount) in enumerate(found)
    ]
    start, middle, end = MIDNIGHT - 9 * DAY, MIDNIGHT - 4 * DAY, MIDNIGHT + DAY
    parts = compare.together(compare.tally(rows, PAYMENTS, start, middle), compare.tally(rows, PAYMENTS, middle, end))
    whole = compare.tally(rows, PAYMENTS, start, end)
    assert parts == whole
    assert compare.total(whole).count == len(rows)
    assert compare.total(whole).cents == sum(row["amount"] for row in rows)


# --- tallies


@given(tallies, tallies, tallies)
def test_putting_together_takes_any_order(first: Tallies, second: Tallies, third: Tallies) -> None:
    left = compare.together(compare.together(first, second), third)
    assert left == compare.together(first, compare.together(third, second))
    assert compare.together(first, {}) == compare.together({}, first) == first
    assert compare.total(left).count == sum(t.count for found in (first, second, third) for t in found.values())


@given(tallies, tallies)
def test_differences_are_what_makes_two_tallies_unequal(source: Tallies, warehouse: Tallies) -> None:
    found = compare.differences(PAYMENTS, source, warehouse)
    mended = dict(warehouse)
    for one in found:
        assert one.source != one.warehouse
        mended[one.location, one.day] = one.source
    assert {place: tally for place, tally in mended.items() if tally.count} == source
    assert [d.day for d in found] == sorted((d.day for d in found), reverse=True)
    assert compare.differences(PAYMENTS, source, source) == []


@pytest.mark.parametrize("other", [Tally(2, 100, "b"), Tally(1, 101, "b"), Tally(1, 100, "a"), compare.NOTHING])
def test_number_sum_and_newest_change_must_all_be_equal(other: Tally) -> None:
    source, place = Tally(1, 100, "b"), ("L1", "2026-06-30")
    (found,) = compare.differences(PAYMENTS, {place: source}, {place: other})
    assert (found.stream, found.location, found.day) == ("square_payments", *place)
    assert (found.source, found.warehouse) == (source, other)


def test_a_place_with_nothing_in_it_is_equal_to_no_place() -> None:
    assert compare.differences(PAYMENTS, {("L1", "2026-06-30"): compare.NOTHING}, {}) == []


@given(tallies, st.integers(0, 3))
def test_a_certificate_sums_what_the_source_has(source: Tallies, uncertified: int) -> None:
    found = compare.certificate(PAYMENTS, AT, source, [difference("2026-06-30")], 2, uncertified)
    assert (found.stream, found.checked_at, found.places) == ("square_payments", AT, len(source))
    assert (found.rows, found.cents) == (sum(t.count for t in source.values()), sum(t.cents for t in source.values()))
    assert found.newest == max((tally.newest for tally in source.values()), default="")
    assert found.newest_day == max((day for _, day in source), default="")
    assert (found.repaired, found.uncertified, found.green) == (2, uncertified, False)


def test_the_newest_day_is_one_with_rows() -> None:
    source = {("L1", "2026-06-30"): Tally(1, 1, "x"), ("L1", "2026-07-01"): compare.NOTHING}
    assert compare.certificate(PAYMENTS, AT, source, []).newest_day == "2026-06-30"


def test_two_certificates_make_one() -> None:
    first = certificate(difference("2026-06-01"))
    second = certificate(difference("2026-05-01"), checked_at=AT + DAY, newest="", newest_day="")
    assert compare.both(first, second) == certificate(
        difference("2026-06-01"),
        difference("2026-05-01"),
        checked_at=AT + DAY,
        places=6,
        rows=60,
        cents=24_690,
        repaired=2,
        uncertified=4,
    )
    assert compare.both(None, first) == compare.both(first, None) == first
    assert compare.both(None, None) is None
