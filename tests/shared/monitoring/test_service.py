"""Three checks at once, one deadline, one thread for each."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.monitoring.models import DOWN, UP, Readiness
from shared.monitoring.service import ReadinessService
from shared.platform.errors import Unavailable
from shared.runtime.logging import JsonFormatter
from tests.factories.stopwatch import Stopwatch


def well(seconds: float) -> None:
    """A service that answers."""


class Hanging:
    """A service that answers when it is told to."""

    def __init__(self) -> None:
        self.calls = 0
        self.answer = threading.Event()

    def __call__(self, seconds: float) -> None:
        self.calls += 1
        assert self.answer.wait(30)


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    service = Hanging()
    yield service
    service.answer.set()


def test_everything_that_answers_is_up() -> None:
    service = ReadinessService({"firestore": well, "bigquery": well, "pubsub": well})
    assert service.check(1) == Readiness(UP, UP, UP)


def test_they_are_asked_at_the_same_time() -> None:
    def slow(seconds: float) -> None:
        time.sleep(0.3)

    with Stopwatch() as watch:
        assert ReadinessService({"firestore": slow, "bigquery": slow, "pubsub": slow}).check(2) == Readiness(UP, UP, UP)
    assert watch.seconds < 0.8


def test_each_is_told_how_long_it_may_take() -> None:
    told: list[float] = []
    ReadinessService({"firestore": told.append, "bigquery": told.append, "pubsub": told.append}).check(1.25)
    assert told == [1.25] * 3


def test_a_service_that_hangs_is_down_and_holds_up_no_other(hanging: Hanging) -> None:
    service = ReadinessService({"firestore": well, "bigquery": hanging, "pubsub": well})
    with Stopwatch() as watch:
        assert service.check(0.3) == Readiness(UP, DOWN, UP)
    assert watch.elapsed >= 0.3
    assert watch.seconds < 0.8


def test_a_service_that_hangs_costs_one_thread_however_often_it_is_asked(hanging: Hanging) -> None:
    service = ReadinessService({"firestore": well, "bigquery": well, "pubsub": hanging})
    service.check(0.05)
    before = threading.active_count()
    with ThreadPoolExecutor(8) as callers:
        found = list(callers.map(lambda _: service.check(0.05), range(24)))
    assert (found, hanging.calls, threading.active_count()) == ([Readiness(UP, UP, DOWN)] * 24, 1, before)


def test_a_service_that_answers_again_is_up_again(hanging: Hanging) -> None:
    service = ReadinessService({"firestore": hanging, "bigquery": well, "pubsub": well})
    assert service.check(0.05).firestore is DOWN
    hanging.answer.set()
    assert service.check(2).firestore is UP


@pytest.mark.parametrize(
    ("error", "reason"),
    [(Unavailable("It does not answer."), "It does not answer."), (ValueError("a text of theirs"), "ValueError")],
)
def test_any_failure_is_down_and_the_log_says_why_without_its_text(
    caplog: pytest.LogCaptureFixture, error: Exception, reason: str
) -> None:
    def badly(seconds: float) -> None:
        raise error

    assert ReadinessService({"firestore": well, "bigquery": badly, "pubsub": well}).check(1) == Readiness(UP, DOWN, UP)
    (line,) = [record for record in caplog.records if record.getMessage() == "dependency_down"]
    assert (vars(line)["dependency"], vars(line)["reason"]) == ("bigquery", reason)
    assert "a text of theirs" not in JsonFormatter().format(line)
