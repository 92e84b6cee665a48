from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.integrations.square_rows import CUSTOMERS, ITEMS, ORDER_LINES, PAYMENTS
from shared.platform.clock import wire_time
from shared.pos import rules
from shared.pos.models import (
    BACKFILL,
    CREATED,
    FULL,
    INCREMENTAL,
    MODES,
    UPDATED,
    Counters,
    Slice,
    Window,
)
from tests.factories.sync import AT, DAY, job, window

STREAMS = (PAYMENTS, ORDER_LINES, ITEMS, CUSTOMERS)
MIDNIGHT = AT.replace(hour=0)
MILLISECOND = timedelta(milliseconds=1)
# Hypothesis takes bounds without a time zone.
EARLIEST, LATEST = datetime(2020, 1, 1), datetime(2030, 1, 1)  # noqa: DTZ001

moments = st.datetimes(EARLIEST, LATEST, timezones=st.just(UTC))
lengths = st.timedeltas(MILLISECOND, timedelta(days=900))
days = st.dates(EARLIEST.date(), LATEST.date()).map(str)


def is_midnight(moment: datetime) -> bool:
    return moment.timetz() == time(tzinfo=UTC)


# --- moments


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T10:00:00Z", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("2026-01-31T10:00:00.123Z", datetime(2026, 1, 31, 10, 0, 0, 123_000, tzinfo=UTC)),
        ("2026-01-31T10:00:00-06:00", datetime(2026, 1, 31, 16, tzinfo=UTC)),
        ("2026-01-31T10:00:00", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("P14D", AT - 14 * DAY),
        ("P2Y", AT - 730 * DAY),
        ("P1Y2M3W4D", AT - (365 + 60 + 21 + 4) * DAY),
        ("14d", AT - 14 * DAY),
        ("3w", AT - 21 * DAY),
        ("6m", AT - 180 * DAY),
        ("2y", AT - 730 * DAY),
        ("0d", AT),
    ],
)
def test_moments(text: str, expected: datetime) -> None:
    found = rules.moment_of(text, AT)
    assert (found, found.utcoffset()) == (expected, timedelta())


@pytest.mark.parametrize(
    "text", ["", "P", "14", "d", "-14d", "P-1D", "PT1H", "1.5d", "yesterday", "2026-02-30", "2026-13-01", "14 d"]
)
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError, match="neither a day"):
        rules.moment_of(text, AT)


@given(moments)
def test_what_we_write_is_read_as_the_same_moment(at: datetime) -> None:
    assert rules.moment_of(wire_time(at), AT) == at.replace(microsecond=at.microsecond // 1000 * 1000)


# --- cutting


@given(moments, lengths)
def test_months_cover_the_time_without_gap_or_overlap(start: datetime, length: timedelta) -> None:
    found = list(rules.months(start, start + length))
    assert (found[0][0], found[-1][1]) == (start, start + length)
    assert all(end == following for (_, end), (following, _) in pairwise(found))
    assert all(end.day == 1 and is_midnight(end) for _, end in found[:-1])
    assert all(first < last and last - first <= 31 * DAY for first, last in found)


@given(moments, lengths)
def test_pieces_cover_the_time_without_gap_or_overlap(start: datetime, length: timedelta) -> None:
    found = list(rules.pieces(start, start + length))
    assert (found[0][0], found[-1][1]) == (start, start + length)
    assert all(end == following for (_, end), (following, _) in pairwise(found))
    assert all(is_midnight(end) for _, end in found[:-1])
    assert all(first < last and last - first <= rules.SLICE for first, last in found)


@pytest.mark.parametrize("cut", [rules.months, rules.pieces])
@pytest.mark.parametrize("length", [timedelta(), -MILLISECOND])
def test_no_time_is_nothing(cut, length: timedelta) -> None:
    assert list(cut(AT, AT + length)) == []


@given(moments, lengths, st.lists(st.sampled_from(["L1", "L2", ""]), max_size=2, unique=True), st.integers(1, 7))
def test_slices_cover_a_window_at_each_location(
    start: datetime, length: timedelta, locations: list[str], days: int
) -> None:
    found = rules.slices(window(start=start, end=start + length, by=UPDATED), locations, days)
    for location in locations:
        cut = [(part.start, part.end) for part in found if part.location == location]
        assert cut[0] == next(rules.pieces(start, start + length, 1))
        assert cut[1:] == list(rules.pieces(cut[0][1], start + length, days))
    assert {part.by for part in found} <= {UPDATED}
    assert {part.location for part in found} == set(locations)


@given(moments, lengths)
def test_no_utc_day_is_in_two_slices_of_a_window_that_begins_at_midnight(start: datetime, length: timedelta) -> None:
    """What was counted day by day can be put together from them."""
    parts = rules.slices(window(start=rules.midnight(start), end=start + length), ["L1"])
    seen = [day for part in parts for day in rules.days_of(part)]
    assert len(seen) == len(set(seen))


@given(st.sets(days, max_size=12), moments)
def test_day_slices_read_the_days_asked_for_and_no_others(wanted: set[str], end: datetime) -> None:
    parts = rules.day_slices(wanted, ["L1", "L2"], end)
    before_the_end = {day for day in wanted if day < end.date().isoformat()}
    if not is_midnight(end):
        before_the_end |= wanted & {end.date().isoformat()}
    for location in ("L1", "L2"):
        read = [day for part in parts if part.location == location for day in rules.days_of(part)]
        assert sorted(read) == sorted(before_the_end)
    assert all(is_midnight(part.start) and part.start < part.end <= end for part in parts)
    assert all(part.by == CREATED and part.end - part.start <= rules.SLICE for part in parts)


def test_adjoining_days_are_read_at_once() -> None:
    wanted = ["2026-06-03", "2026-06-01", "2026-06-02", "2026-06-05"]
    found = [(part.start.day, part.end.day) for part in rules.day_slices(wanted, ["L1"], AT)]
    assert found == [(1, 4), (5, 6)]


@given(st.dates(EARLIEST.date(), LATEST.date()), st.integers(1, 30))
def test_a_row_of_days_is_cut_into_slices(first, count: int) -> None:
    wanted = {(first + n * DAY).isoformat() for n in range(count)}
    parts = rules.day_slices(wanted, ["L1"], datetime(2040, 1, 1, tzinfo=UTC))
    assert len(parts) == -(-count // rules.SLICE.days)
    assert set().union(*(rules.days_of(part) for part in parts)) == wanted


@pytest.mark.parametrize(
    ("length", "count"), [(DAY, 1), (DAY - MILLISECOND, 1), (DAY + MILLISECOND, 2), (timedelta(hours=17), 1)]
)
def test_days_of_a_slice(length: timedelta, count: int) -> None:
    assert len(rules.days_of(Slice(CREATED, MIDNIGHT, MIDNIGHT + length))) == count


@pytest.mark.parametrize(
    ("rows", "days"), [(0, 7), (1, 7), (200, 7), (214, 7), (215, 6), (750, 2), (1501, 1), (10**9, 1)]
)
def test_a_slice_is_as_long_as_makes_about_1500_rows(rows: int, days: int) -> None:
    assert rules.days_a_slice(rows) == days


# --- plans


def plan(mode: str, watermark: datetime | None, **changes) -> list[Window]:
    return rules.plan(job(mode=mode, **changes), STREAMS, {stream.name: watermark for stream in STREAMS})


def of_stream(found: list[Window], stream=PAYMENTS) -> list[Window]:
    return [one for one in found if one.stream == stream.name]


def covered(found: list[Window]) -> tuple[datetime, datetime]:
    """The time of windows that follow each other."""
    assert all(one.end == following.start for one, following in pairwise(found))
    return found[0].start, found[-1].end


@pytest.mark.parametrize("mode", MODES)
def test_the_first_run_reads_two_years_whatever_the_mode(mode: str) -> None:
    found = plan(mode, None)
    for stream in (PAYMENTS, ORDER_LINES):
        windows = of_stream(found, stream)
        assert covered(windows) == (MIDNIGHT - 730 * DAY, AT)
        assert {one.by for one in windows} == {CREATED}
        assert len(windows) == 25
    for stream in (ITEMS, CUSTOMERS):
        (whole,) = of_stream(found, stream)
        assert (whole.whole, whole.start, whole.end) == (True, MIDNIGHT - 730 * DAY, AT)
    assert not any(one.recent for one in found)


@pytest.mark.parametrize("mode", [INCREMENTAL, FULL])
def test_a_nightly_re_read_that_comes_first_reads_two_years_too(mode: str) -> None:
    """Else the watermark would say that everything before these 14 days had been read."""
    windows = of_stream(plan(mode, None, start=AT - 14 * DAY))
    assert covered(windows) == (MIDNIGHT - 730 * DAY, AT)
    older = of_stream(plan(mode, None, start=AT - 1000 * DAY))
    assert covered(older) == (MIDNIGHT - 1000 * DAY, AT)


def test_an_increment_begins_ten_minutes_before_the_watermark() -> None:
    found = plan(INCREMENTAL, AT - timedelta(minutes=15))
    assert [one.stream for one in found] == [stream.name for stream in STREAMS]
    for one in found:
        assert (one.by, one.recent, one.whole) == (UPDATED, True, False)
        assert (one.start, one.end) == (AT - timedelta(minutes=25), AT)


def test_a_clock_that_was_moved_back_leaves_no_empty_window() -> None:
    for one in plan(INCREMENTAL, AT + 30 * DAY):
        assert (one.start, one.end) == (AT - rules.OVERLAP, AT)


def test_only_streams_without_a_watermark_are_read_as_for_the_first_time() -> None:
    found = rules.plan(job(), STREAMS, {"square_payments": AT, "square_items": None})
    assert len(of_stream(found)) == 1
    assert covered(of_stream(found, ORDER_LINES)) == (MIDNIGHT - 730 * DAY, AT)


def test_the_re_read_takes_what_was_made_and_what_changed_in_its_days() -> None:
    found = plan(FULL, AT - timedelta(minutes=15))
    made = [one for one in of_stream(found) if one.by == CREATED]
    (changed,) = [one for one in of_stream(found) if one.by == UPDATED]
    assert covered(made) == (MIDNIGHT - 14 * DAY, AT)
    assert (changed.start, changed.end, changed.recent) == (MIDNIGHT - 14 * DAY, AT, False)
    assert [one.whole for one in of_stream(found, ITEMS)] == [True]
    ninety = [one for one in of_stream(plan(FULL, AT, start=AT - 90 * DAY)) if one.by == CREATED]
    assert covered(ninety) == (MIDNIGHT - 90 * DAY, AT)


def test_a_re_read_after_an_outage_also_takes_what_changed_since_the_watermark() -> None:
    """It moves the watermark: what it does not read nobody would."""
    watermark = AT - 40 * DAY
    for stream in (PAYMENTS, ORDER_LINES):
        made = [one for one in of_stream(plan(FULL, watermark), stream) if one.by == CREATED]
        (changed,) = [one for one in of_stream(plan(FULL, watermark), stream) if one.by == UPDATED]
        assert covered(made) == (MIDNIGHT - 14 * DAY, AT)
        assert (changed.start, changed.end) == (watermark - rules.OVERLAP, AT)
    # One that ends in the past moves none, and reads what it was asked for.
    past = plan(FULL, watermark, start=AT - 20 * DAY, end=AT - 10 * DAY)
    assert {one.start for one in of_stream(past) if one.by == UPDATED} == {MIDNIGHT - 20 * DAY}


def test_a_backfill_reads_what_it_is_asked_for() -> None:
    start, end = AT - 90 * DAY, AT - 30 * DAY
    for watermark in (None, AT):
        found = plan(BACKFILL, watermark, start=start, end=end)
        assert covered(of_stream(found)) == (rules.midnight(start), end)
        assert {one.by for one in found} == {CREATED}
    assert covered(of_stream(plan(BACKFILL, AT))) == (MIDNIGHT - 730 * DAY, AT)


@given(st.sampled_from(MODES), st.none() | moments, st.none() | lengths)
def test_windows_have_names_that_sort_as_they_stand(mode: str, watermark, length) -> None:
    found = plan(mode, watermark, start=length and AT - length)
    names = [one.id for one in found]
    assert names == sorted(set(names))
    assert all(one.start < one.end and one.job == "job_1" and one.source == "square" for one in found)
    assert all(is_midnight(one.start) for one in found if one.by == CREATED)


# --- watermarks and schedules


@pytest.mark.parametrize(
    ("end", "expected"),
    [(None, AT), (AT, AT), (AT - MILLISECOND, AT - DAY)],
    ids=["to its present", "to just its present", "to its past"],
)
def test_only_a_run_up_to_its_own_present_moves_the_watermark(end: datetime | None, expected: datetime) -> None:
    assert rules.watermark_after(job(end=end), AT - DAY) == expected


def test_of_backfills_only_the_first_one_moves_the_watermark() -> None:
    """The others read what was made, not what was made before and changed since."""
    assert rules.watermark_after(job(mode=BACKFILL), None) == AT
    assert rules.watermark_after(job(mode=BACKFILL), AT - DAY) == AT - DAY


def test_a_run_of_the_past_gives_no_first_watermark() -> None:
    assert rules.watermark_after(job(end=AT - DAY), None) is None


@given(moments)
def test_what_changes_after_a_run_is_in_the_next_increment(watermark: datetime) -> None:
    run = job(created_at=watermark)
    following = replace(run, created_at=watermark + timedelta(minutes=15))
    (found,) = rules.plan(following, [PAYMENTS], {"square_payments": rules.watermark_after(run, None)})
    assert found.start <= watermark - rules.OVERLAP
    assert found.end == following.created_at


@pytest.mark.parametrize(
    ("now", "expected"),
    [("17:00:00", "17:15"), ("17:14:59", "17:15"), ("17:15:00", "17:30"), ("17:59:59", "18:00"), ("23:50:00", "00:00")],
)
def test_the_next_run_is_at_the_next_quarter(now: str, expected: str) -> None:
    found = rules.next_run(datetime.fromisoformat(f"2026-07-01T{now}+00:00"))
    assert f"{found:%H:%M}" == expected
    assert (found.second, found.day) == (0, 2 if expected == "00:00" else 1)


def test_midnight_is_of_the_utc_day() -> None:
    evening = datetime(2026, 6, 30, 20, tzinfo=timezone(-timedelta(hours=5)))
    assert rules.midnight(evening) == MIDNIGHT


def test_counters_add_up() -> None:
    counted = Counters(1, 2, 3, 4, 5, 6)
    assert rules.sum_of([counted, Counters(), counted]) == Counters(2, 4, 6, 8, 10, 12)
    assert rules.sum_of([]) == Counters()
