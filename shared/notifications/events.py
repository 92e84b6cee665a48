"""What became of mails, on topic `mail-events`. No address, no name, nothing that a template showed."""

from __future__ import annotations

from shared.notifications.models import FAILED, Sending
from shared.platform.outbox import Event

TOPIC = "mail-events"


def ended(event_id: str, sending: Sending) -> Event:
    """The server took it (`mail.sent`), or never will (`mail.failed`)."""
    assert sending.ended_at is not None  # noqa: S101 - only who has ended it tells
    data = {
        "emailId": sending.email_id,
        "template": sending.template,
        "about": sending.about or None,
        "attempts": sending.attempts,
        "code": sending.code or None,
    }
    return Event(
        id=event_id,
        type="mail.failed" if sending.state == FAILED else "mail.sent",
        topic=TOPIC,
        occurred_at=sending.ended_at,
        request_id="",
        customer_hash=sending.customer_hash,
        data=data,
    )
