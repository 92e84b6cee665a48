"""Mails on their way, a mail server that catches them, and functions that send through it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import count
from typing import Any

import requests

from local.simulators.process import Simulator
from local.simulators.smtp import SmtpProvider
from shared.notifications import events
from shared.notifications.models import SENT, Command, Sending

AT = datetime(2026, 7, 1, 17, tzinfo=UTC)
MAIL_TOPICS = [
    "emails",
    "mail-events",
    "expiry-emails",
    "expire-verifications",
    "security-events",
    "verification-events",
]
_numbers = count(1)
MAIL_FROM = "Liv Hana <no-reply@example.com>"


def sending(**changes: Any) -> Sending:
    """As it is kept once it has ended."""
    values = {
        "email_id": "mail_1",
        "template": "membership_renewed",
        "about": "MEM_1",
        "customer_hash": "a" * 64,
        "message_id": "<1@example.com>",
        "state": SENT,
        "owner": "own_1",
        "lease_until": AT + timedelta(minutes=4),
        "attempts": 1,
        "queued_at": AT,
        "code": "550",
        "ended_at": AT,
        **changes,
    }
    return Sending(**values)


def mail_sent(at: datetime = AT, event_id: str = "") -> dict[str, Any]:
    """The event of a mail that was sent after one refusal."""
    ended = sending(ended_at=at, attempts=2)
    found: dict[str, Any] = json.loads(events.ended(event_id or f"evt_mail_{next(_numbers):04}", ended).message().data)
    return found


def a_command(**changes: Any) -> Command:
    """A mail that every template's reader could get."""
    values = {
        "id": "mail_1",
        "template": "membership_renewed",
        "to": "member@example.com",
        "data": {
            "tier": "SILVER",
            "price": "97.00",
            "discountPercent": 20,
            "nextBillingDate": "2026-08-01",
            "amount": "97.00",
        },
        "queued_at": AT,
        "customer_hash": "a" * 64,
        "about": "MEM_1",
        **changes,
    }
    return Command(**values)


def wire(command: Command) -> dict[str, Any]:
    """The data of its message."""
    return {
        "emailId": command.id,
        "template": command.template,
        "to": command.to,
        "data": dict(command.data),
        "queuedAt": "2026-07-01T17:00:00.000Z",
        "customerHash": command.customer_hash,
        "about": command.about,
    }


class MailServer(Simulator):
    """The simulator of a mail server, in a process of its own."""

    def __init__(self, folder: Any) -> None:
        super().__init__("smtp", folder)

    def environment(self) -> dict[str, str]:
        return {**SmtpProvider.environment(self.url), "MAIL_FROM": MAIL_FROM}

    def clear(self) -> None:
        self.clear_traps()
        self.call("DELETE", "/mail")

    def mails(self, **query: Any) -> list[dict[str, Any]]:
        """Newest first."""
        found: list[dict[str, Any]] = self.call("GET", "/mail", limit=500, **query)["list"]
        return found

    def counts(self) -> Mapping[str, Any]:
        """{mails, copies, transmissions, recipients: {address: [mails, copies]}}"""
        found: dict[str, Any] = self.call("GET", "/mail/counts")
        return found

    def message(self, number: int) -> EmailMessage:
        raw = requests.get(f"{self.url}/mail/{number}/raw", timeout=10).content
        found = message_from_bytes(raw, policy=policy.default)
        assert isinstance(found, EmailMessage)
        return found

    def one(self) -> EmailMessage:
        """The only mail that came, once."""
        (found,) = self.mails()
        assert found["copies"] == 1
        return self.message(found["number"])
