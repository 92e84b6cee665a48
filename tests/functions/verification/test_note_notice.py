"""Subscriber note_notice: what became of a reminder is noted on its verification."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from shared.notifications import events
from shared.notifications.models import FAILED, SENT
from shared.platform.context import Platform
from tests.factories.clock import TestClock
from tests.factories.expiring import expires, record_of
from tests.factories.mails import sending
from tests.factories.messages import message_of, push


@pytest.fixture
def note(function: Callable[[str], FlaskClient], platform: Platform) -> Callable[..., int]:
    client = function("verification_note_notice")

    def deliver(**changes: Any) -> int:
        values = {
            "template": "age-verification-expiring",
            "about": "av_c-1",
            "customer_hash": platform.customer_hash("c-1"),
            **changes,
        }
        event = json.loads(events.ended("evt_1", sending(**values)).message().data)
        return push(client, message_of(event), "mail-events").status_code

    return deliver


def test_a_reminder_that_was_sent(note: Callable[..., int], platform: Platform, clock: TestClock) -> None:
    expires(platform, "c-1")
    assert [note(), note()] == [200, 200]
    found = record_of(platform, "c-1")
    assert (found.expiry_notice_sent_at, found.expiry_notice_failed_at) == (clock.now(), None)


def test_a_reminder_that_nobody_takes(note: Callable[..., int], platform: Platform, clock: TestClock) -> None:
    expires(platform, "c-1")
    assert note(state=FAILED) == 200
    found = record_of(platform, "c-1")
    assert (found.expiry_notice_sent_at, found.expiry_notice_failed_at) == (None, clock.now())


@pytest.mark.parametrize(
    "changes", [{"template": "membership_renewed"}, {"about": "av_other"}, {"customer_hash": "nobody"}], ids=str
)
def test_what_is_about_something_else(note: Callable[..., int], platform: Platform, changes: dict[str, str]) -> None:
    expires(platform, "c-1")
    assert note(state=SENT, **changes) == 200
    assert record_of(platform, "c-1").expiry_notice_sent_at is None
