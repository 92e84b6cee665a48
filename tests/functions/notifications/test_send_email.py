"""The sender through its real functions-framework app."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from shared.platform.context import Platform
from shared.verification.repository import VERIFICATIONS
from tests.factories.mails import MailServer, a_command, wire
from tests.factories.messages import message_of, push
from tests.factories.verifications import verify

Function = Callable[[str], FlaskClient]
REMINDER = {"name": "José", "expiresAt": "2026-07-31", "reverifyUrl": "https://shop.example.com/verify"}


@pytest.fixture
def deliver(server: MailServer, function: Function) -> Callable[..., int]:
    client = function("notifications_send_email")
    return lambda **changes: push(client, message_of({**wire(a_command()), **changes}), "emails").status_code


def test_a_mail_is_sent_once(deliver: Callable[..., int], server: MailServer) -> None:
    assert [deliver(), deliver()] == [200, 200]
    server.one()


def test_what_fails_for_now_is_refused_to_come_again(deliver: Callable[..., int], server: MailServer) -> None:
    server.trap(not_now=1)
    assert deliver() == 503
    server.clear_traps()
    assert deliver() == 200
    server.one()


def test_what_will_never_be_taken_does_not_come_again(deliver: Callable[..., int], server: MailServer) -> None:
    server.trap(refuse_messages="member")
    assert deliver() == 200
    assert server.mails() == []


@pytest.mark.parametrize("changes", [{"template": "nothing"}, {"data": {}}, {"emailId": ""}, {"to": 7}], ids=str)
def test_poison_fails(deliver: Callable[..., int], server: MailServer, changes: dict[str, Any]) -> None:
    assert deliver(**changes) == 500
    assert deliver(emailId="mail_2") == 200
    server.one()


def test_an_older_command_has_no_customer(server: MailServer, function: Function) -> None:
    """Such as waits in Pub/Sub while this is deployed."""
    command = {name: value for name, value in wire(a_command()).items() if name not in ("customerHash", "about")}
    assert push(function("notifications_send_email"), message_of(command), "emails").status_code == 200
    server.one()


def test_without_a_provider_it_waits(monkeypatch: pytest.MonkeyPatch, server: MailServer, function: Function) -> None:
    monkeypatch.delenv("SMTP_URL")
    client = function("notifications_send_email")
    assert push(client, message_of(wire(a_command())), "emails").status_code == 503


@pytest.mark.parametrize("then", ["erased", "verified again"])
def test_a_reminder_that_nobody_wants_any_more(
    deliver: Callable[..., int], server: MailServer, platform: Platform, then: str
) -> None:
    customer_hash = platform.customer_hash("c-1")
    reminder = {
        "template": "age-verification-expiring",
        "data": REMINDER,
        "customerHash": customer_hash,
        "about": "av_1",
    }
    verify(platform, "c-1", expires_at=platform.clock.now().replace(year=2100))
    assert deliver(**reminder) == 200
    server.one()
    server.clear()
    if then == "erased":
        platform.firestore.collection(VERIFICATIONS).document(customer_hash).delete()
    else:
        verify(platform, "c-1", id="av_2", expires_at=platform.clock.now().replace(year=2101))
    assert deliver(**reminder, emailId="mail_2") == 200
    assert server.mails() == []
