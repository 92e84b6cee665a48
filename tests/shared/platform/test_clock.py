"""Time, and how it is moved and written."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from shared.platform.clock import Clock, MovableClock, parse_wire_time, to_milliseconds, wire_time
from tests.factories.clock_file import ClockFile

NOW = datetime(2026, 7, 1, 17, 0, 0, 123_456, UTC)


def offset(clock: Clock) -> timedelta:
    """How far it is from real time, within a second."""
    return timedelta(seconds=round((clock.now() - datetime.now(UTC)).total_seconds()))


def test_real_time_is_aware_and_never_runs_back() -> None:
    clock = Clock()
    assert clock.now().tzinfo is UTC
    assert clock.monotonic() <= clock.monotonic()


def test_without_a_file_the_movable_clock_is_right(tmp_path: Path) -> None:
    assert offset(MovableClock(str(tmp_path / "clock.json"))) == timedelta()


def test_it_follows_the_file_at_once_forwards_and_backwards(tmp_path: Path) -> None:
    file = ClockFile(tmp_path / "clock.json")
    clock = MovableClock(str(file.path))
    for step in (timedelta(days=31), timedelta(days=-40), timedelta(seconds=10)):
        file.advance(seconds=step.total_seconds())
        assert offset(clock) == file.offset


def test_it_sees_a_change_within_one_tick_of_the_file_system(tmp_path: Path) -> None:
    file = ClockFile(tmp_path / "clock.json")
    clock = MovableClock(str(file.path))
    file.advance(days=1)
    assert offset(clock) == timedelta(days=1)
    first = os.stat(file.path)
    file.advance(days=1)
    os.utime(file.path, ns=(first.st_atime_ns, first.st_mtime_ns))
    assert offset(clock) == timedelta(days=2)


def test_when_the_file_is_gone_time_is_right_again(tmp_path: Path) -> None:
    file = ClockFile(tmp_path / "clock.json")
    clock = MovableClock(str(file.path))
    file.advance(days=1)
    assert offset(clock) == timedelta(days=1)
    file.path.unlink()
    assert offset(clock) == timedelta()
    file.path.write_text(json.dumps({"offsetSeconds": 3600}))
    assert offset(clock) == timedelta(hours=1)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOW, "2026-07-01T17:00:00.123Z"),
        (NOW.replace(microsecond=0), "2026-07-01T17:00:00.000Z"),
        (NOW.replace(microsecond=999_999), "2026-07-01T17:00:00.999Z"),
        (datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=-5))), "2026-07-01T17:00:00.000Z"),
    ],
)
def test_times_are_written_in_utc_with_milliseconds_and_z(moment: datetime, text: str) -> None:
    assert wire_time(moment) == text
    assert parse_wire_time(text) == to_milliseconds(moment)


@pytest.mark.parametrize("text", ["", "now", "2026-13-01T00:00:00Z", "17:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"isoformat|month must be"):
        parse_wire_time(text)
