"""The subscriber of `sync-requests`, through its functions-framework app. Without credentials Square is made up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from shared.pos.repository import CLAIM, LEASE
from shared.runtime import instance
from shared.runtime.declare import Subscriber, declaration_of
from tests.factories.documents import documents
from tests.factories.messages import message_of, push
from tests.factories.tokens import bearer
from tests.factories.warehouse import Warehouse

TOPIC = "sync-requests"
WEEK = {"source": "square", "mode": "backfill", "from": "P7D"}
PAYMENTS = "`analytics.square_payments` WHERE created_at > '2000-01-01'"


@pytest.fixture
def subscriber(function: Callable[[str], FlaskClient], tables: None) -> FlaskClient:
    return function("pos_sync")


def deliver(subscriber: FlaskClient, data: Any) -> int:
    return push(subscriber, message_of(data), TOPIC).status_code


def to_the_end(subscriber: FlaskClient, requests: Callable[[], list[dict[str, Any]]]) -> int:
    """Deliver what is waiting, and what that causes; how many messages it were."""
    count = 0
    while waiting := requests():
        for data in waiting:
            assert deliver(subscriber, data) == 200
            count += 1
    return count


def jobs() -> list[dict[str, Any]]:
    return list(documents(instance.platform().firestore, "sync_jobs").values())


def test_a_message_hands_out_the_months_and_the_last_ends_the_run(subscriber, requests, project: str) -> None:
    assert deliver(subscriber, WEEK) == 200
    assert [job["status"] for job in jobs()] == ["running"]
    assert to_the_end(subscriber, requests) >= 4
    (job,) = jobs()
    assert (job["status"], job["syncMode"], job["error"]) == ("done", "mock", None)
    assert job["windows"] == job["windowsDone"] >= 4
    (found,) = Warehouse(project).run(f"SELECT COUNT(*) AS n, COUNT(DISTINCT id) AS ids FROM {PAYMENTS}")
    assert found["n"] == found["ids"] >= 7 * 5


def test_a_message_that_comes_twice_is_the_same_run(subscriber, requests, project: str) -> None:
    message = message_of(WEEK)
    assert push(subscriber, message, TOPIC).status_code == 200
    assert push(subscriber, message, TOPIC).status_code == 200
    to_the_end(subscriber, requests)
    before = Warehouse(project).everything()
    assert push(subscriber, message, TOPIC).status_code == 200
    assert to_the_end(subscriber, requests) == 0
    assert [job["status"] for job in jobs()] == ["done"]
    assert Warehouse(project).everything() == before


def test_a_triggered_run_shows_its_end_on_the_status_page(
    subscriber, trigger, requests, function: Callable[[str], FlaskClient]
) -> None:
    job_id = trigger("square", {"mode": "backfill", "from": "P2D"}).json["jobId"]
    to_the_end(subscriber, requests)
    answer = function("pos_sync_job").get(f"/api/sync/status/{job_id}", headers=bearer("admin"))
    assert (answer.json["status"], answer.json["syncMode"]) == ("done", "mock")
    assert {found["stream"] for found in answer.json["streams"]} >= {"square_payments", "square_items"}
    assert all(found["certificate"]["green"] for found in answer.json["streams"])
    assert trigger("square").status_code == 202


def test_a_message_for_a_source_that_is_busy_is_taken_and_not_needed(subscriber, trigger, requests) -> None:
    trigger("square")
    assert deliver(subscriber, {"source": "square", "mode": "incremental"}) == 200
    assert len(jobs()) == 1


def test_a_window_of_a_job_that_is_gone_is_not_needed(subscriber) -> None:
    assert deliver(subscriber, {"source": "square", "jobId": "job_9", "window": "job_9.000"}) == 200
    assert jobs() == []


@pytest.mark.parametrize(
    "data",
    [
        {},
        [],
        "square",
        {"source": "clover"},
        {"source": "square", "mode": "everything"},
        {"source": "square", "from": 14},
        {"source": "square", "from": "yesterday"},
        {"source": "square", "from": "2999-01-01"},
        {"source": "square", "mode": "objects", "stream": "square_socks", "ids": ["1"]},
    ],
    ids=str,
)
def test_a_poison_message_fails_without_details_and_starts_nothing(subscriber, project: str, data: Any) -> None:
    answer = push(subscriber, message_of(data), TOPIC)
    assert answer.status_code in (500, 503)
    assert "Traceback" not in answer.text
    assert not documents(instance.platform().firestore, "sync_jobs", "sync_sources")
    assert not any(Warehouse(project).everything().values())


def test_in_production_nothing_is_made_up(
    monkeypatch: pytest.MonkeyPatch, function: Callable[[str], FlaskClient], tables: None, project: str
) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    instance.forget()
    assert deliver(function("pos_sync"), WEEK) == 200
    (job,) = jobs()
    assert (job["status"], job["windows"]) == ("done", 0)
    assert not any(Warehouse(project).everything().values())
    assert documents(instance.platform().firestore, "sync_sources")["sync_sources/square"]["activeJob"] == ""


def test_deliveries_go_on_for_longer_than_a_lease_and_schedules_for_longer_than_a_claim() -> None:
    """What an instance that died has left is taken over by a redelivery, or by the next scheduled message."""
    from functions.pos.sync import handle

    declared = declaration_of(handle)
    assert isinstance(declared, Subscriber)
    shortest, longest = declared.minimum_backoff_seconds, declared.maximum_backoff_seconds
    waits = [min(shortest * 2**n, longest) for n in range(declared.max_delivery_attempts - 1)]
    assert sum(waits) > LEASE.total_seconds()
    assert CLAIM.total_seconds() < 15 * 60
    assert declared.ack_deadline_seconds > declared.timeout_seconds


def test_every_scheduled_message_is_a_request() -> None:
    from functions.pos.sync import handle
    from shared.pos.requests import SyncRequest

    declared = declaration_of(handle)
    assert isinstance(declared, Subscriber)
    found = [SyncRequest.of("m", schedule.data) for schedule in declared.schedules]
    assert {(request.source, request.mode) for request in found} == {
        (source, mode) for source in ("square", "lightspeed") for mode in ("incremental", "full")
    }
    assert len({schedule.name for schedule in declared.schedules}) == len(found)
