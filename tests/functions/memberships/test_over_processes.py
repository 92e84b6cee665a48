"""Subscribing through two processes: one charge, whichever of them is asked, at once or again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.factories.club import NEVER, Club, a_customer
from tests.factories.processes import FunctionProcess
from tests.factories.tokens import bearer

pytestmark = pytest.mark.xdist_group("memberships-processes")


@pytest.fixture
def two(club: Club, tmp_path: Path) -> Iterator[list[FunctionProcess]]:
    """Processes of subscribe in the club's project, which sees the gateway's clock as it is."""
    variables = {name: value for name, value in club.variables.items() if name.startswith(("AUTHORIZE", "CLOCK"))}
    with ExitStack() as stack:
        processes = [
            FunctionProcess("memberships_subscribe", club.project, tmp_path / f"{number}.log", **variables)
            for number in range(2)
        ]
        for process in processes:
            stack.callback(process.stop)
        yield [process.ready() for process in processes]


def post(process: FunctionProcess, customer: str, key: str = "", tier: str = "SILVER") -> requests.Response:
    headers = bearer("customer", customer, exp=NEVER) | ({"Idempotency-Key": key} if key else {})
    body: dict[str, Any] = {
        "customerId": customer,
        "email": f"{customer}@example.com",
        "tier": tier,
        "paymentMethod": {"type": "card", "token": f"tok_visa_{customer}"},
    }
    return requests.post(f"{process.url}/subscribe", json=body, headers=headers, timeout=60)


def test_two_processes(two: list[FunctionProcess], club: Club) -> None:
    """In one test, because the processes take longer to start than all that they are asked."""
    customer = a_customer()
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda process: post(process, customer), two))
    assert sorted(answer.status_code for answer in answers) == [201, 400]
    assert len(club.taken()) == 1

    keyed = a_customer()
    with ThreadPoolExecutor(1) as threads, club.switched(slow_charge=1500):
        first = threads.submit(post, two[0], keyed, "k-1")
        while not any(name.startswith("SUB_") and c["state"] == "sent" for name, c in club.charges().items()):
            time.sleep(0.02)
        running = post(two[1], keyed, "k-1")
        assert (running.status_code, running.json()["code"]) == (409, "request_in_progress")
        assert first.result().status_code == 201
    again = post(two[1], keyed, "k-1")
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert again.text == first.result().text
    assert '"price":97.00' in again.text
    other = post(two[1], keyed, "k-1", tier="GOLD")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len(club.taken()) == 2
