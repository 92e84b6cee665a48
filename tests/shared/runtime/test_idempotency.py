"""Idempotency-Key at an endpoint: what is replayed, what is refused, what is not kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from marshmallow import Schema, fields
from werkzeug.test import Client, TestResponse

from shared.platform.context import Platform
from shared.platform.errors import Conflict, Failure, Invalid, NotFound, TooMany, Unavailable
from shared.platform.idempotency import COLLECTION, KEPT
from shared.runtime.declare import SIGNED_IN
from shared.runtime.idempotency import read_key
from shared.runtime.request import Answer, Request
from tests.factories.clock import TestClock
from tests.factories.documents import documents
from tests.factories.throw_away import ThingRequest, client_of
from tests.factories.tokens import bearer

NEVER = 4_102_444_800


class RunShape(Schema):
    run = fields.Integer()


class Runs:
    """A handler that counts its runs and fails when it is told to."""

    def __init__(self) -> None:
        self.count = 0
        self.failure: Exception | None = None
        self.meanwhile: Callable[[], object] = lambda: None

    def __call__(self, request: Request) -> Answer:
        self.count += 1
        self.meanwhile()
        if self.failure:
            raise self.failure
        return Answer(200, {"run": self.count})


@pytest.fixture
def runs() -> Runs:
    return Runs()


@pytest.fixture
def client(platform: Platform, runs: Runs) -> Client:
    shapes = {"body": ThingRequest, "responds": {200: RunShape}, "idempotent": True}
    return client_of(platform, runs, "POST /api/things/all", auth=SIGNED_IN, **shapes)


@pytest.fixture
def post(client: Client) -> Callable[..., TestResponse]:
    def send(key: str = "k-1", role: str = "customer", subject: str = "c-1", size: int = 1) -> TestResponse:
        caller = bearer(role, subject, exp=NEVER)
        return client.post("/all", json={"size": size}, headers={**caller, "Idempotency-Key": key} if key else caller)

    return send


Post = Callable[..., TestResponse]


@pytest.mark.parametrize(
    ("header", "key"),
    [("k-1", "k-1"), ('"k-1"', "k-1"), (" k-1 ", "k-1"), ("x" * 128, "x" * 128), ("!~", "!~"), ('a"b', 'a"b')],
)
def test_a_key_is_printable_ascii_with_or_without_the_draft_s_quotes(header: str, key: str) -> None:
    assert read_key(header) == key


@pytest.mark.parametrize("header", [" ", '""', "a b", "x" * 129, "\u00e9", "a\x7f"])
def test_any_other_is_refused(header: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_key(header)
    assert (refused.value.code, refused.value.fields["field"]) == ("invalid_idempotency_key", "Idempotency-Key")


def test_the_same_key_and_body_get_the_first_answer_again(post: Post, runs: Runs) -> None:
    first, second = post(), post()
    assert (first.status_code, json.loads(first.data)) == (200, {"run": 1})
    assert (second.status_code, json.loads(second.data)) == (200, {"run": 1})
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert runs.count == 1


def test_another_body_under_the_key_is_refused(post: Post, runs: Runs) -> None:
    post()
    answer = post(size=2)
    assert (answer.status_code, json.loads(answer.data)["code"]) == (422, "idempotency_key_reused")
    assert runs.count == 1


@pytest.mark.parametrize(
    "caller", [{"subject": "c-2"}, {"role": "service"}, {"role": "admin"}, {"key": "k-2"}, {"key": ""}]
)
def test_another_caller_or_key_is_another_request(post: Post, runs: Runs, caller: dict[str, str]) -> None:
    post()
    answer = post(**caller)
    assert json.loads(answer.data) == {"run": 2}
    assert "Idempotent-Replayed" not in answer.headers


def test_callers_with_separators_in_their_names_do_not_share_keys(post: Post, runs: Runs) -> None:
    post(role="service", subject="a", key="b|x")
    post(role="service", subject="a|b", key="x")
    assert runs.count == 2


def test_the_first_that_still_runs_is_a_conflict(runs: Runs, post: Post) -> None:
    inner: list[TestResponse] = []
    runs.meanwhile = lambda: inner.append(post())
    assert post().status_code == 200
    assert (inner[0].status_code, json.loads(inner[0].data)["code"]) == (409, "request_in_progress")
    assert inner[0].headers["Retry-After"] == "1"
    assert runs.count == 1


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (Unavailable("Later."), 503),
        (TooMany("Later."), 429),
        (Conflict("Later."), 409),
        (ValueError("a bug"), 500),
    ],
)
def test_what_another_try_could_change_is_not_kept(
    platform: Platform, post: Post, runs: Runs, failure: Exception, status: int
) -> None:
    runs.failure = failure
    assert post().status_code == status
    assert documents(platform.firestore, COLLECTION) == {}
    runs.failure = None
    again = post()
    assert (again.status_code, json.loads(again.data)) == (200, {"run": 2})


@pytest.mark.parametrize("failure", [Invalid("No.", field="size"), NotFound("No.")])
def test_a_refusal_is_kept_like_an_answer(post: Post, runs: Runs, failure: Failure) -> None:
    runs.failure = failure
    first, second = post(), post()
    assert (first.status_code, runs.count) == (failure.status, 1)
    assert json.loads(second.data) == json.loads(first.data)
    assert second.headers["Idempotent-Replayed"] == "true"


def test_what_is_refused_before_it_runs_does_not_use_the_key(client: Client, post: Post, runs: Runs) -> None:
    caller = {**bearer("customer", "c-1", exp=NEVER), "Idempotency-Key": "k-1"}
    assert client.post("/all", json={"size": "x"}, headers=caller).status_code == 400
    assert post().status_code == 200


def test_an_answer_is_kept_for_24_hours(post: Post, runs: Runs, clock: TestClock) -> None:
    post()
    clock.advance(hours=23, minutes=59)
    assert post().headers["Idempotent-Replayed"] == "true"
    clock.advance(minutes=1)
    assert (json.loads(post().data), KEPT.total_seconds()) == ({"run": 2}, 86_400)


def test_an_empty_key_is_refused_because_it_protects_nobody(client: Client, runs: Runs) -> None:
    caller = {**bearer("customer", "c-1", exp=NEVER), "Idempotency-Key": ""}
    assert client.post("/all", json={"size": 1}, headers=caller).status_code == 400
    assert runs.count == 0


def test_a_route_without_it_ignores_the_key(platform: Platform, runs: Runs) -> None:
    shapes: dict[str, Any] = {"body": ThingRequest, "responds": {200: RunShape}}
    plain = client_of(platform, runs, "POST /api/things/all", auth=SIGNED_IN, **shapes)
    caller = {**bearer("customer", "c-1", exp=NEVER), "Idempotency-Key": "not a key"}
    assert [plain.post("/all", json={"size": 1}, headers=caller).status_code for _ in range(2)] == [200, 200]
    assert runs.count == 2
