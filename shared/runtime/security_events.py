"""What goes to the audit trail because somebody was refused or an admin acted: topic `security-events`."""

from __future__ import annotations

import logging

from shared.platform.context import Platform
from shared.platform.errors import BadSignature, Failure, Unavailable
from shared.platform.outbox import Event
from shared.runtime.request import Principal

TOPIC = "security-events"
TYPES = {401: "security.unauthenticated", 403: "security.forbidden", 429: "security.rate_limited"}

log = logging.getLogger(__name__)


def refused(platform: Platform, function: str, principal: Principal, failure: Failure, request_id: str) -> None:
    """Record a 401, 403 or 429. Failure policy: an audit that cannot be written is logged, the answer stays."""
    kind = "security.bad_signature" if isinstance(failure, BadSignature) else TYPES.get(failure.status)
    if kind:
        _announce(platform, kind, function, principal, request_id, failure.code)


def admin_acted(platform: Platform, function: str, principal: Principal, request_id: str) -> None:
    _announce(platform, "security.admin_action", function, principal, request_id, "admin_action")


def _announce(platform: Platform, kind: str, function: str, principal: Principal, request_id: str, code: str) -> None:
    subject = platform.customer_hash(principal.subject) if principal.subject else ""
    event = Event(
        id=platform.ids.new("evt"),
        type=kind,
        topic=TOPIC,
        occurred_at=platform.clock.now(),
        request_id=request_id,
        customer_hash=subject,
        data={"function": function, "role": principal.role, "code": code},
    )
    try:
        platform.outbox.announce(event)
    except Unavailable:
        log.error("security_event_lost", extra={"type": kind, "code": code, "eventId": event.id})
