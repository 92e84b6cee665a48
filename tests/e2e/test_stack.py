"""The control API of the local stack, and what the stack provisions."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests

from shared.platform.clock import parse_wire_time
from tests.e2e.stack import REPOSITORY, RunningStack, eventually
from tests.factories.claims import verify_body

pytestmark = pytest.mark.xdist_group("stack")
VERIFY, STATUS = "/api/age-verification/verify", "/api/age-verification/status"
GENERATED = json.loads((REPOSITORY / "infra/generated/functions.json").read_text())


def test_functions_are_listed_as_they_are_generated_for_terraform(stack: RunningStack) -> None:
    listed = stack.get("/_local/functions").json()["functions"]
    assert {function["name"]: function for function in listed} == GENERATED


def test_topics_and_push_subscriptions_are_those_declared(stack: RunningStack) -> None:
    listening = {name: found for name, found in GENERATED.items() if found["kind"] != "http"}
    declared = {topic for found in listening.values() for topic in found["topics"]}
    declared |= {topic for found in GENERATED.values() for topic in found["publishes"]}
    assert listed(stack, "topics") == declared

    subscriptions = {found["name"].rpartition("/")[2]: found for found in provisioned(stack, "subscriptions")}
    pushed = {name: s for name, s in subscriptions.items() if s.get("pushConfig", {}).get("pushEndpoint")}
    wanted = {f"{name}.{topic}": (found, topic) for name, found in listening.items() for topic in found["topics"]}
    assert pushed.keys() == wanted.keys()
    for name, (function, topic) in wanted.items():
        assert_pushes(stack, pushed[name], function, topic)
    # What is left is pulled by `GET /_local/events`.
    assert subscriptions.keys() - pushed.keys() == {f"local-events.{topic}" for topic in declared}


def assert_pushes(stack: RunningStack, found: dict[str, Any], function: dict[str, Any], topic: str) -> None:
    endpoint = f"{stack.url}/_push/{function['entryPoint']}/projects/demo-local/topics/{topic}"
    assert found["pushConfig"]["pushEndpoint"] == endpoint
    assert found["topic"].rpartition("/")[2] == topic
    assert found["ackDeadlineSeconds"] == function["ackDeadlineSeconds"]
    dead_letter = found.get("deadLetterPolicy", {})
    assert dead_letter.get("maxDeliveryAttempts", 0) == function["maxDeliveryAttempts"]
    assert dead_letter.get("deadLetterTopic", "/dead-letters").rpartition("/")[2] == "dead-letters"


def provisioned(stack: RunningStack, kind: str) -> list[dict[str, Any]]:
    emulator = stack.emulators["PUBSUB_EMULATOR_HOST"]
    answer = requests.get(f"http://{emulator}/v1/projects/demo-local/{kind}?pageSize=1000", timeout=10)
    found: list[dict[str, Any]] = answer.json()[kind]
    return found


def listed(stack: RunningStack, kind: str) -> set[str]:
    return {found["name"].rpartition("/")[2] for found in provisioned(stack, kind)}


@pytest.mark.parametrize("name", ["relay-outbox", "relay_outbox", "audit-relay-outbox", "audit_relay_outbox"])
def test_a_job_is_published_as_the_scheduler_would(stack: RunningStack, name: str) -> None:
    before = len(stack.events(topic="relay-outbox"))
    answer = stack.post(f"/_local/jobs/{name}")
    assert (answer.status_code, answer.json()["topic"]) == (202, "relay-outbox")
    published = eventually(lambda: stack.events(topic="relay-outbox")[before:])
    assert published[0]["attributes"]["job"] == "audit-relay-outbox"
    assert published[0]["data"] == {}


def test_an_unknown_job_is_a_404_that_names_those_there_are(stack: RunningStack) -> None:
    answer = stack.post("/_local/jobs/nothing")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "audit_relay_outbox" in answer.json()["error"]


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/_local/nothing", 404), ("PUT", "/_local/clock", 405)])
def test_the_control_api_has_the_same_error_shape(stack: RunningStack, method: str, path: str, status: int) -> None:
    answer = stack.request(method, path)
    assert answer.status_code == status
    assert answer.json().keys() >= {"success", "error", "code", "requestId"}


def test_events_are_narrowed_by_topic_and_by_type(stack: RunningStack) -> None:
    stack.post(VERIFY, json=verify_body("c-events"))
    succeeded = eventually(lambda: stack.events(type="verification.succeeded"))
    assert {event["topic"] for event in succeeded} == {"verification-events"}
    assert stack.events(topic="security-events", type="verification.succeeded") == []
    assert stack.events(topic="no-such-topic") == []


def test_the_clock_moves_for_every_function_until_it_is_reset(stack: RunningStack) -> None:
    stack.post(VERIFY, json=verify_body("c-clock"))
    assert_about(stack.post("/_local/clock", json={"advance": "P366D"}), days=366)
    expired = stack.get(f"{STATUS}/c-clock").json()
    assert (expired["verified"], expired["expired"], expired["ageToken"]) == (False, True, None)
    assert stack.post(VERIFY, json=verify_body("c-clock")).json()["method"] == "full_verification"
    assert_about(stack.post("/_local/clock", json={"advance": "-P1DT12H"}), days=364.5)
    stack.post("/_local/clock", json={"set": "2040-01-31T12:00:00Z"})
    assert stack.get("/health/age-verification").json()["timestamp"].startswith("2040-01-31T12:00:")
    assert_about(stack.post("/_local/clock", json={"reset": True}), days=0)


def assert_about(answer: requests.Response, days: float) -> None:
    """The clock stands `days` ahead of the machine's."""
    assert answer.status_code == 200
    assert answer.json()["offsetSeconds"] == pytest.approx(days * 86400, abs=5)
    shown: datetime = parse_wire_time(answer.json()["now"])
    assert abs(shown - datetime.now(shown.tzinfo) - timedelta(days=days)) < timedelta(seconds=10)


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        ({}, "Send "),
        ([], "Send "),
        ("P31D", "Send "),
        ({"reset": False}, "Send "),
        ({"advance": "31 days"}, "'31 days' is no duration."),
        ({"advance": "P"}, "'P' is no duration."),
        ({"advance": 31}, "'31' is no duration."),
        ({"advance": "P999999999999D"}, "too far"),
        ({"advance": "P9000000D"}, "too far"),
        ({"set": "tomorrow"}, "'tomorrow' is no RFC 3339 time."),
        ({"set": "2026-01-01T00:00:00"}, "'2026-01-01T00:00:00' is no RFC 3339 time."),
        ({"set": "9999-12-31T23:59:59Z"}, "too far"),
        ({"set": "0001-01-01T00:00:00Z"}, "too far"),
    ],
)
def test_a_clock_that_cannot_be_is_refused_with_a_sentence(stack: RunningStack, order: Any, sentence: str) -> None:
    answer = stack.post("/_local/clock", json=order)
    assert (answer.status_code, answer.json()["success"]) == (400, False)
    assert sentence in answer.json()["error"]
    assert stack.get("/_local/clock").json()["offsetSeconds"] == pytest.approx(0, abs=5)


def test_a_reset_empties_the_store_and_forgets_clock_events_and_limits(stack: RunningStack) -> None:
    stack.post(VERIFY, json=verify_body("c-reset"))
    for _ in range(3):
        stack.post(VERIFY, json=verify_body("c-blocked", state="ZZ"))
    assert stack.post(VERIFY, json=verify_body("c-blocked")).status_code == 429
    stack.post("/_local/clock", json={"advance": "PT1H"})
    assert eventually(lambda: total_attempts(stack) > 0)
    spent = remaining_permits(stack)

    assert stack.post("/_local/reset").json() == {"success": True}

    assert remaining_permits(stack) > spent
    assert stack.get(f"{STATUS}/c-reset").status_code == 404
    assert stack.get(f"{STATUS}/demo-verified").status_code == 404
    assert stack.get("/_local/clock").json()["offsetSeconds"] == pytest.approx(0, abs=5)
    assert stack.events() == []
    assert total_attempts(stack) == 0
    assert stack.post(VERIFY, json=verify_body("c-blocked")).json()["method"] == "full_verification"
    assert eventually(lambda: total_attempts(stack) == 1)

    stack.post("/_local/reset", json={"seed": True})
    assert stack.get(f"{STATUS}/demo-verified").json()["verified"] is True


def total_attempts(stack: RunningStack) -> int:
    # As they are now, and not as they were up to 30 seconds ago.
    assert stack.post("/api/bigquery/cache/invalidate", json={}).status_code == 200
    found: int = stack.get("/api/age-verification/statistics").json()["statistics"]["totalAttempts"]
    return found


def remaining_permits(stack: RunningStack) -> int:
    header = stack.get("/api/age-verification/policy?state=TX").headers["RateLimit"]
    return int(header.partition("r=")[2].partition(";")[0])


@pytest.mark.parametrize("path", ["/_local/docs/", "/_local/docs"])
def test_the_api_document_is_shown_by_a_vendored_viewer(stack: RunningStack, path: str) -> None:
    page = stack.get(path)
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe-inline" not in policy
    assert "//" not in page.text.replace("<!doctype html>", ""), "nothing is loaded from elsewhere"
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "start.js"):
        assert name in page.text
        assert stack.get(f"/_local/docs/{name}").status_code == 200
    document = stack.get("/_local/docs/openapi.json").json()
    assert document == json.loads((REPOSITORY / "infra/generated/openapi.json").read_text())
