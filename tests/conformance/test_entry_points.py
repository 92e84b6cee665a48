"""Every entry point under the real functions-framework: it answers, in our shapes, to what the platform sends."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient
from google.cloud.firestore import Client

from local.provision import PubSub, create_tables, warehouse
from shared.platform.context import Platform
from shared.platform.outbox import Event
from shared.platform.settings import Settings
from shared.runtime.declare import SIGNED, Endpoint, Subscriber
from shared.runtime.manifest import Declared, declared_functions
from tests.factories.documents import documents
from tests.factories.environment import environment
from tests.factories.messages import message_of
from tests.factories.processes import FunctionProcess, new_project
from tests.factories.tokens import bearer

ALL = declared_functions()
ENDPOINTS = [f for f in ALL if isinstance(f.declaration, Endpoint)]
LISTENERS = [f for f in ALL if isinstance(f.declaration, Subscriber)]
Function = Callable[[str], FlaskClient]
# No handler knows this type, and no run this job: whoever gets it has nothing to do. A refresh finds no tables.
EVENT = {"type": "nothing.happened", "eventId": "evt_1", "data": {}}
COMMANDS = {
    # Among them a reminder of a verification that there is not.
    **json.loads((Path(__file__).parents[1] / "factories" / "commands.json").read_text()),
    "cache-refresh": {"view": "verification_statistics", "params": {"days": "30"}},
    "sync-requests": {"source": "square", "jobId": "job_1", "window": "job_1-1"},
}


def by_name(function: Declared) -> str:
    return function.name


def nothing(function: Declared) -> dict[str, Any]:
    assert isinstance(function.declaration, Subscriber)
    return message_of(COMMANDS.get(function.declaration.topics[0], EVENT))


def path_of(function: Declared) -> str:
    assert isinstance(function.declaration, Endpoint)
    return re.sub(r"{\w+}", "c-1", function.declaration.path)


def pushed(message: dict[str, Any]) -> dict[str, Any]:
    """The body as the Pub/Sub emulator sends it: names in both spellings, no delivery attempt."""
    return {
        "subscription": "projects/p/subscriptions/s",
        "message": {
            **message,
            "message_id": message["messageId"],
            "publish_time": message["publishTime"],
        },
    }


# --- endpoints


def assert_error(answer: Any, status: int, code: str) -> None:
    assert answer.status_code == status
    assert (answer.json["success"], answer.json["code"]) == (False, code)
    assert answer.json["requestId"] == answer.headers["X-Request-ID"]


@pytest.mark.parametrize("found", ENDPOINTS, ids=by_name)
def test_an_endpoint_answers_bad_requests_in_our_shape(
    function: Function, found: Declared, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = found.declaration
    assert isinstance(declared, Endpoint)
    for secret in declared.optional_secrets:
        monkeypatch.setenv(secret, "made-up")
    client = function(found.name)

    def send(method: str, path: str, **options: Any) -> Any:
        return client.open(path, method=method, **options)

    method, path = declared.method, path_of(found)
    assert_error(send(method, "/no/such/path/anywhere"), 404, "unknown_path")
    assert_error(send("PATCH", path), 405, "method_not_allowed")
    assert_error(send(method, path, query_string={"x": "1"}, headers=bearer("admin")), 400, "unknown_field")
    if declared.auth.roles:
        assert_error(send(method, path), 401, "unauthenticated")
        assert_error(send(method, path, headers={"Authorization": "Bearer x"}), 401, "unauthenticated")
    if declared.auth == SIGNED:
        assert_error(send(method, path, json={}), 401, "bad_signature")
    if declared.body:
        assert_error(send(method, path, data=b"{", headers=bearer("admin")), 415, "unsupported_media_type")
        if any(field.required for field in declared.body().fields.values()):
            assert_error(send(method, path, json={}, headers=bearer("admin")), 400, "missing_fields")


@pytest.mark.parametrize("found", ENDPOINTS, ids=by_name)
def test_an_endpoint_answers_a_preflight(function: Function, found: Declared) -> None:
    asked = {"Origin": "http://localhost:5173", "Access-Control-Request-Method": "GET"}
    answer = function(found.name).options(path_of(found), headers=asked)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (204, "http://localhost:5173")


# --- subscribers and jobs


@pytest.mark.parametrize("found", LISTENERS, ids=by_name)
def test_a_listener_takes_a_raw_push_at_any_path(function: Function, found: Declared) -> None:
    client = function(found.name)
    for path in ("/", "/projects/p/topics/t", "/_push/x/projects/p/topics/t"):
        assert client.post(path, json=pushed(nothing(found))).status_code == 200


@pytest.mark.parametrize("found", LISTENERS, ids=by_name)
def test_a_listener_takes_cloud_events_in_both_modes(function: Function, found: Declared) -> None:
    client = function(found.name)
    attributes = {
        "id": "1",
        "type": "google.cloud.pubsub.topic.v1.messagePublished",
        "source": "//pubsub.googleapis.com/projects/p/topics/t",
        "specversion": "1.0",
    }
    data = {"subscription": "projects/p/subscriptions/s", "message": nothing(found), "deliveryAttempt": 2}
    binary = {f"ce-{name}": value for name, value in attributes.items()}
    assert client.post("/", json=data, headers=binary).status_code == 200
    structured = {**attributes, "datacontenttype": "application/json", "data": data}
    assert client.post("/", json=structured, content_type="application/cloudevents+json").status_code == 200


@pytest.mark.parametrize("data", ["bm8ganNvbg==", "WzFd", "!!!", "InRleHQi", "/////w=="])
@pytest.mark.parametrize("found", [f for f in LISTENERS if not f.declaration.any_data], ids=by_name)
def test_poison_is_refused_to_be_delivered_again_and_shows_nothing(
    function: Function, found: Declared, data: str
) -> None:
    answer = function(found.name).post("/", json=pushed({**nothing(found), "data": data}))
    assert answer.status_code >= 500
    assert not [shown for shown in (data, "Traceback", "ValueError", "JSON", "shared/") if shown in answer.text]


@pytest.mark.parametrize("found", LISTENERS, ids=by_name)
def test_a_listener_serves_no_browser(function: Function, found: Declared) -> None:
    assert function(found.name).get("/").status_code == 405


# --- as processes, by the command that the platform runs


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Callable[[str, str], FunctionProcess]]:
    started: list[FunctionProcess] = []

    def start(name: str, project: str) -> FunctionProcess:
        started.append(FunctionProcess(name, project, tmp_path / f"{name}.log"))
        return started[-1].ready()

    yield start
    for process in started:
        process.stop()


@pytest.mark.parametrize("name", ["verification_status", "verification_jwks"])
def test_an_endpoint_runs_in_the_lean_environment(processes: Any, name: str) -> None:
    process = processes(name, new_project())
    answer = requests.get(f"{process.url}/no/such/path", headers={"X-Request-ID": "r-1"}, timeout=30)
    assert (answer.status_code, answer.json()["requestId"]) == (404, "r-1")
    (line,) = process.lines("request")
    assert (line["requestId"], line["function"], line["httpRequest"]["status"]) == ("r-1", name, 404)
    assert process.output().count("\n") == 1, "a request is one line, and a start none"


def test_an_event_goes_from_pubsub_through_a_process_into_the_trail(processes: Any) -> None:
    project = new_project()
    settings = Settings.load(environment(project))
    process = processes("audit_record_event", project)
    provisioned = PubSub(settings.pubsub_emulator, project)
    provisioned.create_all(process.url)
    create_tables(warehouse(settings.bigquery_emulator, project))
    platform = Platform.start(settings)
    event = Event(
        id="evt_1",
        type="security.forbidden",
        topic="security-events",
        occurred_at=platform.clock.now(),
        request_id="r-1",
        data={"function": "verification_status", "role": "customer", "code": "forbidden"},
    )
    platform.outbox.announce(event)
    assert stored_links(platform.firestore) == ["commerce.security_events:evt_1"], process.output()


def stored_links(client: Client) -> list[str]:
    """Events that are in BigQuery, after waiting for the first."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        links = documents(client, "audit_links")
        stored = [path.partition("/")[2] for path, link in links.items() if link["stored"]]
        if stored:
            return stored
        time.sleep(0.05)
    return []
