"""kill -9 of the gateway: the stack replaces it, and what was committed or published before is still recorded, once."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.e2e.stack import RunningStack, eventually
from tests.factories.claims import verify_body

pytestmark = pytest.mark.xdist_group("stack")
AREA = "/api/age-verification"


@pytest.fixture
def empty_stack(stack: RunningStack) -> Iterator[RunningStack]:
    """Other tests run on the same stack: it is left as it was found, its clock too."""
    stack.post("/_local/reset")
    yield stack
    stack.post("/_local/reset")


@pytest.mark.timeout(300)
def test_a_killed_gateway_is_replaced_and_nothing_is_lost_or_doubled(empty_stack: RunningStack) -> None:
    stack = empty_stack
    for number in range(5):
        assert stack.post(f"{AREA}/verify", json=verify_body(f"c-killed-{number}")).status_code == 200
    for process in gateways(stack):
        os.kill(process, signal.SIGKILL)
    assert eventually(lambda: answers(stack), 20)
    assert stack.get(f"{AREA}/status/c-killed-4").json()["verified"] is True
    # The lease of a recorder that died is over by this clock, so that the next delivery of its event is stored.
    stack.post("/_local/clock", json={"advance": "PT2M"})
    # A delivery that died comes again after its ack deadline of a minute, and on a busy machine perhaps twice.
    eventually(lambda: attempts(stack) == 5, 200)
    assert attempts(stack) == 5


def gateways(stack: RunningStack) -> list[int]:
    def is_gateway(process: int) -> bool:
        with contextlib.suppress(OSError):
            return b"local.gateway" in Path(f"/proc/{process}/cmdline").read_bytes()
        return False

    return [process for process in stack.processes() if is_gateway(process)]


def answers(stack: RunningStack) -> bool:
    with contextlib.suppress(requests.RequestException):
        return stack.get("/_local/clock").status_code == 200
    return False


def attempts(stack: RunningStack) -> int:
    """As they are now: the last figures would be served while newer ones are made."""
    stack.post("/api/bigquery/cache/invalidate")
    total: int = stack.get(f"{AREA}/statistics").json()["statistics"]["totalAttempts"]
    return total
