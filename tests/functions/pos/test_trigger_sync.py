"""POST /api/sync/{source}"""

from __future__ import annotations

from typing import Any

import pytest

from shared.platform.context import Platform
from tests.factories.documents import documents


@pytest.mark.parametrize("source", ["square", "lightspeed"])
def test_a_run_is_queued(trigger, requests, platform: Platform, source: str) -> None:
    answer = trigger(source, {"mode": "full", "from": "P14D"})
    job_id = answer.json["jobId"]
    assert answer.status_code == 202
    assert answer.json == {
        "success": True,
        "jobId": job_id,
        "status": "queued",
        "statusUrl": f"/api/sync/status/{job_id}",
    }
    assert requests() == [{"source": source, "mode": "full", "jobId": job_id}]
    (job,) = documents(platform.firestore, "sync_jobs").values()
    assert (job["source"], job["mode"], job["status"]) == (source, "full", "queued")
    assert job["requestId"] == answer.headers["X-Request-ID"]


def test_without_a_body_it_is_an_increment(trigger, requests) -> None:
    assert trigger().status_code == 202
    assert [found["mode"] for found in requests()] == ["incremental"]


@pytest.mark.parametrize(
    "body",
    [
        {"mode": "backfill"},
        {"mode": "backfill", "from": "2y"},
        {"mode": "backfill", "from": "2024-01-01", "to": "2024-07-01"},
        {"mode": "full", "from": "2026-01-31T10:00:00-06:00"},
        {"mode": "incremental"},
        {"mode": "backfill", "from": "P30D", "to": "2999-01-01"},
    ],
    ids=str,
)
def test_what_may_be_asked_for(trigger, body: dict[str, Any]) -> None:
    assert trigger("square", body).status_code == 202


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"mode": "everything"}, "mode"),
        ({"mode": "objects"}, "mode"),
        ({"mode": 1}, "mode"),
        ({"mode": None}, "mode"),
        ({"from": "yesterday"}, "from"),
        ({"from": 14}, "from"),
        ({"from": "2999-01-01"}, "from"),
        ({"from": "2024-07-01", "to": "2024-01-01"}, "from"),
        ({"from": "2024-07-01", "to": "2024-07-01"}, "from"),
        ({"from": "P9999Y"}, "from"),
        ({"from": "0001-01-01T00:00:00+14:00"}, "from"),
        ({"from": "2026-01-01" + "0" * 40}, "from"),
        ({"to": "soon"}, "to"),
        ({"mode": "full", "to": "0001-06-01"}, "to"),
        ({"mode": "backfill", "to": "2010-01-01"}, "to"),
        ({"mode": "full", "from": "P14D", "to": "9999-12-31T23:59:59-14:00"}, "to"),
        ({"until": "2024-01-01"}, "until"),
        ({"source": "square"}, "source"),
    ],
    ids=str,
)
def test_anything_else_is_400_and_names_the_field(
    trigger, requests, platform: Platform, body: dict[str, Any], field: str
) -> None:
    answer = trigger("square", body)
    assert (answer.status_code, answer.json["field"]) == (400, field)
    assert answer.json["success"] is False
    assert answer.json["error"]
    assert requests() == []
    assert not documents(platform.firestore, "sync_jobs", "sync_sources")


@pytest.mark.parametrize("source", ["clover", "status", "Square", "square.", "x" * 128])
def test_a_source_that_there_is_not(trigger, requests, source: str) -> None:
    answer = trigger(source)
    assert (answer.status_code, answer.json["code"]) == (404, "unknown_source")
    assert requests() == []


def test_while_a_run_is_under_way_another_is_refused(trigger, requests) -> None:
    first = trigger("square").json
    answer = trigger("square", {"mode": "backfill", "from": "2y"})
    assert (answer.status_code, answer.json["code"]) == (409, "already_running")
    assert (answer.json["jobId"], answer.json["statusUrl"]) == (first["jobId"], first["statusUrl"])
    assert len(requests()) == 1
    # The other source is free.
    assert trigger("lightspeed").status_code == 202


def test_the_same_key_is_the_same_run(trigger, requests) -> None:
    key = {"Idempotency-Key": "night-1"}
    first, again = trigger("square", {"mode": "full"}, **key), trigger("square", {"mode": "full"}, **key)
    assert (again.status_code, again.json) == (202, first.json)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(requests()) == 1
    other = trigger("square", {"mode": "backfill"}, **key)
    assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(("role", "status"), [("customer", 403), ("service", 403), ("", 401), ("admin", 202)])
def test_admins_only(trigger, requests, role: str, status: int) -> None:
    assert trigger("square", role=role).status_code == status
    assert len(requests()) == (1 if status == 202 else 0)
