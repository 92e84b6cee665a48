"""POST /api/square/webhook"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from shared.pos.webhook import signature
from shared.runtime import instance
from tests.factories.documents import documents
from tests.factories.messages import SECURITY_EVENTS, data_of, pulled
from tests.factories.tokens import bearer

PATH = "/api/square/webhook"
KEY, URL = "made-up-signature-key", f"http://localhost:3005{PATH}"
PAYMENT = {"payment": {"id": "p-1", "buyer_email_address": "ann@example.com"}}


def event(kind: str = "payment.updated", event_id: Any = "e-1", **data: Any) -> bytes:
    found = {"type": "payment", "id": "p-1", "object": PAYMENT, **data}
    return json.dumps({"merchant_id": "M1", "type": kind, "event_id": event_id, "data": found}).encode()


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, function: Callable[[str], FlaskClient]) -> FlaskClient:
    monkeypatch.setenv("SQUARE_WEBHOOK_SIGNATURE_KEY", KEY)
    instance.forget()
    return function("pos_square_webhook")


def send(client: FlaskClient, body: bytes, sent: str | None = None, url: str = URL, **headers: str) -> TestResponse:
    signed = signature(KEY, url, body) if sent is None else sent
    return client.post(
        PATH,
        data=body,
        headers={"x-square-hmacsha256-signature": signed, "Content-Type": "application/json", **headers},
    )


def test_an_event_is_taken_once(client: FlaskClient, requests) -> None:
    first, again = send(client, event()), send(client, event())
    assert (first.status_code, first.json) == (200, {"success": True, "duplicate": False})
    assert (again.status_code, again.json) == (200, {"success": True, "duplicate": True})
    assert requests() == [{"source": "square", "mode": "objects", "stream": "square_payments", "ids": ["p-1"]}]


def test_another_event_of_the_same_payment_is_another_event(client: FlaskClient, requests) -> None:
    assert [send(client, event(event_id=name)).json["duplicate"] for name in ("e-1", "e-2")] == [False, False]
    assert len(requests()) == 2


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (event("payment.created"), {"mode": "objects", "stream": "square_payments", "ids": ["p-1"]}),
        (
            event("refund.created", type="refund", id="r-1", object={"refund": {"payment_id": "p-7"}}),
            {"mode": "objects", "stream": "square_payments", "ids": ["p-7"]},
        ),
        (event("catalog.version.updated", type="catalog", id=""), {"mode": "incremental"}),
    ],
    ids=["payment", "refund", "catalogue"],
)
def test_what_an_event_asks_for(client: FlaskClient, requests, body: bytes, expected: dict[str, Any]) -> None:
    assert send(client, body).status_code == 200
    assert requests() == [{"source": "square", **expected}]


def test_an_event_that_concerns_no_table_is_taken_and_nothing_follows(client: FlaskClient, requests) -> None:
    answer = send(client, event("inventory.count.updated"))
    assert (answer.status_code, answer.json["duplicate"]) == (200, False)
    assert requests() == []
    assert not documents(instance.platform().firestore, "webhook_events")


@pytest.mark.parametrize(
    "sent", ["", "x", signature("another-key", URL, event()), signature(KEY, URL + "/", event())], ids=str
)
def test_a_wrong_signature_is_401_and_noticed(client: FlaskClient, requests, pubsub, sent: str) -> None:
    answer = send(client, event(), sent)
    assert (answer.status_code, answer.json["code"]) == (401, "bad_signature")
    (noticed,) = [data_of(message) for message in pulled(pubsub, SECURITY_EVENTS)]
    assert noticed["type"] == "security.bad_signature"
    assert noticed["data"] == {"function": "pos_square_webhook", "role": "anonymous", "code": "bad_signature"}
    assert requests() == []
    assert not documents(instance.platform().firestore, "webhook_events")


def test_a_body_that_was_changed_on_the_way_is_refused(client: FlaskClient, requests) -> None:
    signed = signature(KEY, URL, event())
    assert send(client, event().replace(b"p-1", b"p-2"), signed).status_code == 401
    assert send(client, b"", signature(KEY, URL, b"")).status_code == 401
    assert requests() == []


def test_a_token_is_no_signature(client: FlaskClient) -> None:
    assert send(client, event(), "", **bearer("admin", "a-1")).status_code == 401


def test_a_wrong_token_does_no_harm(client: FlaskClient) -> None:
    assert send(client, event(), Authorization="Bearer junk").status_code == 200


def test_the_address_of_the_subscription_is_what_is_signed(
    monkeypatch: pytest.MonkeyPatch, function: Callable[[str], FlaskClient]
) -> None:
    other = "https://example.com/hooks/square?shop=1"
    monkeypatch.setenv("SQUARE_WEBHOOK_SIGNATURE_KEY", KEY)
    monkeypatch.setenv("SQUARE_WEBHOOK_URL", other)
    instance.forget()
    client = function("pos_square_webhook")
    assert send(client, event(), url=other).status_code == 200
    assert send(client, event(), url=URL).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"null",
        b"{",
        b"\xff",
        b"{}",
        event(event_id=""),
        event(event_id="a/b"),
        event(event_id={}),
        event(id=None),
        event(id="../x"),
        event("refund.created", object={}),
        b'{"event_id": "e-1", "type": "payment.updated"}',
        b'{"event_id": "e-1", "data": {}}',
    ],
    ids=str,
)
def test_junk_that_is_signed_is_400(client: FlaskClient, requests, body: bytes) -> None:
    answer = send(client, body)
    assert answer.status_code == 400
    assert answer.json["code"] in ("invalid_request", "invalid_json")
    assert requests() == []


def test_a_body_over_64_kib_is_refused_unread(client: FlaskClient, requests) -> None:
    assert send(client, event(padding="x" * 64 * 1024)).status_code == 413
    assert send(client, event(padding="x" * 60 * 1024)).status_code == 200
    assert len(requests()) == 1


def test_without_a_key_it_says_that_webhooks_are_not_set_up(function: Callable[[str], FlaskClient], requests) -> None:
    answer = send(function("pos_square_webhook"), event())
    assert (answer.status_code, answer.json["success"]) == (503, False)
    assert "SQUARE_WEBHOOK_SIGNATURE_KEY" in answer.json["error"]
    # An empty key signs nothing.
    assert send(function("pos_square_webhook"), event(), signature("", URL, event())).status_code == 503
    assert requests() == []


def test_nothing_personal_leaves_it(client: FlaskClient, pubsub, capsys: pytest.CaptureFixture[str]) -> None:
    send(client, event())
    told = str([data_of(message) for message in pulled(pubsub, "sync-requests")])
    assert "ann@example.com" not in told
    output = capsys.readouterr()
    assert "ann@example.com" not in output.out + output.err


def test_only_post(client: FlaskClient) -> None:
    answer = client.get(PATH)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST, OPTIONS")
