"""What leaves for Pub/Sub: an envelope for every type, the columns that are recorded, and nothing personal."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.audit.repository import tables
from shared.audit.rules import row_of
from shared.platform.outbox import Event
from shared.verification import events
from shared.verification.models import Refusal
from tests.factories.verifications import verification

AT = datetime(2026, 7, 1, 17, tzinfo=UTC)
REFUSAL = Refusal(
    method="age_check", reason="Invalid date of birth", field="dateOfBirth", code="date_invalid", next_step=""
)
IDS = ("evt_1", "att_1", "hash", "req_1")
EVENTS: dict[str, Event] = {
    "verification.succeeded": events.succeeded(*IDS, verification(), None),
    "verification.failed": events.failed(*IDS, REFUSAL, AT),
    "verification.rate_limited": events.rate_limited(*IDS, AT),
    "verification.erased": events.erased("evt_1", "hash", "req_1", verification(), "admin", AT),
}


@pytest.mark.parametrize("kind", EVENTS)
def test_the_envelope_and_the_attributes_say_the_same(kind: str) -> None:
    message = EVENTS[kind].message()
    envelope = json.loads(message.data)
    assert EVENTS[kind].topic == "verification-events"
    assert envelope.keys() == {"eventId", "type", "occurredAt", "customerHash", "requestId", "data"}
    assert message.attributes == {n: envelope[n] for n in ("type", "eventId", "customerHash", "occurredAt")}
    assert message.attributes == {
        "type": kind,
        "eventId": "evt_1",
        "customerHash": "hash",
        "occurredAt": "2026-07-01T17:00:00.000Z",
    }


@pytest.mark.parametrize("kind", EVENTS)
def test_every_event_fits_every_table_that_records_it(kind: str) -> None:
    interested = [table for table in tables() if kind in table.events]
    assert interested
    for table in interested:
        row = row_of(table, json.loads(EVENTS[kind].message().data))
        assert row["event_id"] == "evt_1"
        assert row["created_at"] == AT


def test_a_success_is_recorded_as_a_verification_and_as_an_attempt() -> None:
    names = {table.name for table in tables() if "verification.succeeded" in table.events}
    assert names == {"age_verifications", "age_verification_attempts"}


def test_a_success_names_what_it_supersedes() -> None:
    assert events.succeeded(*IDS, verification(), "av_0").data["supersedes"] == "av_0"


@pytest.mark.parametrize("kind", EVENTS)
def test_no_event_has_room_for_a_person(kind: str) -> None:
    personal = {
        "customerId",
        "fullName",
        "dateOfBirth",
        "idNumberLast4",
        "email",
        "age",
        "sealed",
        "dataKey",
        "ageToken",
    }
    assert not personal & _names(json.loads(EVENTS[kind].message().data))


def _names(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {name for part in value.values() for name in _names(part)}
    return set()
