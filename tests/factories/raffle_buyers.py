"""Buyers of a kind, and the end of everything that is under way, for the tests of raffles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from shared.integrations.authorizenet import connect
from shared.memberships.documents import of_member
from shared.memberships.models import Member, Membership
from shared.memberships.reading import MembershipReader
from shared.memberships.repository import MEMBERSHIPS
from shared.payments.service import Payments
from shared.raffles.sales import Sales
from tests.factories.club import a_customer
from tests.factories.memberships import begun
from tests.factories.raffles import Tombola, signed

IN_REVIEW = "FDSPendingReview"
# Of a transaction that has moved money, or will unless somebody stops it.
TAKEN = ("capturedPendingSettlement", "settledSuccessfully", IN_REVIEW)
# More commits than anything here makes.
MOST_COMMITS = 40


def a_buyer(tombola: Tombola) -> str:
    """Of age, and nothing else."""
    customer = a_customer()
    tombola.verify(customer)
    return customer


def a_gold_buyer(tombola: Tombola) -> str:
    """Of age, and a GOLD member until August."""
    return a_member(tombola, begun("GOLD"))


def a_member(tombola: Tombola, membership: Membership) -> str:
    """Of age, with this membership."""
    customer = a_buyer(tombola)
    name = tombola.platform.customer_hash(customer)
    member = Member(customer_hash=name, membership=membership, contact=b"", contact_key="")
    tombola.platform.firestore.collection(MEMBERSHIPS).document(name).set(of_member(member))
    return customer


def take_bonus_back(tombola: Tombola, customer: str) -> None:
    """As if the money of a buyer's membership had gone back, though they stay a member."""
    tier = MembershipReader.on(tombola.platform).paid_tier(customer)
    sales = Sales(tombola.platform, Payments(tombola.platform, connect(tombola.platform)))
    for charge in tier.charges if tier else ():
        sales.take_bonus_back(tombola.platform.customer_hash(customer), charge)


def settled(tombola: Tombola) -> dict[str, Any]:
    """All that the jobs do until nothing is open any more; the last certificate."""
    tombola.firestore.live()
    for _ in range(3):
        tombola.advance(minutes=6)
        tombola.follow_up()
        tombola.sweep()
        tombola.refund()
    certificate = tombola.reconcile()
    return tombola.reconcile() if certificate["repaired"] else certificate


def taken_of(tombola: Tombola, raffle_id: str) -> list[dict[str, Any]]:
    """The gateway's transactions for the raffle's purchases, and their refunds, those by a person there as well."""
    charges = [data for name, data in tombola.charges().items() if name.startswith(f"{raffle_id}:")]
    references = {reference for data in charges for reference in data["references"]}
    every = tombola.gateway.transactions()
    ours = {found["id"] for found in every if found["reference"] in references}
    return [found for found in every if found["id"] in ours or found["refunds"] in ours]


def check_money(tombola: Tombola, raffle_id: str) -> None:
    """`Tombola.check_money`, where a person may have refunded at the gateway, in whole."""
    assert tombola.check(raffle_id).revenue == sum(signed(found) for found in taken_of(tombola, raffle_id))


def bonuses(tombola: Tombola, raffle_id: str) -> Counter[str]:
    """Of each customer, with how many purchases that still stand there were bonus entries."""
    standing = tombola.purchases(raffle_id, "reserved", "paid", "refunding")
    return Counter(purchase.customer_hash for purchase in standing if purchase.bonus)


def each_commit(
    tombola: Tombola, deed: Callable[[Any], Any], given: Callable[[], Any], *, after: bool
) -> Iterator[Any]:
    """What `given` made, after `deed` of it has died at its first, second, ... commit; no more once it has ended."""
    for at in count():
        assert at < MOST_COMMITS
        made = given()
        if not tombola.dies(at, lambda made=made: deed(made), after=after):  # type: ignore[misc]
            assert at > 1, "it has committed hardly anything"
            return
        yield made
