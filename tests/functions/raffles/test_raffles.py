"""The life of a raffle through its endpoints."""

from __future__ import annotations

from tests.factories.club import a_customer
from tests.factories.raffles import Tombola, numbers_of


def test_from_a_draft_to_a_winner(tombola: Tombola) -> None:
    raffle_id, ada, bob = tombola.active(maxTickets=20), a_customer(), a_customer()
    tombola.verify(ada, bob)
    first = tombola.buy(raffle_id, ada, 5)
    assert first.status_code == 201, first.text
    assert first.json["transaction"]["ticketNumbers"] == [1, 2, 3, 4, 5]
    assert first.json["transaction"]["amount"] == 250
    assert numbers_of(tombola.buy(raffle_id, bob, 3)) == [6, 7, 8]
    tombola.check_money(raffle_id)
    shown = tombola.show(raffle_id).json["raffle"]
    assert (shown["ticketsSold"], shown["ticketsRemaining"], shown["winner"]) == (8, 12, None)
    assert tombola.show(raffle_id, "progress").json["percentSold"] == "40.00"
    drawn = tombola.draw(raffle_id)
    assert drawn.status_code == 200, drawn.text
    drawing = drawn.json["drawing"]
    assert drawing["winner"]["customerId"] in (ada, bob)
    assert len({drawing["winner"]["ticketNumber"], *(one["ticketNumber"] for one in drawing["runnerUps"])}) == 8
    mine = tombola.tickets(raffle_id, drawing["winner"]["customerId"]).json["tickets"]
    assert sum(ticket["isWinner"] for ticket in mine) == 1
    again = tombola.draw(raffle_id)
    assert (again.status_code, again.json["error"]) == (400, "Raffle has already been drawn")


def test_calling_off(tombola: Tombola) -> None:
    raffle_id, ada, bob = tombola.active(maxTickets=8), a_customer(), a_customer()
    tombola.verify(ada, bob)
    tombola.buy(raffle_id, ada, 5)
    assert tombola.buy(raffle_id, bob, 3).status_code == 201
    assert tombola.raffle(raffle_id).status == "sold_out"
    cancelled = tombola.call_off(raffle_id, reason="rain")
    assert cancelled.status_code == 200, cancelled.text
    refunds = cancelled.json["refunds"]
    assert (refunds["total"], refunds["successful"], refunds["failed"]) == (2, 2, 0)
    assert tombola.kept_cents(raffle_id) == 0
    tombola.check_money(raffle_id)
    again = tombola.call_off(raffle_id)
    assert again.json["refunds"]["total"] == 2
