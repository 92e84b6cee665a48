"""One customer, three processes, a thousand requests at once: the limit holds and costs few writes."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from local.ports import free_port
from tests.factories.claims import verify_body
from tests.factories.processes import WATCHED, FunctionProcess, new_project
from tests.factories.tokens import bearer

LIMIT, REQUESTS, PROCESSES, CLIENTS = 300, 1000, 3, 24
Answer = tuple[int, dict[str, str]]


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[list[FunctionProcess]]:
    project = new_project()
    with ExitStack() as stack:
        started = [
            FunctionProcess(
                "verification_status",
                project,
                tmp_path / f"{number}.log",
                launcher=WATCHED,
                RATE_LIMIT_SIGNED_IN=str(LIMIT),
            )
            for number in range(PROCESSES)
        ]
        yield [stack.enter_context(process) for process in started]


def send(process: FunctionProcess, count: int, start: threading.Barrier) -> list[Answer]:
    """So many requests of the customer c-1 over one connection, once everybody is ready."""
    connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=60)
    connection.connect()
    start.wait()
    answers = []
    for _ in range(count):
        connection.request("GET", "/status/c-1", headers=bearer("customer", "c-1"))
        answer = connection.getresponse()
        answer.read()
        answers.append((answer.status, dict(answer.getheaders())))
    connection.close()
    return answers


def test_a_thousand_at_once_admit_at_most_the_limit_for_a_tenth_as_many_writes(
    processes: list[FunctionProcess],
) -> None:
    counts = [REQUESTS // CLIENTS + (n < REQUESTS % CLIENTS) for n in range(CLIENTS)]
    start = threading.Barrier(CLIENTS)
    with ThreadPoolExecutor(CLIENTS) as pool:
        sent = [pool.submit(send, processes[n % PROCESSES], count, start) for n, count in enumerate(counts)]
        answers = [answer for future in sent for answer in future.result()]

    statuses = [status for status, _ in answers]
    assert len(answers) == REQUESTS
    assert set(statuses) <= {404, 429}, "a customer without a record"
    assert LIMIT * 0.8 <= statuses.count(404) <= LIMIT

    refused = [headers for status, headers in answers if status == 429]
    assert all(1 <= int(headers["Retry-After"]) <= 70 for headers in refused)
    assert all(headers["RateLimit-Policy"] == f'"signed_in";q={LIMIT};w=60' for _, headers in answers)

    commits = [line for process in processes for line in process.lines("firestore_commit")]
    leases = [line for line in commits if "rate_limits" in line["collections"]]
    assert 0 < len(leases) <= REQUESTS // 10
    assert not [line for process in processes for line in process.lines("rate_limit_fallback")]


def test_without_firestore_the_limit_falls_back_and_verify_fails_closed(tmp_path: Path) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    settings = {"FIRESTORE_EMULATOR_HOST": nowhere, "RATE_LIMIT_SIGNED_IN": "2"}
    with FunctionProcess("verification_verify", new_project(), tmp_path / "log", **settings) as process:
        caller = bearer("customer", "c-1")
        answers = [
            requests.post(f"{process.url}/verify", json=verify_body("c-1"), headers=caller, timeout=60)
            for _ in range(3)
        ]
    assert [(a.status_code, a.json()["code"]) for a in answers] == [
        (503, "temporarily_unavailable"),
        (503, "temporarily_unavailable"),
        (429, "rate_limited"),
    ]
    assert all(int(a.headers["Retry-After"]) >= 1 for a in answers)
    assert all(a.elapsed.total_seconds() < 10 for a in answers)
    (line, *_) = process.lines("rate_limit_fallback")
    assert (line["severity"], line["metric"], line["tier"]) == ("WARNING", "rate_limit_fallback", "signed_in")
