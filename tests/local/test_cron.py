"""When a job of the local stack is due: by the same reading of a schedule that the cost table counts by."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from local.cron import is_due, runs

SUNDAY = datetime(2026, 11, 1, 9, 30)  # noqa: DTZ001 - store time, whatever its zone


@pytest.mark.parametrize(
    ("schedule", "due"),
    [
        ("* * * * *", True),
        ("30 9 * * *", True),
        ("*/15 * * * *", True),
        ("0-29 9 * * *", False),
        ("30 9 * 11 SUN", True),
        ("30 9 * * 7", True),
        ("30 9 * * 0", True),
        ("30 9 * DEC *", False),
        ("30 9 15 * SUN", True),  # day and weekday: either
        ("30 9 15 * MON", False),
    ],
)
def test_a_schedule_names_this_minute(schedule: str, due: bool) -> None:
    assert is_due(schedule, SUNDAY) is due


@pytest.mark.parametrize("schedule", ["*/15 * * * *", "0 9 * * *", "5,35 */6 * * 1-5", "0 3 1 * SUN"])
def test_it_is_due_as_often_as_it_runs(schedule: str) -> None:
    minutes = (datetime(2026, 11, 1) + timedelta(minutes=n) for n in range(30 * 24 * 60))  # noqa: DTZ001
    assert sum(is_due(schedule, minute) for minute in minutes) == runs(schedule, 2026, 11)


def test_a_line_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="five fields"):
        is_due("every minute", SUNDAY)
