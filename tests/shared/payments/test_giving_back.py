"""Money that goes back through `Payments`: once, whatever happens to the answer."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from shared.integrations.authorizenet import connect
from shared.payments.errors import GatewayUnavailable
from shared.payments.models import DECLINED, PAID, RETURNED, REVERSED, UNKNOWN
from shared.payments.service import Payments
from tests.factories.club import Club, a_customer


@pytest.fixture
def payments(club: Club) -> Payments:
    return Payments(club.platform, connect(club.platform))


def booked(club: Club, payments: Payments, *, settled: bool) -> str:
    """The id of a refund of a whole charge, to be carried out."""
    club.subscribe(a_customer())
    if settled:
        club.advance(days=2)
    (name,) = club.charges()
    found = payments.ledger.get(name)
    assert found is not None
    charge = found.charge
    refund = payments.refund(charge, RETURNED, charge.transaction_id, charge.cents, club.now)
    payments.ledger.save(refund, None)
    return refund.id


def state(club: Club, refund_id: str) -> Any:
    return club.charges()[refund_id]["state"]


def statuses(club: Club) -> list[tuple[str, str]]:
    return [(found["type"], found["status"]) for found in club.gateway.transactions()]


@pytest.mark.parametrize("settled", [False, True], ids=["voided", "refunded"])
@pytest.mark.parametrize("trap", [{}, {"lost_answer": 1}, {"lost_request": 1}, {"down": 503}])
def test_it_goes_back_once(club: Club, payments: Payments, settled: bool, trap: dict[str, Any]) -> None:
    refund_id = booked(club, payments, settled=settled)
    with club.switched(**trap):
        for _ in range(2):
            with suppress(GatewayUnavailable):
                payments.give_back(refund_id)
    for _ in range(3):
        club.advance(minutes=5)
        club.follow_up()
    assert state(club, refund_id) == PAID
    expected = [("authCaptureTransaction", "settledSuccessfully"), ("refundTransaction", "refundPendingSettlement")]
    assert statuses(club) == (expected if settled else [("authCaptureTransaction", "voided")])
    certificate = club.reconcile()
    assert certificate["green"], certificate
    assert {found["state"] for name, found in club.charges().items() if name != refund_id} == {REVERSED}
    assert club.reconcile()["repaired"] == 0


def test_a_refusal_is_kept_for_a_person(club: Club, payments: Payments) -> None:
    refund_id = booked(club, payments, settled=True)
    # Settled too long ago: the gateway refuses it.
    club.advance(days=200)
    assert payments.give_back(refund_id).kind == DECLINED
    assert state(club, refund_id) == DECLINED
    assert statuses(club) == [("authCaptureTransaction", "settledSuccessfully")]


def test_a_second_call_sends_nothing(club: Club, payments: Payments) -> None:
    refund_id = booked(club, payments, settled=True)
    payments.give_back(refund_id)
    assert payments.give_back(refund_id).kind != UNKNOWN
    assert len(statuses(club)) == 2
