"""Bonus entries of a member whose money for the membership goes back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.integrations.payments import follow_up
from shared.platform.clock import wire_time
from tests.factories.messages import message_of, push
from tests.factories.raffle_buyers import a_buyer, bonuses
from tests.factories.raffle_fixtures import Functions
from tests.factories.raffles import Tombola

READING = "getUnsettledTransactionListRequest,getSettledBatchListRequest,getTransactionListRequest"


def paying(tombola: Tombola, tier: str = "GOLD") -> str:
    """Of age, and paying."""
    customer = a_buyer(tombola)
    assert tombola.subscribe(customer, tier).status_code == 201
    return customer


def charges_of(tombola: Tombola, customer: str) -> list[dict[str, Any]]:
    """Of the membership, in the order they were made."""
    name = tombola.platform.customer_hash(customer)
    found = [one for one in tombola.charges().values() if (one["customerHash"], one["owner"]) == (name, "memberships")]
    return sorted(found, key=lambda one: one["createdAt"])


def voided(tombola: Tombola, jobs: Functions, charge: dict[str, Any]) -> list[dict[str, Any]]:
    """By a person at the gateway, who tells us; each event is delivered twice. What raffles tell of it."""
    tombola.events("payment-events")
    tombola.events("raffle-events")
    tombola.gateway.void(charge["transactionId"])
    follow_up(tombola.platform).told_of(charge["transactionId"])
    subscriber = jobs("raffles_take_bonus_back")
    for event in tombola.events("payment-events") * 2:
        assert push(subscriber, message_of(event), "payment-events").status_code == 200
    return list(tombola.events("raffle-events"))


def held(tombola: Tombola, raffle_id: str, customer: str) -> tuple[int, int]:
    """Paid tickets and bonus entries."""
    shown = tombola.tickets(raffle_id, customer).json
    return shown["paidTickets"], shown["bonusTickets"]


def test_they_go_back_with_the_membership(tombola: Tombola, jobs: Functions) -> None:
    ada, bob = paying(tombola), paying(tombola)
    raffle_id, other, over = tombola.active(maxTickets=16), tombola.active(), tombola.active()
    for customer in (ada, bob):
        assert tombola.buy(raffle_id, customer, 3).status_code == 201
    assert tombola.buy(over, ada).status_code == 201
    assert tombola.draw(over).status_code == 200
    assert tombola.raffle(raffle_id).status == "sold_out"

    told = voided(tombola, jobs, charges_of(tombola, ada)[0])

    assert [(event["type"], event["data"]["status"]) for event in told] == [
        ("raffle.bonus_taken_back", "paid"),
        ("raffle.reopened", "active"),
    ]
    assert (told[0]["data"]["bonusNumbers"], told[0]["data"]["paidTickets"]) == (None, 3)
    assert [held(tombola, raffle_id, customer) for customer in (ada, bob)] == [(3, 0), (3, 5)]
    raffle = tombola.check(raffle_id)
    assert (raffle.remaining, raffle.revenue) == (5, 300_00)
    # What was drawn stays drawn, and without a membership there are none in another raffle.
    assert held(tombola, over, ada) == (1, 5)
    assert tombola.buy(other, ada).json["transaction"]["bonusEntries"] == 0


def test_also_of_tickets_that_are_being_paid(tombola: Tombola, jobs: Functions) -> None:
    ada, raffle_id = paying(tombola), tombola.active()
    with tombola.switched(lost_answer=1, down=READING):
        assert tombola.buy(raffle_id, ada, 2).json["code"] == "payment_unknown"
    assert tombola.check(raffle_id).reserved == 7
    assert voided(tombola, jobs, charges_of(tombola, ada)[0]) == []
    assert tombola.check(raffle_id).reserved == 2
    tombola.advance(minutes=11)
    tombola.sweep()
    assert held(tombola, raffle_id, ada) == (2, 0)
    tombola.check_money(raffle_id)


def test_an_upgrade_that_goes_back_takes_them_as_well(tombola: Tombola, jobs: Functions) -> None:
    ada, raffle_id = paying(tombola, "SILVER"), tombola.active()
    assert tombola.upgrade(ada, "GOLD").status_code == 200
    assert tombola.buy(raffle_id, ada).json["transaction"]["bonusEntries"] == 5
    voided(tombola, jobs, charges_of(tombola, ada)[1])
    assert held(tombola, raffle_id, ada) == (1, 0)
    # Paid for again, they are given again.
    assert tombola.upgrade(ada, "GOLD").status_code == 200
    assert tombola.buy(raffle_id, ada).json["transaction"]["bonusEntries"] == 5
    assert set(bonuses(tombola, raffle_id).values()) == {1}
    tombola.check_money(raffle_id)


def test_not_from_a_ledger_that_is_published(tombola: Tombola, jobs: Functions) -> None:
    ada, raffle_id = paying(tombola), tombola.active(drawDate=wire_time(tombola.now + timedelta(hours=1)))
    assert tombola.buy(raffle_id, ada).status_code == 201
    tombola.advance(hours=1, seconds=1)
    assert tombola.sweep().closed == 1
    assert voided(tombola, jobs, charges_of(tombola, ada)[0]) == []
    assert held(tombola, raffle_id, ada) == (1, 5)
    tombola.check(raffle_id)
