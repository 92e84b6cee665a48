"""Lines as Cloud Logging reads them, and never a person in one."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shared.platform.context import Platform
from shared.platform.settings import Settings
from shared.runtime import logging as logs
from shared.runtime.declare import ADMIN, PUBLIC, SIGNED_IN, in_body
from shared.runtime.request import Answer, Request
from shared.verification.schemas import VerifyRequest
from tests.factories.claims import verify_body
from tests.factories.environment import environment
from tests.factories.personal import personal_in
from tests.factories.throw_away import client_of, who_calls
from tests.factories.tokens import bearer

NEVER = 4_102_444_800
PERSONAL = ("José", "Núñez", "1990-05-15", "1234", "c-secret", "jose@example.com")
TRACE = "105445aa7843bc8bf206b12000100000"


@pytest.fixture
def lines() -> Iterator[Callable[..., list[dict[str, Any]]]]:
    """The JSON lines of this test, or those with one message."""
    written: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(self.format(record))

    handler = Collect()
    handler.setFormatter(logs.JsonFormatter())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel("INFO")
    yield lambda message="": [line for line in map(json.loads, written) if message in ("", line["message"])]
    root.removeHandler(handler)
    root.setLevel(level)


def one(lines: Callable[..., list[dict[str, Any]]], message: str = "request") -> dict[str, Any]:
    found = lines(message)
    assert len(found) == 1
    return found[0]


def test_each_request_is_one_line_with_everything_but_the_person(platform: Platform, lines: Any) -> None:
    client = client_of(platform, who_calls, "GET /api/things/{thing_id}", auth=SIGNED_IN)
    caller = bearer("customer", "c-secret", exp=NEVER)
    headers = {**caller, "X-Request-ID": "r-1", "X-Cloud-Trace-Context": f"{TRACE}/1;o=1"}
    assert client.get("/api/things/t-1", headers=headers).status_code == 200
    line = one(lines)
    assert line.pop("latencyMs") >= 0
    assert line["httpRequest"].pop("latency").endswith("s")
    assert line == {
        "severity": "INFO",
        "message": "request",
        "logger": "request",
        "requestId": "r-1",
        "function": "throw_away",
        "logging.googleapis.com/trace": f"projects/{platform.settings.project}/traces/{TRACE}",
        "httpRequest": {"requestMethod": "GET", "requestUrl": "/api/things/{thing_id}", "status": 200},
        "role": "customer",
        "customerHash": platform.customer_hash("c-secret"),
    }


@pytest.mark.parametrize("status", [200, 403, 400, 401, 500])
def test_no_line_holds_what_was_sent(platform: Platform, lines: Any, status: int) -> None:
    def handle(request: Request) -> Answer:
        if status == 500:
            raise ValueError(f"cannot store {dict(request.body)}")
        return Answer(200, request.principal)

    declared = {"auth": SIGNED_IN, "owner": in_body("customer_id"), "body": VerifyRequest}
    client = client_of(platform, handle, "POST /api/things/all", **declared)
    body = verify_body("c-secret", email="jose@example.com", **({"state": 5} if status == 400 else {}))
    caller = bearer("customer", "c-other" if status == 403 else "c-secret", exp=0 if status == 401 else NEVER)
    assert client.post("/all", json=body, headers=caller).status_code == status
    text = json.dumps(lines(), ensure_ascii=False)
    assert personal_in(text, *PERSONAL, caller["Authorization"][7:]) == []
    if status in (200, 403, 500):
        assert one(lines)["customerHash"] == platform.customer_hash("c-secret")


def test_an_unexpected_failure_is_an_error_with_places_and_without_its_text(platform: Platform, lines: Any) -> None:
    def handle(request: Request) -> Answer:
        raise RuntimeError("Ann Example") from KeyError("Ann Example")

    client_of(platform, handle, "GET /api/things/all", auth=PUBLIC).get("/all")
    line = one(lines, "unhandled_exception")
    assert (line["severity"], line["exception"], line["cause"]) == ("ERROR", "RuntimeError", "KeyError")
    assert any("test_logging.py" in place for place in line["stack"])
    assert "Ann" not in json.dumps(lines())
    assert one(lines)["severity"] == "ERROR"


def test_an_admin_s_name_is_not_logged_either(platform: Platform, lines: Any) -> None:
    client = client_of(platform, who_calls, "GET /api/things/all", auth=ADMIN)
    client.get("/all", headers=bearer("admin", "ann@example.com", exp=NEVER))
    assert one(lines)["role"] == "admin"
    assert "ann@example.com" not in json.dumps(lines())


@pytest.mark.parametrize(
    ("header", "trace"),
    [
        (f"{TRACE}/1;o=1", f"projects/a-project/traces/{TRACE}"),
        (TRACE, f"projects/a-project/traces/{TRACE}"),
        ("", ""),
        ("/1", ""),
        ("a b/1", ""),
        ('a"}/1', ""),
        ("a" * 65, ""),
    ],
)
def test_a_trace_is_named_only_when_it_is_sane(header: str, trace: str) -> None:
    assert logs.trace(Settings.load(environment("a-project")), header) == trace


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"])
def test_severities_are_cloud_logging_s(level: str) -> None:
    record = logging.LogRecord("a", getattr(logging, level), "f.py", 1, "event %s", ("x",), None)
    assert json.loads(logs.JsonFormatter().format(record))["severity"] == level


def test_a_line_stays_a_line(platform: Platform) -> None:
    record = logging.LogRecord("a", logging.INFO, "f.py", 1, "two\nlines", (), None)
    record.weird = {"set": {1}, "text": "a\nb"}
    assert "\n" not in logs.JsonFormatter().format(record)
