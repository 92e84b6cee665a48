"""A process that dies at any commit of a purchase, of a cancellation or of a draw: whoever goes on ends it right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from tests.factories.raffle_buyers import TAKEN, a_buyer, a_gold_buyer, each_commit, settled, taken_of
from tests.factories.raffles import Tombola

PAID_CENTS = 3 * 50_00
BEFORE_OR_AFTER = pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
keys = count()


def wanted(tombola: Tombola, buyer: str) -> Callable[[], tuple[str, str]]:
    return lambda: (tombola.active(), f"k-{next(keys)}-{buyer}")


def buying(tombola: Tombola, buyer: str) -> Callable[[tuple[str, str]], Any]:
    """With the raffle and the Idempotency-Key that are given."""
    return lambda given: tombola.buy(given[0], buyer, 3, headers={"Idempotency-Key": given[1]})


@BEFORE_OR_AFTER
def test_a_purchase_is_paid_or_released(tombola: Tombola, after: bool) -> None:
    buyer = a_gold_buyer(tombola)
    given, buy = wanted(tombola, buyer), buying(tombola, buyer)
    raffles = [raffle_id for raffle_id, _ in each_commit(tombola, buy, given, after=after)]
    for raffle_id in raffles:
        tombola.check(raffle_id)
    other = tombola.another_instance()
    assert settled(other)["green"]
    ends = set()
    for raffle_id in raffles:
        other.check_money(raffle_id)
        assert not other.purchases(raffle_id, "reserved")
        ends.add((other.raffle(raffle_id).paid, other.raffle(raffle_id).bonus, other.kept_cents(raffle_id)))
    assert ends == {(0, 0, 0), (3, 5, PAID_CENTS)}


@BEFORE_OR_AFTER
@pytest.mark.parametrize("minutes", [4, 15])
def test_asked_for_again_it_is_bought_once(tombola: Tombola, after: bool, minutes: int) -> None:
    """While the reservation still stands, and when it is over."""
    buyer = a_gold_buyer(tombola)
    given = list(each_commit(tombola, buying(tombola, buyer), wanted(tombola, buyer), after=after))
    tombola.advance(minutes=minutes)
    other = tombola.another_instance()
    for raffle_id, key in given:
        again = buying(other, buyer)((raffle_id, key))
        assert again.status_code == 201, again.text
        assert (again.json["transaction"]["numTickets"], again.json["transaction"]["bonusEntries"]) == (3, 5)
    assert settled(other)["green"]
    for raffle_id, _ in given:
        other.check_money(raffle_id)
        assert (other.raffle(raffle_id).paid, other.kept_cents(raffle_id)) == (3, PAID_CENTS)
        assert [found["cents"] for found in taken_of(other, raffle_id) if found["status"] in TAKEN] == [PAID_CENTS]


@BEFORE_OR_AFTER
def test_a_cancellation_gives_everything_back_once(tombola: Tombola, after: bool) -> None:
    buyer = a_buyer(tombola)

    def sold() -> str:
        raffle_id = tombola.active()
        assert tombola.buy(raffle_id, buyer, 3).status_code == 201
        return raffle_id

    raffles = list(each_commit(tombola, tombola.call_off, sold, after=after))
    other = tombola.another_instance()
    for raffle_id in raffles:
        other.check(raffle_id)
        assert other.call_off(raffle_id).status_code == 200
    assert settled(other)["green"]
    for raffle_id in raffles:
        other.check_money(raffle_id)
        assert other.kept_cents(raffle_id) == 0
        assert sorted(found["status"] for found in taken_of(other, raffle_id)) == ["voided"]
        assert {purchase.state for purchase in other.purchases(raffle_id)} == {"refunded"}
    told = relayed(other)
    for raffle_id in raffles:
        mails = [data["purchaseId"] for data in told[raffle_id, "raffle_update"]]
        assert sorted(mails) == [purchase.id for purchase in other.purchases(raffle_id)]


@BEFORE_OR_AFTER
def test_a_draw_keeps_what_was_published(tombola: Tombola, after: bool) -> None:
    buyers = [a_buyer(tombola) for _ in range(2)]

    def sold() -> str:
        raffle_id = tombola.active()
        for buyer in buyers:
            assert tombola.buy(raffle_id, buyer, 6).status_code == 201
        return raffle_id

    published = ("salesClosedAt", "ledgerRoot", "tickets")
    stages = set()
    for raffle_id in each_commit(tombola, tombola.draw, sold, after=after):
        other = tombola.another_instance()
        before = other.show(raffle_id, "audit").json
        stages.add((before["ledgerRoot"] is not None, before["status"]))
        drawn = other.draw(raffle_id)
        assert drawn.status_code == (400 if before["status"] == "drawn" else 200), drawn.text
        found = other.show(raffle_id, "audit").json
        assert found["status"] == "drawn"
        assert len({pick["ticketNumber"] for pick in found["picks"]}) == 11
        if before["ledgerRoot"]:
            assert [found[name] for name in published] == [before[name] for name in published]
        if before["picks"]:
            assert found == before
        told = relayed(other)
        winner, *others = [pick["ticketNumber"] for pick in found["picks"]]
        assert [data["ticketNumber"] for data in told[raffle_id, "raffle_winner_notification"]] == [winner]
        assert sorted(data["ticketNumber"] for data in told[raffle_id, "raffle_runner_up_notification"]) == sorted(
            others
        )
    assert stages >= {(True, "active"), (True, "drawn")}


def relayed(tombola: Tombola) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """The data of the mails by raffle and template, with those that a dead process left in the outbox.

    A mail may come twice: it counts once.
    """
    tombola.advance(seconds=20)
    tombola.platform.outbox.relay()
    mails = {mail["emailId"]: mail for mail in tombola.events("emails")}
    found = defaultdict(list)
    for mail in mails.values():
        found[mail["data"]["raffleId"], mail["template"]].append(mail["data"])
    return found
