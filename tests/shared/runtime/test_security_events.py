"""Refusals and admin actions go to the audit trail; a flood of one kind goes there once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import Client

from local.ports import free_port
from local.provision import PubSub
from shared.platform.context import Platform
from shared.platform.errors import BadSignature
from shared.platform.ids import Ids
from shared.platform.settings import Settings
from shared.runtime.declare import ADMIN, SIGNED, SIGNED_IN, in_path
from shared.runtime.request import Answer, Request
from shared.runtime.security_events import TOPIC
from tests.factories.documents import documents
from tests.factories.environment import environment
from tests.factories.messages import data_of
from tests.factories.stepping_clock import SteppingClock
from tests.factories.throw_away import client_of, who_calls
from tests.factories.tokens import bearer

NEVER = 4_102_444_800
Wait = Callable[[int], list[dict[str, Any]]]


@pytest.fixture
def client(platform: Platform) -> Client:
    route = "GET /api/things/{customer_id}"
    return client_of(platform, who_calls, route, auth=SIGNED_IN, owner=in_path("customer_id"))


@pytest.fixture
def trail(pubsub: PubSub) -> Wait:
    """Waits until so many events have come, and gives all."""

    def wait(count: int) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        deadline = time.monotonic() + 20
        while len(events) < count and time.monotonic() < deadline:
            events += [data_of(message) for message in pubsub.pull(TOPIC)]
        assert len(events) == count
        return events

    return wait


@pytest.mark.parametrize(
    ("caller", "kind", "role", "code"),
    [
        ({}, "security.unauthenticated", "anonymous", "unauthenticated"),
        (bearer("customer", "c-2", exp=0), "security.unauthenticated", "anonymous", "token_expired"),
        (bearer("customer", "c-2", exp=NEVER), "security.forbidden", "customer", "forbidden"),
    ],
)
def test_a_refusal_is_recorded_without_the_person(
    client: Client, trail: Wait, platform: Platform, caller: dict[str, str], kind: str, role: str, code: str
) -> None:
    client.get("/api/things/c-1", headers={**caller, "X-Request-ID": "r-1"})
    (event,) = trail(1)
    assert event.pop("eventId").startswith("evt_")
    assert event == {
        "type": kind,
        "occurredAt": "2026-07-01T17:00:00.000Z",
        "customerHash": platform.customer_hash("c-2") if role == "customer" else "",
        "requestId": "r-1",
        "data": {"function": "throw_away", "role": role, "code": code},
    }


def test_a_flood_over_the_limit_is_recorded_once_a_slot(project: str, trail: Wait) -> None:
    clock = SteppingClock()
    platform = Platform(Settings.load(environment(project, RATE_LIMIT_SIGNED_IN="2")), clock, Ids(clock))
    client = client_of(platform, who_calls, "GET /api/things/all", auth=SIGNED_IN)
    answers = [client.get("/all", headers=bearer("customer", "c-1", exp=NEVER)).status_code for _ in range(9)]
    assert answers == [200, 200] + [429] * 7
    assert [event["type"] for event in trail(1)] == ["security.rate_limited"]


def refuse(request: Request) -> Answer:
    raise BadSignature("The signature is not Square's.")


def test_a_bad_signature_is_a_kind_of_its_own(platform: Platform, trail: Wait) -> None:
    client = client_of(platform, refuse, "POST /api/things/webhook", auth=SIGNED, tier="webhook")
    answer = client.post("/webhook", json={}, headers=bearer("admin", "a-1", exp=NEVER))
    assert (answer.status_code, answer.json["code"]) == (401, "bad_signature")
    (event,) = trail(1)
    assert (event["type"], event["customerHash"]) == ("security.bad_signature", "")
    assert event["data"] == {"function": "throw_away", "role": "anonymous", "code": "bad_signature"}


@pytest.mark.parametrize(("method", "count"), [("POST", 1), ("DELETE", 1), ("GET", 0)])
def test_what_an_admin_changes_is_recorded(platform: Platform, trail: Wait, method: str, count: int) -> None:
    client = client_of(platform, who_calls, f"{method} /api/things/all", auth=ADMIN)
    caller = bearer("admin", "a-1", exp=NEVER)
    assert client.open("/all", method=method, headers=caller).status_code == 200
    assert client.open("/all", method=method, headers={}).status_code == 401  # so that there is something to wait for
    kinds = sorted(event["type"] for event in trail(count + 1))
    assert kinds == ["security.admin_action"] * count + ["security.unauthenticated"]


def test_what_cannot_be_published_waits_in_the_outbox(project: str, pubsub: PubSub) -> None:
    settings = Settings.load(environment(project, PUBSUB_EMULATOR_HOST=f"127.0.0.1:{free_port()}"))
    clock = SteppingClock()
    platform = Platform(settings, clock, Ids(clock))
    assert client_of(platform, who_calls, "GET /api/things/all", auth=SIGNED_IN).get("/all").status_code == 401
    (document,) = documents(platform.firestore, "outbox").values()
    assert document["attributes"]["type"] == "security.unauthenticated"
