"""Limits while Firestore cannot answer: the instance's own window, said in a log line, and no queue for the store."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from werkzeug.test import Client

from shared.platform.context import Platform
from shared.platform.ids import Ids
from shared.platform.settings import Settings
from shared.runtime.declare import PUBLIC, SIGNED_IN
from tests.factories.cable import Cable
from tests.factories.environment import environment
from tests.factories.silence import Silence
from tests.factories.stepping_clock import SteppingClock
from tests.factories.stopwatch import Stopwatch
from tests.factories.throw_away import client_of, who_calls
from tests.factories.tokens import bearer

CALLER = bearer("customer", "c-1", exp=4_102_444_800)
LIMIT = 3


@pytest.fixture
def cable(project: str) -> Iterator[Cable]:
    with Cable(os.environ["FIRESTORE_EMULATOR_HOST"]) as whole:
        yield whole


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


def endpoint_at(
    project: str, address: str, clock: SteppingClock | None, monkeypatch: pytest.MonkeyPatch, **declared: Any
) -> Client:
    """An endpoint whose Firestore is at `address`; without a `clock` on real time."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", address)
    settings = Settings.load(environment(project, RATE_LIMIT_SIGNED_IN=str(LIMIT)))
    platform = Platform(settings, clock, Ids(clock)) if clock else Platform.start(settings)
    return client_of(platform, who_calls, "GET /api/things/all", **{"auth": SIGNED_IN, **declared})


@pytest.fixture
def client(project: str, pubsub: Any, cable: Cable, clock: SteppingClock, monkeypatch: pytest.MonkeyPatch) -> Client:
    return endpoint_at(project, cable.address, clock, monkeypatch)


@pytest.fixture
def fallbacks(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, Any]]]:
    return lambda: [vars(r) for r in caplog.records if r.getMessage() == "rate_limit_fallback"]


Fallbacks = Callable[[], list[dict[str, Any]]]


def statuses(client: Client, times: int) -> list[int]:
    return [client.get("/all", headers=CALLER).status_code for _ in range(times)]


def test_without_firestore_the_instance_counts_for_itself_and_says_so(
    client: Client, cable: Cable, fallbacks: Fallbacks
) -> None:
    cable.cut()
    assert statuses(client, LIMIT + 2) == [200] * LIMIT + [429] * 2
    assert {(line["levelname"], line["metric"], line["tier"]) for line in fallbacks()} == {
        ("WARNING", "rate_limit_fallback", "signed_in")
    }


def test_what_it_admitted_before_counts_in_its_own_window(
    client: Client, cable: Cable, clock: SteppingClock, fallbacks: Fallbacks
) -> None:
    assert statuses(client, LIMIT - 1) == [200] * (LIMIT - 1)
    cable.cut()
    clock.advance(seconds=10)
    assert statuses(client, 3) == [200, 429, 429]
    assert fallbacks()
    clock.advance(seconds=60)
    assert statuses(client, 1) == [200]


def test_when_firestore_is_back_it_counts_again(
    client: Client, cable: Cable, clock: SteppingClock, fallbacks: Fallbacks
) -> None:
    cable.cut()
    assert statuses(client, 1) == [200]
    cable.mend()
    deadline, before = time.monotonic() + 30, -1
    # The channel needs a moment of real time to connect anew.
    while len(fallbacks()) != before and time.monotonic() < deadline:
        before = len(fallbacks())
        clock.advance(seconds=70)
        assert statuses(client, 1) == [200]
    assert len(fallbacks()) == before


def test_callers_do_not_wait_one_after_another_for_a_firestore_that_hangs(
    project: str, pubsub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Silence() as silent:
        client = endpoint_at(project, silent.address, None, monkeypatch)
        with Stopwatch() as watch, ThreadPoolExecutor(8) as pool:
            answers = [status for found in pool.map(lambda _: statuses(client, 1), range(8)) for status in found]
        assert watch.seconds < 7
    assert sorted(answers) == [200] * LIMIT + [429] * (8 - LIMIT)


def test_health_waits_half_as_long_for_a_firestore_that_hangs(
    project: str, pubsub: Any, monkeypatch: pytest.MonkeyPatch, fallbacks: Fallbacks
) -> None:
    with Silence() as silent:
        client = endpoint_at(project, silent.address, None, monkeypatch, auth=PUBLIC, tier="health")
        with Stopwatch() as watch:
            assert client.get("/all").status_code == 200
        assert watch.elapsed >= 0.5
        assert watch.seconds < 0.95
    assert [line["tier"] for line in fallbacks()] == ["health"]
