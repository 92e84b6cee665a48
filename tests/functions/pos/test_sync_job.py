"""GET /api/sync/status/{job_id}"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared.platform.clock import wire_time
from shared.platform.context import Platform
from shared.pos.models import FAILED, Counters, Progress
from shared.pos.repository import SyncRepository
from tests.factories.serving import serving
from tests.factories.sync import AT, DAY, certificate, difference, job, window
from tests.factories.tokens import bearer

NEVER: dict[str, Any] = {"exp": 4_000_000_000}  # the test's clock stands in 2026


@pytest.fixture
def status(platform: Platform) -> Callable[..., Any]:
    client = serving(platform)("pos_sync_job")

    def get(job_id: str = "job_1", role: str = "admin") -> Any:
        return client.get(f"/api/sync/status/{job_id}", headers=bearer(role, "a-1", **NEVER) if role else {})

    return get


@pytest.fixture
def repository(platform: Platform) -> SyncRepository:
    return SyncRepository(platform.firestore, platform.outbox, platform.clock, platform.ids)


def test_a_queued_run(status, repository: SyncRepository) -> None:
    repository.claim(job())
    assert status().json == {
        "success": True,
        "jobId": "job_1",
        "source": "square",
        "mode": "incremental",
        "syncMode": "",
        "status": "queued",
        "windows": {"total": 0, "done": 0},
        "createdAt": wire_time(AT),
        "startedAt": None,
        "finishedAt": None,
        "error": None,
        "streams": [],
        "timestamp": wire_time(AT),
    }


def test_a_run_under_way_adds_up_its_windows_by_stream(status, repository: SyncRepository) -> None:
    repository.claim(job())
    windows = [window(f"job_1.{n:03}") for n in range(3)] + [window("job_1.003", stream="square_items")]
    repository.begin(job(), "live", windows)
    for number, found in enumerate((certificate(), certificate(difference("2026-06-01"), newest=wire_time(AT)))):
        repository.take(windows[number].id, "run_1")
        counters = Counters(seen=10, written=2, rejected=1, changed_late=0, pages=3, retries=1)
        repository.done(windows[number], Progress(counters=counters, certificate=found), "run_1")
    body = status().json
    assert (body["status"], body["syncMode"], body["windows"]) == ("running", "live", {"total": 4, "done": 2})
    payments, items = body["streams"]
    shown = payments.pop("certificate")
    assert payments == {
        "stream": "square_payments",
        "rowsSeen": 20,
        "rowsWritten": 4,
        "rowsRejected": 2,
        "changedLate": 0,
        "pages": 6,
        "retries": 2,
        "error": None,
    }
    assert (shown["green"], shown["places"], shown["rows"], shown["cents"]) == (False, 6, 60, 24_690)
    assert shown["newestUpdate"] == wire_time(AT)
    assert [found["day"] for found in shown["differences"]] == ["2026-06-01"]
    assert (items["stream"], items["rowsSeen"], items["certificate"]) == ("square_items", 0, None)


def test_a_failed_run_says_why(status, repository: SyncRepository, clock) -> None:
    repository.claim(job())
    repository.begin(job(), "live", [window()])
    clock.at += DAY
    error = {"code": "auth_failed", "message": "Square refuses the access token."}
    repository.end(job(), FAILED, dict, [], list, error=error)
    body = status().json
    assert (body["status"], body["error"], body["finishedAt"]) == ("failed", error, wire_time(AT + DAY))


@pytest.mark.parametrize("job_id", ["job_9", "x", "job_1.000"])
def test_a_run_that_there_is_not(status, repository: SyncRepository, job_id: str) -> None:
    repository.claim(job())
    answer = status(job_id)
    assert (answer.status_code, answer.json["code"]) == (404, "unknown_job")


@pytest.mark.parametrize("job_id", ["a%20b", "%2E%2E", "a%2Fb", "x" * 129])
def test_what_is_no_id(status, job_id: str) -> None:
    assert status(job_id).status_code in (400, 404)


@pytest.mark.parametrize(("role", "code"), [("customer", 403), ("service", 403), ("", 401)])
def test_admins_only_whether_there_is_such_a_run_or_not(status, repository, role: str, code: int) -> None:
    repository.claim(job())
    assert [status(job_id, role).status_code for job_id in ("job_1", "job_9")] == [code, code]
