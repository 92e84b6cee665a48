"""Everything that memberships and payments tell, as the code builds it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from itertools import count
from typing import Any

from shared.memberships import events as membership_events
from shared.memberships.models import ACTIVE, CANCELLED, Membership
from shared.payments import events as payment_events
from shared.payments.models import DECLINED, PAID, REVERSED, Charge
from shared.platform.clock import wire_time
from shared.platform.outbox import Event
from tests.factories.events import AT

KINDS = ("started", "upgraded", "renewed", "payment_failed", "cancelled", "expired", "downgraded", "lapsed")
_numbers = count(1)
CHARGE = Charge(
    id="sub_1:2026-07-01:first",
    owner="memberships",
    customer_hash="a" * 64,
    kind="first",
    cents=9_700,
    state=PAID,
    attempt=1,
    references=("ref_1",),
    created_at=AT,
    updated_at=AT,
    paid_at=AT,
    transaction_id="60000001",
    request_id="req_1",
)
MEMBERSHIP = Membership(
    id="mem_1",
    subscription_id="sub_1",
    tier="SILVER",
    status=ACTIVE,
    price=9_700,
    discount=20,
    start_date=date(2026, 7, 1),
    anchor=date(2026, 7, 1),
    period_start=date(2026, 7, 1),
    period_end=date(2026, 8, 1),
    paid_by=CHARGE.id,
    base_tier="SILVER",
    value=9_700,
    valued_on=date(2026, 7, 1),
    created_at=AT,
    updated_at=AT,
)
ENDED = replace(MEMBERSHIP, status=CANCELLED, cancel_date=date(2026, 7, 9), access_until=AT)
CERTIFICATE: dict[str, Any] = {
    "from": wire_time(AT),
    "to": wire_time(AT),
    "ourCount": 3,
    "ourCents": 19_400,
    "theirCount": 3,
    "theirCents": 19_400,
    "repaired": 1,
    "foreign": 2,
    "differences": 0,
    "green": True,
}


def memberships() -> Iterator[Event]:
    """One of each kind, and one with all that may be null."""
    for kind in KINDS:
        yield changed(kind)
    yield membership_events.changed("evt_1", "cancelled", "a" * 64, "req_1", ENDED, AT)


def changed(kind: str, event_id: str = "evt_1", at: datetime = AT, membership: Membership = MEMBERSHIP) -> Event:
    told = {"charge": CHARGE, "previous_tier": "BRONZE"}
    return membership_events.changed(event_id, kind, "a" * 64, "req_1", membership, at, **told)


def payments() -> Iterator[Event]:
    """One of each type; a refusal and a refund among them."""
    refused = {"transaction_id": "", "code": "declined", "reason": "This transaction has been declined."}
    for state in payment_events.TYPES:
        told = {DECLINED: refused, REVERSED: {"reversals": {"60000002": 500}}}.get(state, {})
        yield payment_events.changed("evt_1", replace(CHARGE, state=state, **told), AT)
    refund = replace(CHARGE, id=f"{CHARGE.id}:refund:60000001", kind="refund", refund_of="60000001")
    yield payment_events.changed("evt_1", refund, AT)
    yield payment_events.reconciled("evt_1", CERTIFICATE, AT)


# --- as record_event gets them


def membership_cancelled(at: datetime = AT, event_id: str = "") -> dict[str, Any]:
    """Nothing in it is null."""
    return _envelope(changed("cancelled", event_id or f"evt_m{next(_numbers)}", at, ENDED))


def payment_settled(at: datetime = AT, event_id: str = "") -> dict[str, Any]:
    return _envelope(payment_events.changed(event_id or f"evt_p{next(_numbers)}", CHARGE, at))


def payments_reconciled(at: datetime = AT, event_id: str = "") -> dict[str, Any]:
    return _envelope(payment_events.reconciled(event_id or f"evt_r{next(_numbers)}", CERTIFICATE, at))


def _envelope(event: Event) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(event.message().data)
    return found
