"""Everything that raffles tell, as the code builds it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from shared.platform.outbox import Event
from shared.raffles import events
from shared.raffles.models import (
    DRAND,
    DRAWN,
    PAID,
    REFUNDED,
    SOLD_OUT,
    Closing,
    Drawing,
    LegalBasis,
    Pick,
    Purchase,
    Raffle,
)
from tests.factories.events import AT

KINDS = (
    events.CREATED,
    events.UPDATED,
    events.ACTIVATED,
    events.COMPLETED,
    events.SOLD_OUT,
    events.REOPENED,
    events.SALES_CLOSED,
    events.DRAWN,
    events.CANCELLED,
)
_numbers = count(1)
RAFFLE = Raffle(
    id="raf_1",
    name="Blue Dream $250K",
    description="",
    prize="$250,000",
    ticket_price=5_000,
    max_tickets=10,
    draw_date=AT + timedelta(days=30),
    status=SOLD_OUT,
    created_at=AT,
    updated_at=AT,
    seed_commitment="c" * 64,
    seed_key="k1",
    seed=b"sealed",
    free=(),
    reserved=2,
    open=1,
    paid=6,
    bonus=2,
    ever_sold=True,
)
PURCHASE = Purchase(
    id="TXN_1",
    raffle_id=RAFFLE.id,
    customer_hash="a" * 64,
    state=PAID,
    paid=((1, 5), (9, 9)),
    bonus=((6, 7),),
    price=5_000,
    charge_id="raf_1:TXN_1",
    created_at=AT,
    updated_at=AT,
    expires_at=AT + timedelta(minutes=10),
    contact_key="k1",
    contact=b"sealed",
    request_id="req_1",
)
DRAWN_RAFFLE = replace(
    RAFFLE,
    status=DRAWN,
    reserved=0,
    open=0,
    legal=LegalBasis(
        basis="charitable_raffle",
        organisation="A Charity",
        reference="TX-1",
        prize_value=25_000_00,
        signed_off_by="a-1",
        states=("TX",),
    ),
    closing=Closing(at=AT, tickets=8, root="d" * 64, source=DRAND, genesis_time=1_692_803_367, period=3, round=657_413),
    drawing=Drawing(at=AT, seed="e" * 64, signature="f" * 96, randomness="0" * 64, picks=(Pick(0, 3, PURCHASE.id),)),
)


def raffles() -> Iterator[Event]:
    """One of each type; each shape with nothing that is null, and with all that may be."""
    yield events.of_raffle("evt_1", events.DRAWN, DRAWN_RAFFLE, "", AT)
    for kind in KINDS:
        yield events.of_raffle("evt_1", kind, RAFFLE, "req_1", AT)
    yield bought("evt_1")
    yield events.of_purchase("evt_1", events.PURCHASED, replace(PURCHASE, bonus=()), AT)
    yield events.of_purchase("evt_1", events.BONUS_TAKEN_BACK, replace(PURCHASE, bonus=()), AT)
    yield events.of_purchase("evt_1", events.REFUNDED, replace(PURCHASE, state=REFUNDED), AT)


def bought(event_id: str, at: datetime = AT) -> Event:
    return events.of_purchase(event_id, events.PURCHASED, PURCHASE, at)


# --- as record_event gets them


def raffle_drawn(at: datetime = AT, event_id: str = "") -> dict[str, Any]:
    """Nothing in it is null."""
    name = event_id or f"evt_d{next(_numbers)}"
    return _envelope(events.of_raffle(name, events.DRAWN, DRAWN_RAFFLE, "req_1", at))


def tickets_purchased(at: datetime = AT, event_id: str = "") -> dict[str, Any]:
    return _envelope(bought(event_id or f"evt_t{next(_numbers)}", at))


def _envelope(event: Event) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(event.message().data)
    return found
