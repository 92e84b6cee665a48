"""The subscriber behind every event, through its functions-framework app."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from functions.audit.record_event import handle
from shared.audit.repository import LEASE, AuditRepository
from shared.audit.rules import link_after, row_of
from shared.platform.outbox import Event
from shared.runtime import instance
from shared.runtime.declare import declaration_of
from tests.factories import billing_events
from tests.factories.chains import table
from tests.factories.events import alert, attempt, erasure, success, sync_run
from tests.factories.messages import SECURITY_EVENTS, message_of, push
from tests.factories.warehouse import Warehouse


@pytest.fixture
def recorder(function: Callable[[str], FlaskClient], tables: None) -> FlaskClient:
    return function("audit_record_event")


@pytest.mark.parametrize("make", [success, attempt, erasure, sync_run, alert])
def test_an_event_is_recorded_once_however_often_it_comes(
    recorder: FlaskClient, project: str, make: Callable[..., dict[str, Any]]
) -> None:
    event = make()
    for _ in range(2):
        assert push(recorder, message_of(event)).status_code == 200
    recorded = [row for rows in Warehouse(project).everything().values() for row in rows]
    assert {row["event_id"] for row in recorded} == {event["eventId"]}
    assert len(recorded) == (2 if make is success else 1)


def test_a_row_holds_what_the_event_said(recorder: FlaskClient, project: str) -> None:
    push(recorder, message_of(attempt(event_id="evt_1")))
    (row,) = Warehouse(project).rows("age_verification_attempts")
    assert (row["event_id"], row["customer_hash"], row["request_id"]) == ("evt_1", "a" * 64, "req_1")
    assert (row["success"], row["method"], row["state"]) == (False, "id_validation", "TX")
    assert row["created_at"].isoformat() == "2026-07-01T17:00:00+00:00"


@pytest.mark.parametrize(
    ("make", "topic", "table"),
    [(sync_run, "sync-events", "sync_runs"), (alert, "alerts", "alerts")],
)
def test_what_is_about_no_customer_is_recorded_without_one(
    recorder: FlaskClient, project: str, make: Callable[..., dict[str, Any]], topic: str, table: str
) -> None:
    assert push(recorder, message_of({**make(), "customerHash": ""}), topic).status_code == 200
    (row,) = Warehouse(project).rows(table)
    assert (row["type"], row["customer_hash"]) == (make()["type"], None)


@pytest.mark.parametrize("told", [*billing_events.memberships(), *billing_events.payments()], ids=lambda e: e.type)
def test_what_is_told_of_money_becomes_a_row(recorder: FlaskClient, project: str, told: Event) -> None:
    event = json.loads(told.message().data)
    assert push(recorder, message_of(event), told.topic).status_code == 200
    ((name, (row,)),) = ((name, rows) for name, rows in Warehouse(project).everything().items() if rows)
    columns = {re.sub("([A-Z])", r"_\1", wire).lower(): value for wire, value in told.data.items()}
    kept = {
        column: value
        for column, value in columns.items()
        if column in row and column not in ("access_until", "since", "until")
    }
    assert {column: row[column] for column in kept} == kept
    assert len(kept) >= 8, name
    assert (row["type"], row["customer_hash"] or "") == (told.type, told.customer_hash)


def test_both_topics_are_heard(recorder: FlaskClient, project: str) -> None:
    event = {**erasure(), "type": "security.forbidden"}
    assert push(recorder, message_of(event), SECURITY_EVENTS).status_code == 200
    assert [row["type"] for row in Warehouse(project).rows("security_events")] == ["security.forbidden"]


def test_an_event_that_nobody_records_is_taken_and_not_sent_again(recorder: FlaskClient) -> None:
    assert push(recorder, message_of({**attempt(), "type": "x.unheard_of"})).status_code == 200


@pytest.mark.parametrize(
    "message",
    [
        message_of([1, 2]),
        message_of("text"),
        message_of({}),
        message_of({**success(), "data": {}}),
        message_of({**attempt(), "occurredAt": "yesterday"}),
        {**message_of({}), "data": base64.b64encode(b"\xff\xfe{").decode()},
        {**message_of({}), "data": "%%%"},
        {**message_of({}), "data": ""},
    ],
    ids=["a list", "a text", "nothing in it", "no data", "no time", "no text", "no base64", "empty"],
)
def test_a_poison_message_is_refused_without_details_and_stores_nothing(
    recorder: FlaskClient, project: str, message: dict[str, Any]
) -> None:
    answer = push(recorder, message)
    assert answer.status_code == 500
    assert "Traceback" not in answer.text
    assert not any(Warehouse(project).everything().values())


def test_a_delivery_that_overtakes_a_running_one_is_sent_back(recorder: FlaskClient, project: str) -> None:
    """Its lease runs: nothing is stored twice, and Pub/Sub tries again."""
    event, platform = attempt(), instance.platform()
    repository = AuditRepository(platform.firestore, platform.bigquery, platform.clock, platform.ids)
    repository.take_place(table(), row_of(table(), event), link_after)
    assert push(recorder, message_of(event)).status_code == 503


def test_deliveries_go_on_for_longer_than_the_lease_of_an_instance_that_died() -> None:
    """Pub/Sub waits twice as long each time; an event still leased at the last try would be a dead letter."""
    declared = declaration_of(handle)
    shortest, longest = declared.minimum_backoff_seconds, declared.maximum_backoff_seconds
    waits = [min(shortest * 2**n, longest) for n in range(declared.max_delivery_attempts - 1)]
    assert sum(waits) > 2 * LEASE.total_seconds()
