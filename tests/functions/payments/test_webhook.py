"""POST /api/payments/webhook: genuine notifications only, each once; nothing in them is believed but an id."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from local.provision import PubSub
from tests.factories.messages import data_of, pulled

KEY = "ABCDEF0123456789" * 8
TOPIC = "payment-notices"


@pytest.fixture
def topics() -> list[str]:
    return [TOPIC, "security-events"]


@pytest.fixture
def webhook(
    monkeypatch: pytest.MonkeyPatch, project: str, function: Callable[[str], FlaskClient]
) -> Callable[..., TestResponse]:
    monkeypatch.setenv("AUTHORIZE_NET_SIGNATURE_KEY", KEY)
    client = function("payments_webhook")

    def send(body: bytes, signature: str | None = None) -> TestResponse:
        signed = "sha512=" + hmac.new(KEY.encode(), body, hashlib.sha512).hexdigest().upper()
        headers = {"X-ANET-Signature": signed if signature is None else signature, "Content-Type": "application/json"}
        return client.post("/api/payments/webhook", data=body, headers=headers)

    return send


def notification(**changes: Any) -> bytes:
    return json.dumps(
        {
            "notificationId": "d0e8e7fe-c3e7-4add-a480-27bc5ce28a18",
            "eventType": "net.authorize.payment.authcapture.created",
            "eventDate": "2026-07-01T17:00:00.7722007Z",
            "webhookId": "63d6fea2-aa13-4b1d-a204-f5fbc15942b7",
            "payload": {"responseCode": 1, "authAmount": 97.0, "entityName": "transaction", "id": "60020981676"},
            **changes,
        }
    ).encode()


def told(pubsub: PubSub) -> list[dict[str, Any]]:
    return [data_of(message) for message in pulled(pubsub, TOPIC)]


def test_a_notification_is_told_once(webhook: Callable[..., TestResponse], pubsub: PubSub) -> None:
    assert webhook(notification()).json == {"success": True, "duplicate": False}
    assert webhook(notification()).json == {"success": True, "duplicate": True}
    assert told(pubsub) == [{"transactionId": "60020981676"}]


@pytest.mark.parametrize("signature", ["", "sha512=", "sha512=" + "0" * 128, "0" * 128, "sha1=" + "0" * 40, "sha512=é"])
def test_a_wrong_signature_is_refused(webhook: Callable[..., TestResponse], pubsub: PubSub, signature: str) -> None:
    answer = webhook(notification(), signature)
    assert (answer.status_code, answer.json["code"]) == (401, "bad_signature")
    assert not told(pubsub)


def test_one_flipped_byte_is_refused(webhook: Callable[..., TestResponse]) -> None:
    body = notification()
    signed = "sha512=" + hmac.new(KEY.encode(), body, hashlib.sha512).hexdigest()
    assert webhook(body, signed).status_code == 200
    assert webhook(body.replace(b"97.0", b"98.0"), signed).status_code == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"eventType": "net.authorize.customer.created"},
        {"eventType": "net.authorize.payment.fraud.held", "payload": {"entityName": "subscription", "id": "1"}},
        {"payload": {"entityName": "customerProfile", "id": "394"}},
    ],
)
def test_what_concerns_no_payment_is_taken_and_told_nobody(
    webhook: Callable[..., TestResponse], pubsub: PubSub, changes: dict[str, Any]
) -> None:
    assert webhook(notification(**changes)).status_code == 200
    assert not told(pubsub)


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b"{",
        notification(notificationId="a/b"),
        notification(notificationId=None),
        notification(payload=None),
        notification(payload={"entityName": "transaction", "id": "../1"}),
        notification(payload={"entityName": "transaction", "id": 5}),
    ],
)
def test_what_is_no_notification_is_refused(webhook: Callable[..., TestResponse], pubsub: PubSub, body: bytes) -> None:
    assert webhook(body).status_code == 400
    assert not told(pubsub)


def test_an_empty_body_is_not_genuine(webhook: Callable[..., TestResponse]) -> None:
    assert webhook(b"").status_code == 401


def test_without_a_key_nothing_is_taken(project: str, function: Callable[[str], FlaskClient]) -> None:
    answer = function("payments_webhook").post(
        "/api/payments/webhook", data=notification(), content_type="application/json"
    )
    assert answer.status_code == 503
    assert "AUTHORIZE_NET_SIGNATURE_KEY" in answer.json["error"]
