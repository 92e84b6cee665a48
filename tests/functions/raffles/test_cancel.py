"""Giving back the money of a large raffle while the gateway fails now and then: each refund once, whoever goes on."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from werkzeug.test import TestResponse

from local.simulators.authorizenet_book import REFUND
from shared.integrations.payments import follow_up
from tests.factories.club import NEVER
from tests.factories.raffle_buyers import a_buyer, check_money, settled, taken_of
from tests.factories.raffles import PRICE, Tombola
from tests.factories.tokens import bearer

PURCHASES, TICKETS = 500, 10
BUYERS, THREADS = 20, 16
# Three in a hundred calls that move money.
FAILURES = {"lost_answer": 67, "lost_request": 60}
ROUNDS = 8


def sold(tombola: Tombola, purchases: int) -> str:
    """A raffle with so many purchases."""
    raffle_id, crowd = tombola.active(maxTickets=purchases * TICKETS), tombola.patient()
    buyers = [a_buyer(tombola) for _ in range(BUYERS)]

    def bought(number: int) -> TestResponse:
        buyer = buyers[number % BUYERS]
        headers = bearer("customer", buyer, exp=NEVER)
        return crowd.buy(raffle_id, buyer, TICKETS, f"tok_visa_{number}", headers=headers)

    with ThreadPoolExecutor(THREADS) as threads:
        answers = list(threads.map(bought, range(purchases)))
    assert Counter(answer.status_code for answer in answers) == {201: purchases}
    return raffle_id


@pytest.mark.timeout(240)
def test_every_refund_of_a_large_raffle(tombola: Tombola) -> None:
    raffle_id = sold(tombola, PURCHASES)
    cents = TICKETS * PRICE
    assert tombola.kept_cents(raffle_id) == PURCHASES * cents

    with tombola.switched(**FAILURES):
        first = tombola.call_off(raffle_id, reason="rain").json["refunds"]
        assert first["total"] == PURCHASES
        assert first["successful"] + first["failed"] + first["remaining"] == PURCHASES
        assert first["failed"] > 0
        sentences = {one["refund"]["error"] for one in first["details"] if not one["success"]}
        assert sentences
        assert None not in sentences
        # What was lost may still be on its way: only after a while is it sent again.
        for _ in range(ROUNDS):
            tombola.advance(minutes=4)
            left = tombola.refund()
            tombola.check(raffle_id)
            if not left.details:
                break
    last = tombola.call_off(raffle_id).json["refunds"]
    assert (last["total"], last["successful"], last["failed"], last["remaining"]) == (PURCHASES, PURCHASES, 0, 0)
    assert {one["refund"]["amount"] for one in last["details"]} == {TICKETS * PRICE / 100}

    assert settled(tombola)["green"]
    tombola.check_money(raffle_id)
    raffle = tombola.raffle(raffle_id)
    assert (raffle.sold, raffle.remaining, raffle.revenue) == (0, raffle.max_tickets, 0)
    assert Counter(found["status"] for found in taken_of(tombola, raffle_id)) == {"voided": PURCHASES}
    assert_told_once(tombola, raffle_id)


def assert_told_once(tombola: Tombola, raffle_id: str) -> None:
    purchases = {purchase.id for purchase in tombola.purchases(raffle_id, "refunded")}
    mails = [mail for mail in tombola.events("emails") if mail["template"] == "raffle_update"]
    assert {mail["data"]["purchaseId"] for mail in mails} == purchases
    assert len({mail["emailId"] for mail in mails}) == PURCHASES
    assert {mail["data"]["reason"] for mail in mails} == {"rain"}
    events = [event for event in tombola.events("raffle-events") if event["type"] == "raffle.tickets_refunded"]
    assert {event["data"]["purchaseId"] for event in events} == purchases


def test_money_that_was_settled_goes_back_as_a_refund(tombola: Tombola) -> None:
    """The day after, nothing can be voided any more."""
    raffle_id = sold(tombola, 3)
    tombola.advance(days=1)
    with tombola.switched(down=1):
        failed = tombola.call_off(raffle_id).json["refunds"]
    assert (failed["failed"], failed["successful"]) == (3, 0)
    assert tombola.raffle(raffle_id).status == "cancelled"
    tombola.advance(minutes=4)
    again = tombola.call_off(raffle_id).json["refunds"]
    assert (again["successful"], again["failed"]) == (3, 0)
    assert settled(tombola)["green"]
    tombola.check_money(raffle_id)
    found = [one for one in taken_of(tombola, raffle_id) if one["type"] == REFUND]
    assert [one["cents"] for one in found] == [TICKETS * PRICE] * 3


def test_a_refund_that_is_refused(tombola: Tombola) -> None:
    """A person at the gateway was faster: with all of one purchase, which we were not told, and a part of another."""
    raffle_id = sold(tombola, 3)
    tombola.advance(days=1)
    whole, part, _ = taken_of(tombola, raffle_id)
    tombola.gateway.refund(whole["id"])
    told = tombola.gateway.refund(part["id"], 10_000)
    follow_up(tombola.platform).told_of(told["id"])
    refunds = tombola.call_off(raffle_id).json["refunds"]
    assert (refunds["total"], refunds["successful"], refunds["failed"]) == (3, 2, 1)
    (refused,) = [one["refund"] for one in refunds["details"] if not one["success"]]
    assert refused["status"] == "pending"
    assert refused["error"]
    # Called again it is tried again, and refused again: until the books are compared.
    assert tombola.call_off(raffle_id).json["refunds"]["failed"] == 1
    assert settled(tombola)["green"]
    assert tombola.call_off(raffle_id).json["refunds"]["successful"] == 3
    check_money(tombola, raffle_id)
    ours = [charge for charge in tombola.charges().values() if not charge["refundOf"]]
    assert {sum(charge["reversals"].values()) for charge in ours} == {TICKETS * PRICE}
