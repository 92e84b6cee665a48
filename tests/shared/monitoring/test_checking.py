"""What a check does with sources that fail or hang: it judges by the others, and says what it has not seen."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from fractions import Fraction

import pytest

from shared.monitoring.checking import MetricsCheck, Source
from shared.monitoring.daily_figures import DailyFigures, MembershipFigures, slice_begin
from shared.monitoring.models import Cost, Observation, Slice
from shared.platform.context import Platform
from tests.factories.clock import TestClock
from tests.factories.documents import documents


@pytest.fixture
def topics() -> list[str]:
    return ["alerts"]


@pytest.fixture
def released() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def dead_letters(number: int) -> Source:
    seen = [Observation(name="dead_letters", value=Fraction(number))]
    return Source("dead_letters", frozenset({"dead_letters"}), lambda: seen)


def test_one_that_hangs_and_one_that_fails(
    platform: Platform, caplog: pytest.LogCaptureFixture, released: threading.Event
) -> None:
    def hangs() -> list[Observation]:
        released.wait(30)
        return []

    def fails() -> list[Observation]:
        raise ZeroDivisionError

    caplog.set_level(logging.INFO)
    sources = (
        Source("syncs", frozenset({"sync_lag_minutes", "sync_failures"}), hangs),
        Source("memberships", frozenset({"mrr_drop_percent", "churn_percent"}), fails),
        dead_letters(1),
    )
    observed = MetricsCheck(platform).run(sources, 1.0)
    assert "dead_letters" in observed.names
    assert not {"sync_lag_minutes", "churn_percent"} & observed.names
    assert documents(platform.firestore, "alert_states").keys() == {"alert_states/dead-letters"}
    failed = {record.source for record in caplog.records if record.message == "observation_failed"}  # type: ignore[attr-defined]
    assert failed == {"syncs", "memberships"}
    (report,) = [record for record in caplog.records if record.message == "metrics_checked"]
    assert (report.failing, report.unseen) == (["dead-letters"], ["churn", "mrr-drop"])  # type: ignore[attr-defined]


def test_an_observation_that_fails_does_not_end_an_alert(platform: Platform, clock: TestClock) -> None:
    check = MetricsCheck(platform)
    check.run([dead_letters(1)], 5)
    for _ in range(3):
        clock.advance(days=1)
        check.run([Source("dead_letters", frozenset({"dead_letters"}), lambda: [1 / 0])], 5)  # type: ignore[list-item]
    assert documents(platform.firestore, "alert_states")["alert_states/dead-letters"]["open"]


def test_slices_are_kept_by_day(platform: Platform, clock: TestClock) -> None:
    daily = DailyFigures(platform)
    begin = slice_begin(clock.now())
    last = begin.replace(hour=23, minute=45)
    one, other = Slice(Cost(1, 2, 3), 4, 5), Slice(Cost(6))
    daily.keep({begin: one})
    daily.keep({last: other, begin: one})
    assert daily.slices(begin, last) == {begin: one}
    assert sum(daily.slices(begin.replace(hour=0), last.replace(minute=59)).values(), Slice()) == one + other
    assert daily.slices(last.replace(minute=46), last.replace(minute=59)) == {}


def test_memberships_are_counted_every_four_hours(platform: Platform, clock: TestClock) -> None:
    daily, made = DailyFigures(platform), list[int]()

    def make() -> MembershipFigures:
        made.append(1000 + len(made))
        return MembershipFigures(made[-1], 1, 10)

    for _ in range(6):
        daily.memberships(clock.now(), make)
        clock.advance(hours=1)
    assert made == [1000, 1001]
    clock.advance(days=7, hours=-6)
    assert daily.mrr_a_week_ago(clock.now()) == 1000
    clock.advance(days=-8)
    assert daily.mrr_a_week_ago(clock.now()) is None
