"""Starting and ending the local stack: one line when it is ready, and nothing that outlives it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.ports import free_port
from tests.e2e.stack import PYTHON, REPOSITORY, RunningStack, eventually
from tests.factories.claims import verify_body

pytestmark = [
    pytest.mark.xdist_group("stack"),
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform != "linux", reason="Processes are found by /proc, which only Linux has."),
]
Start = Callable[..., RunningStack]


@pytest.fixture
def start_beside() -> Iterator[Start]:
    """`start_beside(state, port)` starts a stack; whatever is still there at the end is ended."""
    started: list[RunningStack] = []

    def one(state: Path, port: int, **changes: str) -> RunningStack:
        started.append(RunningStack(state, port, **changes))
        return started[-1]

    yield one
    for stack in started:
        stack.stop()


@pytest.fixture
def start(tmp_path: Path, start_beside: Start) -> Start:
    """`start(port)` starts a stack on this test's own state folder."""
    return lambda port, **changes: start_beside(tmp_path / "state", port, **changes)


def make_stop(stack: RunningStack) -> str:
    done = subprocess.run(
        [PYTHON, "-m", "local.stack", "stop"],
        cwd=REPOSITORY,
        env=stack.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_however_a_stack_ends_no_process_stays_and_the_next_start_needs_no_help(start: Start) -> None:
    port = free_port()
    first = start(port).wait_until_ready()
    verified = first.post("/api/age-verification/verify", json=verify_body("c-kept")).json()
    assert verified["method"] == "full_verification"
    assert len(first.processes()) >= 5
    assert make_stop(first) == f"Stopped process {first.process.pid} and all it had started."
    assert (first.wait_until_ended(), first.processes()) == (0, [])
    ready = [line for line in first.lines if line.startswith("ready:")]
    assert len(ready) == 1
    assert re.match(rf"ready: http://127\.0\.0\.1:{port}\s", ready[0])
    assert [line for line in first.lines if line not in (ready[0], "", "stopping")] == []

    second = started_in_time(lambda: start(port))
    assert_knows(second, "c-kept", verified)
    second.process.kill()
    assert eventually(lambda: second.processes() == [])
    assert make_stop(second) == "Nothing of `make run` is left over."

    third = start(port).wait_until_ready()
    assert_knows(third, "c-kept", verified)
    # As a terminal's Ctrl-C does: to the whole process group at once.
    os.killpg(third.process.pid, signal.SIGINT)
    assert (third.wait_until_ended(), third.processes()) == (0, [])


def started_in_time(start_one: Callable[[], RunningStack]) -> RunningStack:
    """Within ten seconds, or what is as long on a machine that runs other tests and the checks beside this one.

    On a quiet one a start takes five seconds, eight to ten times as long as to import the clients.
    """
    before, began = seconds_to_import(), time.monotonic()
    stack = start_one().wait_until_ready()
    elapsed = time.monotonic() - began
    allowed = max(10.0, 12 * max(before, seconds_to_import()))
    assert elapsed < allowed, f"ready after {elapsed:.1f} s, later than {allowed:.1f} s"
    return stack


def seconds_to_import() -> float:
    began = time.monotonic()
    subprocess.run([PYTHON, "-c", "import google.cloud.firestore, google.cloud.bigquery, flask"], check=True)
    return time.monotonic() - began


def assert_knows(stack: RunningStack, customer_id: str, verified: dict[str, Any]) -> None:
    kept = stack.get(f"/api/age-verification/status/{customer_id}").json()
    assert (kept["verified"], kept["verificationId"]) == (True, verified["verificationId"])


def test_a_second_start_says_what_to_do_and_harms_nothing(stack: RunningStack, start_beside: Start) -> None:
    stack.post("/api/age-verification/verify", json=verify_body("c-noted"))
    assert eventually(lambda: stack.events(topic="verification-events"))

    same_port = start_beside(stack.state, stack.port)
    assert same_port.wait_until_ended() == 1
    assert len(same_port.lines) == 1
    assert f"Port {stack.port} is taken." in same_port.lines[0]
    assert "make stop" in same_port.lines[0]

    same_state = start_beside(stack.state, free_port())
    assert same_state.wait_until_ended() == 1
    assert len(same_state.lines) == 1
    assert f"already running, under process {stack.process.pid}" in same_state.lines[0]
    assert "stop that one" in same_state.lines[0]

    assert stack.get("/health/age-verification").status_code == 200
    assert stack.events(topic="verification-events")
    assert stack.emulators


def test_a_port_that_another_program_holds_is_named(start: Start) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        refused = start(other.getsockname()[1])
        assert refused.wait_until_ended() == 1
    assert len(refused.lines) == 1
    assert f"Port {refused.port} is taken." in refused.lines[0]
    assert refused.processes() == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"PORT": "eighty"}, "PORT is 'eighty'."),
        ({"AUTH_MODE": "off"}, "AUTH_MODE is 'off'."),
        ({"AUTH_MODE": "jwt", "JWT_SECRET": "short"}, "JWT_SECRET is shorter than 32 bytes."),
        ({"RATE_LIMIT_ADMIN": "many"}, "RATE_LIMIT_ADMIN is 'many'."),
    ],
)
def test_a_setting_that_cannot_be_is_named_in_one_sentence(
    start: Start, changes: dict[str, str], sentence: str
) -> None:
    refused = start(free_port(), **changes)
    assert refused.wait_until_ended() == 1
    assert len(refused.lines) == 1
    assert sentence in refused.lines[0]
    assert refused.processes() == []
