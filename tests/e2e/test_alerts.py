"""An alert from end to end: a token breaks, people are told, one of them late; it is mended, and they are told so."""

from __future__ import annotations

import pytest

from tests.e2e.stack import RunningStack, eventually

pytestmark = [pytest.mark.xdist_group("stack"), pytest.mark.timeout(240)]

SQUARE, SLACK, PAGERDUTY = (f"/_local/simulators/{name}" for name in ("square", "slack", "pagerduty"))


def headlines(stack: RunningStack) -> list[str]:
    return [
        message["read"].partition("\n")[0].strip("*") for message in stack.get(f"{SLACK}/messages").json()["messages"]
    ]


def incidents(stack: RunningStack) -> dict[str, str]:
    return {one["dedupKey"]: one["state"] for one in stack.get(f"{PAGERDUTY}/incidents").json()["incidents"]}


def synced(stack: RunningStack) -> bool:
    """Begins with the last days, so that the run with the broken token is not the first of two years."""
    square = stack.get("/api/sync/status").json()["sources"][0]
    if square["mode"] is None and not square["activeJob"]:
        stack.post("/api/sync/square", json={"mode": "backfill", "from": "P10D"})
    return all(stream["state"] == "idle" for stream in square["streams"])


def trap(stack: RunningStack, provider: str, **traps: int | bool) -> None:
    assert stack.request("PUT", f"{provider}/traps", json=traps).status_code == 200


def test_a_broken_token_is_told_and_so_is_its_mending(stack: RunningStack) -> None:
    assert eventually(lambda: synced(stack), 90)
    trap(stack, SQUARE, unauthorized=True)
    trap(stack, PAGERDUTY, down=1)
    stack.post("/_local/jobs/sync_square")
    assert eventually(lambda: "CRITICAL: Sync of square failed: auth_failed" in headlines(stack), 60)
    assert "sync:square" not in incidents(stack)
    trap(stack, PAGERDUTY)
    # The job would look again in two minutes.
    stack.post("/_local/clock", json={"advance": "PT2M"})
    stack.post("/_local/jobs/retry_alerts")
    assert eventually(lambda: incidents(stack).get("sync:square") == "open", 30)
    trap(stack, SQUARE)
    stack.post("/_local/jobs/sync_square")
    assert eventually(lambda: "RESOLVED: Sync of square is well again" in headlines(stack), 60)
    assert eventually(lambda: incidents(stack)["sync:square"] == "resolved", 30)
    told = [one for one in stack.get("/_local/alerts").json()["deliveries"] if one["dedupKey"] == "sync:square"]
    assert [one["channels"]["pagerduty"]["state"] for one in told[:2]] == ["delivered", "delivered"]
    stack.post("/_local/clock", json={"reset": True})
