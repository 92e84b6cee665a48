"""A raffle that is cancelled after its sales have closed, where somebody had given money back in between."""

from __future__ import annotations

from datetime import timedelta

from shared.integrations.payments import follow_up
from shared.platform.clock import wire_time
from tests.factories.raffle_buyers import a_buyer, a_gold_buyer, settled, taken_of
from tests.factories.raffles import Tombola


def closed(tombola: Tombola, *buyers: str) -> str:
    """A raffle whose sales have closed, with three tickets of each buyer."""
    raffle_id = tombola.active(drawDate=wire_time(tombola.now + timedelta(hours=1)))
    for buyer in buyers:
        assert tombola.buy(raffle_id, buyer, 3).status_code == 201
    tombola.advance(hours=1, seconds=1)
    assert tombola.sweep().closed == 1
    return raffle_id


def voided(tombola: Tombola, raffle_id: str, purchase_id: str) -> None:
    """By a person at the gateway, who then tells us."""
    transaction = next(data for name, data in tombola.charges().items() if f"{raffle_id}:{purchase_id}:" in name)
    tombola.gateway.void(transaction["transactionId"])
    follow_up(tombola.platform).told_of(transaction["transactionId"])


def test_no_number_is_kept_for_a_draw_that_is_not_held(tombola: Tombola) -> None:
    ada, bob = a_gold_buyer(tombola), a_buyer(tombola)
    raffle_id = closed(tombola, ada, bob)
    first = next(purchase for purchase in tombola.purchases(raffle_id) if purchase.bonus)
    voided(tombola, raffle_id, first.id)
    kept = tombola.check(raffle_id)
    assert (kept.sold, kept.returned, kept.revenue) == (11, 3, 150_00)
    assert tombola.tickets(raffle_id, ada).json["count"] == 8

    refunds = tombola.call_off(raffle_id).json["refunds"]
    assert (refunds["total"], refunds["successful"]) == (1, 1)
    assert settled(tombola)["green"]
    tombola.check_money(raffle_id)
    raffle = tombola.raffle(raffle_id)
    assert (raffle.sold, raffle.returned, raffle.remaining) == (0, 0, 20)
    assert [tombola.tickets(raffle_id, buyer).json["count"] for buyer in (ada, bob)] == [0, 0]
    assert [found["status"] for found in taken_of(tombola, raffle_id)] == ["voided", "voided"]


def test_a_ticket_whose_money_went_back_stays_in_the_draw(tombola: Tombola) -> None:
    """The ledger was published with it."""
    ada = a_buyer(tombola)
    raffle_id = closed(tombola, ada, a_buyer(tombola))
    voided(tombola, raffle_id, tombola.purchases(raffle_id)[0].id)
    assert tombola.draw(raffle_id).status_code == 200
    audit = tombola.show(raffle_id, "audit").json
    assert (audit["tickets"], len(audit["picks"])) == (6, 6)
    assert settled(tombola)["green"]
    tombola.check_money(raffle_id)
