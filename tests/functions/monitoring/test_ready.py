"""GET /health/ready"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import google.cloud.firestore  # noqa: F401 - its import is no part of what is measured
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from shared.runtime import instance
from tests.factories.black_hole import BlackHole
from tests.factories.cable import Cable
from tests.factories.silence import Silence, closed_port
from tests.factories.stopwatch import Stopwatch

PATH = "/health/ready"
SERVICES = {
    "firestore": "FIRESTORE_EMULATOR_HOST",
    "bigQuery": "BIGQUERY_EMULATOR_HOST",
    "pubsub": "PUBSUB_EMULATOR_HOST",
}
# Two seconds are promised; the rest is for a busy machine.
WITHIN_SECONDS = 2.3
Function = Callable[[str], FlaskClient]
Move = Callable[[str, str], None]


@pytest.fixture
def move(function: Function, monkeypatch: pytest.MonkeyPatch) -> Move:
    """`move("pubsub", "127.0.0.1:1234")`: there is where functions that start from now on look for the service."""

    def to(service: str, address: str) -> None:
        monkeypatch.setenv(SERVICES[service], f"http://{address}" if service == "bigQuery" else address)
        instance.forget()

    return to


@pytest.fixture(params=["nobody answers", "nobody listens", "packets vanish"])
def dead_end(request: pytest.FixtureRequest) -> Iterator[str]:
    """host:port of a service that is of no use, in each way there is."""
    with ExitStack() as stack:
        ways: dict[str, Callable[[], str]] = {
            "nobody answers": lambda: stack.enter_context(Silence()).address,
            "nobody listens": closed_port,
            "packets vanish": lambda: stack.enter_context(BlackHole()).address,
        }
        yield ways[request.param]()


def timed(client: FlaskClient, path: str = PATH) -> tuple[TestResponse, float]:
    with Stopwatch() as watch:
        answer = client.get(path)
    return answer, watch.seconds


def states(answer: TestResponse) -> dict[str, str]:
    return {name: answer.json[name]["status"] for name in SERVICES}


def test_it_is_ready_while_all_three_answer(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERSION", "2026.11.24")
    instance.forget()
    answer = function("monitoring_ready").get(PATH)
    assert answer.status_code == 200
    body = dict(answer.json)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body.pop("timestamp"))
    up = {"status": "up"}
    assert body == {"status": "ready", "version": "2026.11.24", "firestore": up, "bigQuery": up, "pubsub": up}
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["RateLimit-Policy"].startswith('"health"')


@pytest.mark.parametrize("service", SERVICES)
def test_one_that_does_not_answer_is_down_in_time(function: Function, move: Move, dead_end: str, service: str) -> None:
    move(service, dead_end)
    client = function("monitoring_ready")
    # The second time: what was made for the first call, and what is still running, is in nobody's way.
    for _ in range(2):
        answer, elapsed = timed(client)
        status, said = (503, "unavailable") if service == "firestore" else (200, "degraded")
        assert (answer.status_code, answer.json["status"]) == (status, said)
        assert states(answer) == {name: "down" if name == service else "up" for name in SERVICES}
        assert elapsed < WITHIN_SECONDS
        assert not [shown for shown in ("127.0.0.1", "xception", "Traceback", "imeout") if shown in answer.text]


def test_all_three_at_once_are_no_slower(function: Function, move: Move, dead_end: str) -> None:
    for service in SERVICES:
        move(service, dead_end)
    answer, elapsed = timed(function("monitoring_ready"))
    assert (answer.status_code, set(states(answer).values())) == (503, {"down"})
    assert elapsed < WITHIN_SECONDS


def test_callers_of_services_that_hang_wait_no_longer_and_pile_up_no_threads(function: Function, move: Move) -> None:
    with Silence() as silent:
        for service in SERVICES:
            move(service, silent.address)
        client = function("monitoring_ready")

        def call(_: int) -> tuple[int, float]:
            answer, elapsed = timed(client.application.test_client())
            return answer.status_code, elapsed

        probing = threads_that_probe()
        with ThreadPoolExecutor(3) as callers:
            found = list(callers.map(call, range(9)))
        assert {status for status, _ in found} == {503}
        assert max(elapsed for _, elapsed in found) < WITHIN_SECONDS
        assert len(threads_that_probe() - probing) <= len(SERVICES)


def threads_that_probe() -> set[Any]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("probe-")}


def test_it_is_ready_again_when_the_service_is_back(function: Function, move: Move) -> None:
    with Cable(os.environ["PUBSUB_EMULATOR_HOST"]) as cable:
        move("pubsub", cable.address)
        client = function("monitoring_ready")
        assert client.get(PATH).json["status"] == "ready"
        cable.cut()
        assert client.get(PATH).json["status"] == "degraded"
        cable.mend()
        assert client.get(PATH).json["status"] == "ready"


def test_a_topic_that_is_not_there_is_down(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "a-project-without-topics")
    instance.forget()
    answer = function("monitoring_ready").get(PATH)
    assert (answer.status_code, states(answer)["pubsub"]) == (200, "down")


def test_nobody_needs_a_token_and_a_forged_one_is_refused(function: Function) -> None:
    client = function("monitoring_ready")
    assert client.get("/").status_code == client.head(PATH).status_code == 200
    assert client.get(PATH, headers={"Authorization": "Bearer forged"}).status_code == 401


def test_other_methods_and_paths_are_refused_in_the_usual_shape(function: Function) -> None:
    client = function("monitoring_ready")
    wrong = client.post(PATH)
    assert (wrong.status_code, wrong.json["code"]) == (405, "method_not_allowed")
    assert wrong.headers["Allow"] == "GET, HEAD, OPTIONS"
    unknown = client.get(f"{PATH}/now")
    assert (unknown.status_code, unknown.json["code"]) == (404, "unknown_path")
    assert client.get(PATH, query_string={"deep": "1"}).json["code"] == "unknown_field"
