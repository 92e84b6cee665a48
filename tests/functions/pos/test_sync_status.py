"""GET /api/sync/status"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from shared.integrations.streams import STREAMS
from shared.platform.clock import wire_time
from shared.platform.context import Platform
from shared.pos import documents, rules
from shared.pos.repository import SyncRepository
from tests.factories.clock import TestClock
from tests.factories.serving import serving
from tests.factories.sync import AT, certificate, difference
from tests.factories.tokens import bearer

NEVER: dict[str, Any] = {"exp": 4_000_000_000}  # the test's clock stands in 2026
MEASURED = ("rowsSeen", "rowsWritten", "rowsRejected", "changedLate", "pages", "retries", "failures")


@pytest.fixture
def status(platform: Platform) -> Callable[..., Any]:
    client = serving(platform)("pos_sync_status")

    def get(role: str = "admin") -> Any:
        return client.get("/api/sync/status", headers=bearer(role, "a-1", **NEVER) if role else {})

    return get


@pytest.fixture
def repository(platform: Platform) -> SyncRepository:
    return SyncRepository(platform.firestore, platform.outbox, platform.clock, platform.ids)


def stream(body: dict[str, Any], name: str) -> dict[str, Any]:
    return next(found for source in body["sources"] for found in source["streams"] if found["stream"] == name)


def test_before_the_first_run_every_stream_is_named(status) -> None:
    answer = status()
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    body = answer.json
    assert (body["success"], body["timestamp"]) == (True, wire_time(AT))
    assert {source["source"]: [s["stream"] for s in source["streams"]] for source in body["sources"]} == {
        name: [one.name for one in streams] for name, streams in STREAMS.items()
    }
    for source in body["sources"]:
        assert (source["activeJob"], source["mode"], source["dataVersion"]) == (None, None, None)
        assert source["nextRunAt"] == wire_time(rules.next_run(AT))
    assert stream(body, "square_payments") == {
        "stream": "square_payments",
        "table": "analytics.square_payments",
        "mode": None,
        "state": "never_run",
        "watermark": None,
        "lagSeconds": None,
        "jobId": None,
        **dict.fromkeys(MEASURED, 0),
        "lastError": None,
        "startedAt": None,
        "finishedAt": None,
        "nextRunAt": wire_time(rules.next_run(AT)),
        "certificate": None,
    }


def test_what_a_run_left_behind(status, repository: SyncRepository, clock: TestClock) -> None:
    state = {
        "mode": "live",
        "state": "red",
        "watermark": AT,
        "job": "job_1",
        **{name: number for number, name in enumerate(MEASURED, 1)},
        "lastError": {"code": "source_unavailable", "message": "Square answered 503.", "at": AT},
        "startedAt": AT,
        "finishedAt": AT + timedelta(seconds=3),
        "certificate": documents.of_certificate(certificate(difference("2026-06-01"))),
    }
    repository.note(["square_payments"], state)
    repository.note_source("square", {"mode": "live", "activeJob": "job_2", "dataVersion": "job_1"})
    clock.advance(minutes=20)
    body = status().json
    square = next(source for source in body["sources"] if source["source"] == "square")
    assert (square["mode"], square["activeJob"], square["dataVersion"]) == ("live", "job_2", "job_1")
    assert square["nextRunAt"] == "2026-07-01T17:30:00.000Z"
    assert stream(body, "square_payments") == {
        "stream": "square_payments",
        "table": "analytics.square_payments",
        "mode": "live",
        "state": "red",
        "watermark": wire_time(AT),
        "lagSeconds": 1200,
        "jobId": "job_1",
        **{name: number for number, name in enumerate(MEASURED, 1)},
        "lastError": {"code": "source_unavailable", "message": "Square answered 503.", "at": wire_time(AT)},
        "startedAt": wire_time(AT),
        "finishedAt": "2026-07-01T17:00:03.000Z",
        "nextRunAt": "2026-07-01T17:30:00.000Z",
        "certificate": {
            "green": False,
            "checkedAt": wire_time(AT),
            "places": 3,
            "rows": 30,
            "cents": 12345,
            "newestUpdate": "2026-06-30T12:00:00.000Z",
            "repaired": 1,
            "uncertifiedDays": 2,
            "moreDifferences": 0,
            "differences": [
                {
                    "stream": "square_payments",
                    "location": "L1",
                    "day": "2026-06-01",
                    "source": {"count": 1, "cents": 100, "newest": "2026-06-01T12:00:00.000Z"},
                    "warehouse": {"count": 2, "cents": 200, "newest": "2026-06-01T12:00:00.000Z"},
                }
            ],
        },
    }


def test_a_clock_that_was_moved_back_makes_no_negative_lag(status, repository: SyncRepository, clock) -> None:
    repository.note(["square_items"], {"watermark": AT + timedelta(days=1)})
    assert stream(status().json, "square_items")["lagSeconds"] == 0


@pytest.mark.parametrize(("role", "code"), [("customer", 403), ("service", 403), ("", 401)])
def test_admins_only(status, role: str, code: int) -> None:
    assert status(role).status_code == code


def test_it_is_served_as_a_function(function: Callable[[str], FlaskClient]) -> None:
    client = function("pos_sync_status")
    assert client.get("/api/sync/status", headers=bearer("admin")).status_code == 200
    answer = client.post("/api/sync/status", headers=bearer("admin"))
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
