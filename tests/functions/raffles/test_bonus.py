"""Who gets bonus entries with a purchase, and how many."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.integrations.payments import follow_up
from tests.factories.memberships import in_status
from tests.factories.raffle_buyers import a_gold_buyer, a_member
from tests.factories.raffles import Tombola


@pytest.mark.parametrize(
    ("tier", "status", "days", "entries"),
    [
        ("GOLD", "active", 0, 5),
        ("SILVER", "active", 0, 0),
        ("GOLD", "past_due", 0, 0),
        ("GOLD", "cancelled", 0, 0),
        ("GOLD", "expired", 0, 0),
        # Not renewed: the discount stays, but no day is paid.
        ("GOLD", "active", 31, 0),
    ],
)
def test_gold_members_whose_days_are_paid(tombola: Tombola, tier: str, status: str, days: int, entries: int) -> None:
    raffle_id = tombola.active(drawDate="2099-01-01T00:00:00Z")
    customer = a_member(tombola, replace(in_status(status), tier=tier, base_tier=tier))
    tombola.advance(days=days)
    assert tombola.buy(raffle_id, customer).json["transaction"]["bonusEntries"] == entries
    assert tombola.check(raffle_id).revenue == 50_00


@pytest.mark.parametrize(("size", "entries"), [(3, 0), (4, 1), (7, 4), (8, 5), (9, 5)])
def test_never_more_than_there_are(tombola: Tombola, size: int, entries: int) -> None:
    raffle_id = tombola.active(maxTickets=size)
    answer = tombola.buy(raffle_id, a_gold_buyer(tombola), 3).json
    assert answer["transaction"]["bonusEntries"] == entries
    assert [ticket["isBonusEntry"] for ticket in answer["tickets"]] == [False] * 3 + [True] * entries
    raffle = tombola.check(raffle_id)
    assert (raffle.sold, raffle.revenue) == (3 + entries, 150_00)
    assert raffle.status == ("active" if size == 9 else "sold_out")


def test_once_for_a_raffle_and_again_when_the_tickets_were_refunded(tombola: Tombola) -> None:
    first, second, member = tombola.active(), tombola.active(), a_gold_buyer(tombola)

    def given(raffle_id: str) -> int:
        return int(tombola.buy(raffle_id, member).json["transaction"]["bonusEntries"])

    assert [given(first), given(first), given(second)] == [5, 0, 5]
    (with_bonus,) = [purchase for purchase in tombola.purchases(first) if purchase.bonus]
    transaction = tombola.charges()[with_bonus.charge_id]["transactionId"]
    tombola.gateway.void(transaction)
    follow_up(tombola.platform).told_of(transaction)
    assert tombola.check(first).bonus == 0
    assert [given(first), given(first), given(second)] == [5, 0, 0]
    tombola.check_money(first)
