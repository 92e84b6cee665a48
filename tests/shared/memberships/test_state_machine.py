"""Our books and the gateway's, after anything: declines, lost answers, crashes at every commit, webhooks in any order.

What must hold at every step: nothing is taken twice for one thing. What must hold once the jobs have run: both books
are the same, no membership is without its charge, and no charge without its membership.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from local.simulators.authorizenet_control import GatewayControl
from shared.integrations.payments import follow_up
from tests.factories.clock_file import ClockFile
from tests.factories.club import Club, a_customer
from tests.factories.messages import data_of, pulled

SETTINGS = settings(
    max_examples=10,
    stateful_step_count=16,
    deadline=None,
    derandomize="CI" in os.environ,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TIERS = ("BRONZE", "SILVER", "GOLD")
TOKENS = ("tok_visa", "tok_visa", "tok_declined", "tok_held")
TAKEN = ("capturedPendingSettlement", "settledSuccessfully", "FDSPendingReview")
# No switch, and those that a request may meet.
TROUBLE = ({}, {}, {}, {"lost_answer": 1}, {"lost_request": 1}, {"down": 1}, {"profile_lag": 1})
# No death, and a death at a commit, before or right after it.
DEATHS = (None, None, *[(at, after) for at in range(3) for after in (False, True)])
PEOPLE = 2
DEEDS = ("subscribe", "subscribe", "upgrade", "cancel", "renew")
# The end of a month, a year and February: what begins there meets months that are shorter.
STARTS = (
    datetime(2026, 7, 1, 17, tzinfo=UTC),
    datetime(2026, 8, 31, 17, tzinfo=UTC),
    datetime(2027, 12, 30, 17, tzinfo=UTC),
    datetime(2028, 1, 31, 17, tzinfo=UTC),
    datetime(2028, 2, 29, 17, tzinfo=UTC),
)
serial = count()

troubles, deaths = st.sampled_from(TROUBLE), st.sampled_from(DEATHS)
people, tiers = st.integers(0, PEOPLE - 1), st.sampled_from(TIERS)


class Books(RuleBasedStateMachine):
    """A few customers, two instances of the functions, and a person at the gateway."""

    def __init__(self, club: Club) -> None:
        super().__init__()
        self.club = club
        self.people = [a_customer() for _ in range(PEOPLE)]
        self.told = 0
        club.gateway.clear_traps()

    @initialize(start=st.sampled_from(STARTS), tier=tiers)
    def begins(self, start: datetime, tier: str) -> None:
        """One is a member already: most of what can go wrong comes later than that."""
        self.club.stand_at(start)
        assert self.club.subscribe(self.people[0], tier, f"tok_visa_{next(serial)}").status_code == 201

    # --- what customers and jobs do

    @rule(person=people, tier=tiers, token=st.sampled_from(TOKENS), trouble=troubles, death=deaths)
    def subscribe(self, person: int, tier: str, token: str, trouble: Any, death: Any) -> None:
        wanted = f"{token}_{next(serial)}"
        self.act(lambda: self.club.subscribe(self.people[person], tier, wanted), trouble, death)

    @rule(person=people, tier=tiers, deeds=st.tuples(st.sampled_from(DEEDS), st.sampled_from(DEEDS)))
    def two_things_at_once(self, person: int, tier: str, deeds: tuple[str, str]) -> None:
        """The same customer's, in two threads whose pauses are real."""
        customer, patient = self.people[person], self.club.patient()
        calls = {
            "subscribe": lambda: patient.subscribe(customer, tier, f"tok_visa_{next(serial)}").status_code,
            "upgrade": lambda: patient.upgrade(customer, tier).status_code,
            "cancel": lambda: patient.cancel(customer).status_code,
            "renew": lambda: patient.renew() and 200,
        }
        with ThreadPoolExecutor(2) as threads:
            answers = list(threads.map(lambda deed: calls[deed](), deeds))
        assert 500 not in answers
        assert deeds != ("subscribe", "subscribe") or answers.count(201) <= 1

    @rule(person=people, tier=tiers, trouble=troubles, death=deaths)
    def upgrade(self, person: int, tier: str, trouble: Any, death: Any) -> None:
        self.act(lambda: self.club.upgrade(self.people[person], tier), trouble, death)

    @rule(person=people, death=deaths)
    def cancel(self, person: int, death: Any) -> None:
        self.act(lambda: self.club.cancel(self.people[person]), {}, death)

    @rule(trouble=troubles, death=deaths)
    def renew(self, trouble: Any, death: Any) -> None:
        self.act(self.club.renew, trouble, death)

    @rule(death=deaths)
    def follow_up(self, death: Any) -> None:
        self.act(self.club.follow_up, {}, death)

    @rule(death=deaths)
    def reconcile(self, death: Any) -> None:
        self.act(self.club.reconcile, {}, death)

    # --- time

    @rule(days=st.sampled_from([1, 1, 3, 8, 27, 31, 60]))
    def days_pass(self, days: int) -> None:
        self.club.advance(days=days)

    @rule(minutes=st.sampled_from([1, 2, 5]))
    def minutes_pass(self, minutes: int) -> None:
        self.club.advance(minutes=minutes)

    @rule(person=people, trouble=troubles, death=deaths, again=st.booleans())
    def the_next_billing_day_comes(self, person: int, trouble: Any, death: Any, again: bool) -> None:
        """With the job, which may be run once more on that day, after the lease of a dead one."""
        due = (self.club.member(self.people[person]).get("membership") or {}).get("dueOn")
        if due and due > self.club.now.date().isoformat():
            self.club.advance(days=(date.fromisoformat(due) - self.club.now.date()).days)
            self.act(self.club.renew, trouble, death)
        if again:
            self.club.advance(minutes=2)
            self.act(self.club.renew, {}, None)

    # --- the gateway

    @rule(person=people, fate=st.sampled_from(["approve", "decline", "hold"]))
    def a_card_changes(self, person: int, fate: str) -> None:
        method = (self.club.member(self.people[person]).get("membership") or {}).get("method")
        if method:
            self.club.gateway.fate(fate, profile=method[0])

    @rule(choice=st.integers(0, 50), verdict=st.sampled_from(["approve", "decline"]))
    def a_review_ends(self, choice: int, verdict: str) -> None:
        held = [found for found in self.club.taken() if found["status"] == "FDSPendingReview"]
        if held:
            getattr(self.club.gateway, verdict)(held[choice % len(held)]["id"])

    @rule(choice=st.integers(0, 50))
    def somebody_gives_money_back(self, choice: int) -> None:
        taken = [found for found in self.club.taken() if found["status"] in TAKEN[:2] and found["cents"] > 0]
        if taken:
            found = taken[choice % len(taken)]
            if found["status"] == TAKEN[0]:
                self.club.gateway.void(found["id"])

    @rule(seed=st.integers(0, 1000))
    def webhooks_arrive(self, seed: int) -> None:
        """All that there were since the last time, some twice, in any order."""
        found = self.club.gateway.notifications(self.told)
        self.told += len(found)
        sent = [*found, *found[::2]]
        random.Random(seed).shuffle(sent)
        for notification in sent[:12]:
            answer = self.club.call(
                "payments_webhook",
                "POST",
                "/api/payments/webhook",
                data=notification["body"],
                headers={"X-ANET-Signature": notification["signature"], "Content-Type": "application/json"},
            )
            assert answer.status_code == 200, answer.text
        for message in pulled(self.club.pubsub, "payment-notices"):
            follow_up(self.club.platform).told_of(data_of(message)["transactionId"])

    # --- what must hold

    @invariant()
    def nothing_is_taken_twice(self) -> None:
        owners = {r: name for name, charge in self.club.charges().items() for r in charge["references"]}
        taken = Counter(owners[t["reference"]] for t in self.club.taken() if t["status"] in TAKEN)
        assert not [name for name, times in taken.items() if times > 1]

    def teardown(self) -> None:
        self.club.gateway.clear_traps()
        for held in [found for found in self.club.taken() if found["status"] == "FDSPendingReview"]:
            self.club.gateway.decline(held["id"])
        certificate = self.club.another_instance().settle_everything()
        assert certificate["green"], certificate
        self.both_books_are_the_same()
        self.memberships_and_charges_belong_together()
        self.nothing_is_taken_twice()

    def both_books_are_the_same(self) -> None:
        charges = self.club.charges().values()
        assert not [charge for charge in charges if charge["open"]]
        ours = sorted(
            (c["transactionId"], c["cents"]) for c in charges if c["state"] == "settled" and not c["refundOf"]
        )
        theirs = sorted((t["id"], t["cents"]) for t in self.club.taken() if t["status"] in TAKEN)
        assert ours == theirs

    def memberships_and_charges_belong_together(self) -> None:
        charges = self.club.charges()
        paid = {name for name, c in charges.items() if c["state"] in ("settled", "reversed") and not c["refundOf"]}
        firsts = [name for name in paid if name.endswith(":first")]
        memberships = 0
        for person in self.people:
            member = self.club.member(person)
            assert not member.get("pending")
            if current := member.get("membership"):
                memberships += 1 + len(member["past"])
                assert current["paidBy"] in paid
                if current["status"] in ("active", "past_due"):
                    assert charges[current["paidBy"]]["state"] == "settled"
        assert len(firsts) == memberships

    def act(self, deed: Callable[[], Any], trouble: dict[str, Any], death: tuple[int, bool] | None) -> None:
        with self.club.switched(**trouble):
            if death:
                self.club.dies(death[0], deed, after=death[1])
                # Whoever goes on has nothing of it in memory.
                self.club = self.club.another_instance()
                return
            found = deed()
        assert getattr(found, "status_code", 200) != 500, found.text


@pytest.mark.timeout(300)
def test_our_books_are_the_gateways(running: tuple[GatewayControl, ClockFile], project: str) -> None:
    gateway, clock = running
    projects = count()

    def machine() -> Books:
        # Each example has books of its own: what another left cannot be asked for any more.
        return Books(Club(f"{project}-{next(projects)}", gateway, clock))

    run_state_machine_as_test(machine, settings=SETTINGS)
