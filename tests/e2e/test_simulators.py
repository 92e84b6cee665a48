"""The simulators of the local stack: listed, reached through the gateway, replaced when they die."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from tests.e2e.stack import RunningStack, eventually

pytestmark = pytest.mark.xdist_group("stack")
SQUARE = "/_local/simulators/square"
HEADERS = {"Authorization": "Bearer sim-square-token", "Square-Version": "2026-09-16"}


def states(stack: RunningStack) -> dict[str, str]:
    return {found["name"]: found["state"] for found in stack.get("/_local/simulators").json()["simulators"]}


def ready(stack: RunningStack) -> bool:
    names = ("square", "lightspeed", "authorizenet", "drand", "smtp", "slack", "pagerduty")
    return states(stack) == dict.fromkeys(names, "ready")


def payments(stack: RunningStack, **query: Any) -> list[dict[str, Any]]:
    answer = stack.get(f"{SQUARE}/v2/payments", headers=HEADERS, params={"limit": 5, **query})
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json().get("payments", [])
    return found


def test_simulators_are_listed_and_full(stack: RunningStack) -> None:
    assert eventually(lambda: ready(stack))
    state = stack.get(f"{SQUARE}/state").json()
    assert state["counts"]["payments"] >= 300
    assert state["parameters"]["numbers"]["days"] == 730


def test_calls_to_both_apis_are_passed_on_as_they_are(stack: RunningStack) -> None:
    assert eventually(lambda: ready(stack))
    made = stack.post(f"{SQUARE}/payments", json={"amount": 4711, "silent": True}).json()
    assert payments(stack, begin_time=made["created_at"])[0] == made
    refused = stack.get(f"{SQUARE}/v2/payments?colour=%C3%A9", headers=HEADERS)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "colour")
    assert stack.get(f"{SQUARE}/v2/payments").status_code == 401
    assert stack.get(f"{SQUARE}/v2/locations", headers=HEADERS).headers["Square-Version"] == "2026-09-16"
    unknown = stack.get("/_local/simulators/socks/state")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")


def test_webhooks_go_to_the_gateway(stack: RunningStack) -> None:
    assert stack.get(f"{SQUARE}/webhooks").json()["url"] == f"http://localhost:{stack.port}/api/square/webhook"


def test_the_simulators_live_in_the_stacks_time(stack: RunningStack) -> None:
    stack.post("/_local/clock", json={"set": "2031-05-05T00:00:00Z"})
    try:
        assert stack.get(f"{SQUARE}/state").json()["clock"].startswith("2031-05-05")
    finally:
        stack.post("/_local/clock", json={"reset": True})


def welcomed(stack: RunningStack) -> None:
    """A mail is there."""
    card = {"type": "card", "token": "tok_visa"}
    member = {"customerId": "m-reset", "email": "m-reset@example.com", "tier": "BRONZE", "paymentMethod": card}
    assert stack.post("/api/memberships/subscribe", json=member).status_code == 201
    assert eventually(lambda: stack.get("/_local/mail.json?to=m-reset").json()["mails"])


def test_a_reset_leaves_them_alone_unless_it_is_asked_for(stack: RunningStack) -> None:
    assert eventually(lambda: ready(stack))
    made = stack.post(f"{SQUARE}/payments", json={"silent": True}).json()["id"]
    welcomed(stack)
    stack.request("PUT", f"{SQUARE}/traps", json={"forbidden": True})
    stack.post("/_local/reset")
    # Caught mails belong to what was emptied.
    assert stack.get("/_local/mail.json").json()["mails"] == []
    assert stack.get(f"{SQUARE}/v2/payments/{made}", headers=HEADERS).status_code == 403
    assert stack.post("/_local/reset", json={"simulators": True}).status_code == 200
    assert stack.get(f"{SQUARE}/state").json()["traps"] == {}
    assert stack.get(f"{SQUARE}/state").json()["counts"]["payments"] == 300


def test_one_that_dies_is_started_again_with_its_data(stack: RunningStack) -> None:
    assert eventually(lambda: ready(stack))
    before, first = payments(stack), stack.get(f"{SQUARE}/state").json()["pid"]
    os.kill(first, signal.SIGKILL)
    assert eventually(lambda: any("square simulator ended by itself" in line for line in stack.lines))
    assert eventually(lambda: ready(stack))
    assert stack.get(f"{SQUARE}/state").json()["pid"] != first
    assert payments(stack) == before
