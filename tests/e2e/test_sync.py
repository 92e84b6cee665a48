"""The sync in the whole stack: trigger, messages, webhooks, status; the simulators' ledgers beside BigQuery."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local import provision
from local.environment import PROJECT
from tests.e2e.stack import RunningStack, eventually

pytestmark = pytest.mark.xdist_group("stack")
SQUARE, LIGHTSPEED = "/_local/simulators/square", "/_local/simulators/lightspeed"
TABLES = {
    "payments": ("analytics.square_payments", "amount", "location_id"),
    "order_lines": ("analytics.square_order_lines", "gross", "location_id"),
    "sales": ("analytics.lightspeed_transactions", "total", "location_id"),
}


@pytest.fixture
def synced(stack: RunningStack) -> RunningStack:
    """The last 40 days: two years are many windows for what is to be seen here."""
    if stack.get("/api/sync/status").json()["sources"][1]["mode"] is None:
        for source in ("square", "lightspeed"):
            run(stack, source, mode="backfill", **{"from": "P40D"})
    return stack


def run(stack: RunningStack, source: str, **body: str) -> dict[str, Any]:
    """Trigger, and wait for the end; a run that is under way is waited for first."""

    def triggered() -> dict[str, Any] | None:
        time.sleep(0.5)
        answer = stack.post(f"/api/sync/{source}", json=body)
        assert answer.status_code in (202, 409), answer.text
        return answer.json() if answer.status_code == 202 else None

    queued = eventually(triggered, 120)
    assert queued

    def over() -> dict[str, Any] | None:
        time.sleep(0.2)
        job = stack.get(queued["statusUrl"]).json()
        return job if job["status"] in ("done", "failed") else None

    found = eventually(over, 120)
    assert found
    return found


def places(stack: RunningStack, stream: str) -> list[dict[str, Any]]:
    table, amount, location = TABLES[stream]
    since = (datetime.now(UTC) - timedelta(days=39)).date().isoformat()
    client = provision.warehouse(stack.emulators["BIGQUERY_EMULATOR_HOST"], PROJECT)
    rows = client.query_and_wait(
        f"SELECT {location} AS location, CAST(DATE(created_at) AS STRING) AS day, COUNT(*) AS count, SUM({amount}) AS "
        f"cents FROM `{table}` WHERE created_at >= '{since}' GROUP BY location, day ORDER BY location, day"
    )
    return [dict(row) for row in rows]


def ledger(stack: RunningStack, provider: str, stream: str) -> list[dict[str, Any]]:
    since = (datetime.now(UTC) - timedelta(days=39)).date().isoformat()
    found = stack.get(f"{provider}/ledger", params={"stream": stream, "from": f"{since}T00:00:00Z"}).json()["places"]
    wanted = [{name: place[name] for name in ("location", "day", "count", "cents")} for place in found]
    return sorted(wanted, key=lambda place: (place["location"], place["day"]))


@pytest.mark.parametrize(("provider", "stream"), [(SQUARE, "payments"), (SQUARE, "order_lines"), (LIGHTSPEED, "sales")])
def test_after_a_run_the_warehouse_is_the_simulators_ledger(synced: RunningStack, provider: str, stream: str) -> None:
    assert places(synced, stream) == ledger(synced, provider, stream)


def test_the_status_page_shows_green_certificates(synced: RunningStack) -> None:
    streams = eventually(lambda: settled(synced), 120)
    assert streams
    assert len(streams) == 7
    for stream in streams.values():
        assert (stream["state"], stream["mode"], stream["lastError"]) == ("idle", "live", None)
        assert stream["certificate"]["green"]
        assert stream["lagSeconds"] < 1800


def settled(stack: RunningStack) -> dict[str, dict[str, Any]] | None:
    """The streams by name, while none of them runs: the stack's own schedule starts them at each quarter."""
    found = stack.get("/api/sync/status").json()
    streams = {stream["stream"]: stream for source in found["sources"] for stream in source["streams"]}
    return None if any(stream["state"] == "running" for stream in streams.values()) else streams


def test_a_payment_is_in_bigquery_within_a_minute_without_a_sweep(synced: RunningStack) -> None:
    """The simulator tells the webhook, as Square does."""
    made = synced.post(f"{SQUARE}/payments", json={"amount": 4321}).json()
    found = eventually(lambda: payment(synced, made["id"]), 60)
    assert found["amount"] == 4321
    synced.request("PATCH", f"{SQUARE}/payments/{made['id']}", json={"refund_cents": 21})
    assert eventually(lambda: payment(synced, made["id"], "refunded_amount = 21"), 60)


def test_replays_and_a_wrong_order_leave_the_newest_version(synced: RunningStack) -> None:
    made = synced.post(f"{SQUARE}/payments", json={"amount": 1000}).json()
    assert eventually(lambda: payment(synced, made["id"]), 60)
    synced.request("PATCH", f"{SQUARE}/payments/{made['id']}", json={"refund_cents": 400})
    synced.post(f"{SQUARE}/webhooks/send", json={"type": "payment.created", "id": made["id"], "times": 3})
    assert eventually(lambda: payment(synced, made["id"], "refunded_amount = 400"), 60)
    assert payment(synced, made["id"])["refunded_amount"] == 400


def test_a_wrong_signature_is_refused(synced: RunningStack) -> None:
    body = json.dumps({"event_id": "e-1", "type": "payment.created", "data": {"id": "x"}}).encode()
    wrong = base64.b64encode(hmac.digest(b"another key", body, hashlib.sha256)).decode()
    headers = {"Content-Type": "application/json", "x-square-hmacsha256-signature": wrong}
    answer = synced.post("/api/square/webhook", data=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_signature")


def test_a_schedule_can_be_run_by_hand(synced: RunningStack) -> None:
    before = synced.get("/api/sync/status").json()["sources"][0]["streams"][0]["finishedAt"]
    assert synced.post("/_local/jobs/sync_square").status_code == 202

    def finished() -> bool:
        return synced.get("/api/sync/status").json()["sources"][0]["streams"][0]["finishedAt"] > before

    assert eventually(finished, 60)


def payment(stack: RunningStack, payment_id: str, also: str = "TRUE") -> dict[str, Any] | None:
    client = provision.warehouse(stack.emulators["BIGQUERY_EMULATOR_HOST"], PROJECT)
    sql = (
        f"SELECT * FROM `analytics.square_payments` WHERE created_at > '2000-01-01' AND id = '{payment_id}' AND {also}"
    )
    rows = [dict(row) for row in client.query_and_wait(sql)]
    assert len(rows) <= 1
    return rows[0] if rows else None
