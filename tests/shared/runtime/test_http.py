"""One request through the function: headers, request ids, error shape, methods, paths."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import Client

from shared.platform.context import Platform
from shared.platform.errors import Unavailable
from shared.runtime.declare import PUBLIC, SIGNED, SIGNED_IN
from shared.runtime.request import Answer, Request
from tests.factories.throw_away import ThingRequest, client_of, who_calls

SECURITY_HEADERS = {
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
STATUS = "/api/age-verification/status/c-1"
PERSONAL = "Ann Example, born 1990-01-31"
Function = Callable[[str], FlaskClient]


@pytest.fixture
def status(function: Function) -> FlaskClient:
    return function("verification_status")


def failing(platform: Platform, error: Exception) -> Client:
    def handle(request: Request) -> Answer:
        raise error

    return client_of(platform, handle, "GET /api/things/all", auth=PUBLIC)


# --- headers


@pytest.mark.parametrize(
    ("method", "path", "caller", "expected"),
    [
        ("GET", STATUS, "customer", 404),
        ("GET", STATUS, "", 401),
        ("GET", "/api/age-verification/status/c-2", "customer", 403),
        ("GET", "/no/where/at/all", "customer", 404),
        ("GET", "/robots.txt", "customer", 404),
        ("GET", "/status/a%0Ab", "customer", 400),
        ("POST", STATUS, "customer", 405),
        ("HEAD", STATUS, "customer", 404),
        ("OPTIONS", STATUS, "", 204),
        ("TRACE", STATUS, "customer", 405),
    ],
)
def test_security_headers_are_on_every_answer(
    status: FlaskClient, sign: Any, method: str, path: str, caller: str, expected: int
) -> None:
    answer = status.open(path, method=method, headers=sign(caller, "c-1") if caller else {})
    assert answer.status_code == expected
    assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Request-ID"]


def test_only_a_200_may_be_cached_where_the_route_says_so(function: Function) -> None:
    jwks = function("verification_jwks")
    assert jwks.get("/.well-known/jwks.json").headers["Cache-Control"] == "public, max-age=300"
    assert jwks.get("/no/where").headers["Cache-Control"] == "no-store"


def test_json_says_that_it_is_json(status: FlaskClient, sign: Any) -> None:
    assert status.get(STATUS, headers=sign("customer", "c-1")).headers["Content-Type"] == "application/json"
    assert "Content-Type" not in status.options(STATUS).headers


# --- request ids


@pytest.mark.parametrize("sent", ["a", "trace-1.2:3_4", "x" * 64])
def test_a_sane_request_id_is_kept(status: FlaskClient, sent: str) -> None:
    answer = status.get(STATUS, headers={"X-Request-ID": sent})
    assert (answer.headers["X-Request-ID"], answer.json["requestId"]) == (sent, sent)


@pytest.mark.parametrize("sent", ["", "x" * 65, "a b", "a\tb", "<script>", "a/b", "\u00e9", "a,b", '"a"'])
def test_any_other_is_replaced(status: FlaskClient, sent: str) -> None:
    answer = status.get(STATUS, headers={"X-Request-ID": sent})
    assert answer.headers["X-Request-ID"].startswith("req_")
    assert answer.json["requestId"] == answer.headers["X-Request-ID"]


def test_each_request_gets_an_id_of_its_own(status: FlaskClient) -> None:
    assert len({status.get(STATUS).headers["X-Request-ID"] for _ in range(5)}) == 5


# --- paths and methods


@pytest.mark.parametrize("path", [STATUS, "/status/c-1", "/status/c-1/"])
def test_a_function_answers_with_and_without_the_prefix(status: FlaskClient, sign: Any, path: str) -> None:
    answer = status.get(path, headers=sign("customer", "c-1"))
    assert (answer.status_code, answer.json["code"]) == (404, "not_verified")


def test_a_function_without_parameters_answers_at_its_bare_url(function: Function, sign: Any) -> None:
    policy = function("verification_policy")
    for path in ("/", "/policy", "/api/age-verification/policy"):
        assert policy.get(path, query_string={"state": "TX"}, headers=sign("customer", "c-1")).status_code == 200


@pytest.mark.parametrize("path", ["/", "/status", "/robots.txt", "/favicon.ico", "/verify", "/status/a%2Fb", "/a%0Ab"])
def test_an_unknown_path_is_told_so(status: FlaskClient, sign: Any, path: str) -> None:
    answer = status.get(path, headers=sign("customer", "c-1"))
    assert (answer.status_code, answer.json["code"], answer.json["success"]) == (404, "unknown_path", False)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
def test_a_wrong_method_is_told_the_right_ones(status: FlaskClient, sign: Any, method: str) -> None:
    answer = status.open("/status/c-1", method=method, headers=sign("customer", "c-1"))
    assert (answer.status_code, answer.json["code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


def test_head_is_get_without_the_body(status: FlaskClient, sign: Any) -> None:
    caller = sign("customer", "c-1")
    head, get = status.head(STATUS, headers=caller), status.get(STATUS, headers=caller)
    assert (head.status_code, head.data) == (get.status_code, b"")
    assert set(head.headers.keys()) == set(get.headers.keys())


def test_options_names_the_methods(function: Function) -> None:
    answer = function("verification_verify").options("/verify")
    assert (answer.status_code, answer.data, answer.headers["Allow"]) == (204, b"", "POST, OPTIONS")
    assert function("verification_verify").options("/no/where").status_code == 404


@pytest.mark.parametrize(
    "customer_id", ["a%20b", "%E2%80%AE", "a%00", "a%0Ab", "a,b", "x" * 129, "%FF", "a%7Cb", "%3Cb%3E"]
)
def test_what_cannot_be_a_customer_id_is_refused(status: FlaskClient, sign: Any, customer_id: str) -> None:
    answer = status.get(f"/status/{customer_id}", headers=sign("admin", "a-1"))
    assert (answer.status_code, answer.json["code"], answer.json["field"]) == (400, "invalid_customer_id", "customerId")


@pytest.mark.parametrize("customer_id", ["x" * 128, "a.b_c:d@e-f", "..."])
def test_what_can_be_one_is_looked_up(status: FlaskClient, sign: Any, customer_id: str) -> None:
    answer = status.get(f"/status/{customer_id}", headers=sign("admin", "a-1"))
    assert (answer.status_code, answer.json["customerId"]) == (404, customer_id)


def test_a_query_parameter_that_nobody_reads_is_refused(status: FlaskClient, sign: Any) -> None:
    answer = status.get(STATUS, query_string={"verbose": "1"}, headers=sign("customer", "c-1"))
    assert (answer.status_code, answer.json["code"], answer.json["field"]) == (400, "unknown_field", "verbose")


def test_a_query_parameter_that_comes_twice_is_refused(function: Function, sign: Any) -> None:
    answer = function("verification_policy").get("/policy?state=TX&state=CA", headers=sign("customer", "c-1"))
    assert (answer.status_code, answer.json["code"]) == (400, "duplicate_field")


# --- errors


@pytest.mark.parametrize(
    "call",
    [
        {"data": b"{", "content_type": "application/json"},
        {"data": b"{}", "content_type": "text/plain"},
        {"data": b" " * 65_537, "content_type": "application/json"},
        {"json": {"size": "x"}},
        {"json": {}},
    ],
)
def test_every_error_has_the_shape(platform: Platform, call: dict[str, Any]) -> None:
    client = client_of(platform, who_calls, "POST /api/things/all", auth=PUBLIC, body=ThingRequest)
    answer = client.post("/all", **call)
    body = json.loads(answer.data)
    assert 400 <= answer.status_code < 500
    assert body["success"] is False
    assert body["error"].endswith(".") or body["error"].startswith("Missing required fields: ")
    assert body["code"] == body["code"].lower()
    assert body["requestId"] == answer.headers["X-Request-ID"]
    assert body["field"] in ("body", "size", "Content-Type")


@pytest.mark.parametrize(
    "error",
    [ValueError(PERSONAL), KeyError(PERSONAL), RecursionError(PERSONAL), RuntimeError(PERSONAL), LookupError(PERSONAL)],
)
def test_a_500_shows_nothing(platform: Platform, caplog: pytest.LogCaptureFixture, error: Exception) -> None:
    answer = failing(platform, error).get("/all")
    body = json.loads(answer.data)
    assert (answer.status_code, body.keys()) == (500, {"success", "error", "code", "requestId"})
    assert body["code"] == "internal_error"
    assert "Ann" not in answer.text
    assert type(error).__name__ not in answer.text
    assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS


def test_an_answer_that_is_not_declared_is_a_500(platform: Platform) -> None:
    client = client_of(platform, lambda request: Answer(201, {}), "GET /api/things/all", auth=PUBLIC)
    assert client.get("/all").status_code == 500


def test_a_503_says_when_to_come_back(platform: Platform) -> None:
    unavailable = Unavailable("Try again in a moment.", headers={"Retry-After": "2"})
    answer = failing(platform, unavailable).get("/all")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert json.loads(answer.data)["code"] == "temporarily_unavailable"


def test_who_calls_is_asked_before_what_is_sent(platform: Platform) -> None:
    client = client_of(platform, who_calls, "POST /api/things/all", auth=SIGNED_IN, body=ThingRequest)
    assert client.post("/all", data=b"{", content_type="text/plain").status_code == 401


@pytest.mark.parametrize("body", [b"", b'{"b": 1,  "a": "\\u00e9"}\n', b"\xff{", b"[]"])
def test_what_is_signed_is_the_body_to_the_byte(platform: Platform, body: bytes) -> None:
    seen: list[Request] = []

    def keep(request: Request) -> Answer:
        seen.append(request)
        return who_calls(request)

    client = client_of(platform, keep, "POST /api/things/webhook", auth=SIGNED, headers={"X-Signature": "Whose."})
    headers = {"X-Signature": "abc", "Authorization": "Bearer made-up"}
    answer = client.post("/webhook", data=body, content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json["role"]) == (200, "anonymous")
    (request,) = seen
    assert (request.raw, request.body, request.headers) == (body, {}, {"X-Signature": "abc"})


def test_a_body_on_a_route_without_one_is_not_read(status: FlaskClient, sign: Any) -> None:
    answer = status.get(STATUS, headers=sign("customer", "c-1"), data=b"{", content_type="text/plain")
    assert answer.status_code == 404
