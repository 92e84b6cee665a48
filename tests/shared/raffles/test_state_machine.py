"""Tickets and money after anything: declines, reviews, lost answers, deaths at every commit, webhooks in any order.

What must hold at every step: no number is lost or doubled, and nothing is taken twice for one purchase. What must hold
once the jobs have run: no reservation is open, whoever was told so has the tickets, and the gateway's money is ours.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from local.simulators.authorizenet_book import CAPTURED, SETTLED
from local.simulators.authorizenet_control import GatewayControl
from shared.integrations.payments import follow_up
from shared.platform.clock import wire_time
from shared.platform.errors import Unavailable
from tests.factories.clock_file import ClockFile
from tests.factories.messages import data_of, pulled
from tests.factories.raffle_buyers import (
    IN_REVIEW,
    TAKEN,
    a_buyer,
    a_gold_buyer,
    bonuses,
    check_money,
    settled,
    take_bonus_back,
    taken_of,
)
from tests.factories.raffles import Tombola

SETTINGS = settings(
    max_examples=10,
    stateful_step_count=20,
    deadline=None,
    derandomize="CI" in os.environ,
    database=None,
    # To make a failure smaller takes minutes, which the time-out does not give.
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow],
)
TOKENS = ("tok_visa", "tok_visa", "tok_visa", "tok_declined", "tok_held")
# No switch, and those that a request may meet.
TROUBLE = (*[{}] * 4, {"lost_answer": 1}, {"lost_request": 1}, {"down": 1})
# No death, and a death at a commit, before or right after it.
DEATHS = (*[None] * 8, *[(at, after) for at in range(4) for after in (False, True)])
PEOPLE = 3
STANDING = ("paid", "refunding", "refunded")
serial = count()

troubles, deaths = st.sampled_from(TROUBLE), st.sampled_from(DEATHS)
people, tickets = st.integers(0, PEOPLE - 1), st.integers(1, 8)
# What ends a raffle is rare, or there would be little else.
seldom = st.sampled_from((False, False, True))


class Raffles(RuleBasedStateMachine):
    """A raffle, three customers of whom two are GOLD members, and a person at the gateway."""

    def __init__(self, tombola: Tombola) -> None:
        super().__init__()
        self.tombola = tombola
        self.people = [a_buyer(tombola), a_gold_buyer(tombola), a_gold_buyer(tombola)]
        self.promised: list[str] = []
        self.keys: list[tuple[str, int, int]] = []
        self.told = 0
        tombola.gateway.clear_traps()

    @initialize(size=st.integers(16, 40), days=st.integers(1, 4), numbers=st.tuples(tickets, tickets))
    def goes_on_sale(self, size: int, days: int, numbers: tuple[int, int]) -> None:
        """And two have bought already, one with the bonus: most of what can go wrong comes later than that."""
        draw_date = wire_time(self.tombola.now + timedelta(days=days))
        self.raffle_id = self.tombola.active(maxTickets=size, drawDate=draw_date)
        for person, number in enumerate(numbers):
            self.buy(person, number, "tok_visa", {}, None)

    # --- what customers do

    @rule(person=people, number=tickets, trouble=troubles, death=deaths)
    def buy_with_a_good_card(self, person: int, number: int, trouble: Any, death: Any) -> None:
        self.buy(person, number, "tok_visa", trouble, death)

    @rule(person=people, number=tickets, token=st.sampled_from(TOKENS), trouble=troubles, death=deaths)
    def buy(self, person: int, number: int, token: str, trouble: Any, death: Any) -> None:
        key = f"k-{next(serial)}"
        self.keys.append((key, person, number))
        self.act(lambda: self.bought(self.tombola, person, number, key, token), trouble, death)

    @rule(person=people, number=tickets, trouble=troubles)
    def buy_what_may_be_the_rest(self, person: int, number: int, trouble: Any) -> None:
        rest = self.tombola.raffle(self.raffle_id).remaining
        self.buy(person, min(rest, 100) or number, "tok_visa", trouble, None)

    @rule(choice=st.integers(0, 50))
    def ask_again(self, choice: int) -> None:
        """With the same key, by a client that did not get an answer, or not this one."""
        if self.keys:
            key, person, number = self.keys[choice % len(self.keys)]
            self.act(lambda: self.bought(self.tombola, person, number, key, "tok_visa"), {}, None)

    @rule(first=people, second=people, number=tickets)
    def two_buy_at_once(self, first: int, second: int, number: int) -> None:
        both = self.tombola.patient()
        with ThreadPoolExecutor(2) as threads:
            answers = list(
                threads.map(
                    lambda person: self.bought(both, person, number, f"k-{next(serial)}", "tok_visa"),
                    (first, second),
                )
            )
        assert not [answer.text for answer in answers if answer.status_code not in (201, 400)]

    # --- what admins and jobs do

    @rule(death=deaths, sure=seldom)
    def draw(self, death: Any, sure: bool) -> None:
        """Refused while anybody is paying: that may be tried at any time."""
        before = self.tombola.raffle(self.raffle_id)
        if before.open and before.status in ("active", "sold_out"):
            refused = self.tombola.draw(self.raffle_id)
            assert (refused.status_code, refused.json["code"]) == (409, "open_reservations")
        elif sure:
            self.act(lambda: self.tombola.draw(self.raffle_id), {}, death)

    @rule(trouble=troubles, death=deaths, sure=seldom)
    def cancel(self, trouble: Any, death: Any, sure: bool) -> None:
        if sure or self.tombola.raffle(self.raffle_id).status == "cancelled":
            self.act(lambda: self.tombola.call_off(self.raffle_id, reason="rain"), trouble, death)

    @rule(death=deaths)
    def sweep(self, death: Any) -> None:
        self.act(self.tombola.sweep, {}, death)

    @rule(trouble=troubles, death=deaths)
    def refund(self, trouble: Any, death: Any) -> None:
        self.act(self.tombola.refund, trouble, death)

    @rule(death=deaths)
    def follow_up(self, death: Any) -> None:
        self.act(self.tombola.follow_up, {}, death)

    @rule(death=deaths)
    def reconcile(self, death: Any) -> None:
        self.act(self.tombola.reconcile, {}, death)

    @rule(person=people, death=deaths, sure=seldom)
    def a_membership_goes_back(self, person: int, death: Any, sure: bool) -> None:
        """Its money, and with it the bonus entries, while they can."""
        if sure:
            self.act(lambda: take_bonus_back(self.tombola, self.people[person]), {}, death)

    # --- time

    @rule(minutes=st.sampled_from([1, 2, 5, 11, 11, 1440]))
    def time_passes(self, minutes: int) -> None:
        self.tombola.advance(minutes=minutes)

    # --- the gateway

    @rule(choice=st.integers(0, 50), verdict=st.sampled_from(["approve", "decline"]))
    def a_review_ends(self, choice: int, verdict: str) -> None:
        held = [found for found in self.taken() if found["status"] == IN_REVIEW]
        if held:
            getattr(self.tombola.gateway, verdict)(held[choice % len(held)]["id"])

    @rule(choice=st.integers(0, 50))
    def somebody_gives_money_back(self, choice: int) -> None:
        """Voided before it is settled, refunded after that, always the whole of it."""
        found = self.taken()
        back = {one["refunds"] for one in found}
        standing = [one for one in found if one["status"] in (CAPTURED, SETTLED) and one["id"] not in back]
        if standing:
            one = standing[choice % len(standing)]
            (self.tombola.gateway.void if one["status"] == CAPTURED else self.tombola.gateway.refund)(one["id"])

    @rule(seed=st.integers(0, 1000))
    def webhooks_arrive(self, seed: int) -> None:
        """All that there were since the last time, some twice, in any order."""
        found = self.tombola.gateway.notifications(self.told)
        self.told += len(found)
        sent = [*found, *found[::2]]
        random.Random(seed).shuffle(sent)
        for notification in sent[:8]:
            answer = self.tombola.call(
                "payments_webhook",
                "POST",
                "/api/payments/webhook",
                data=notification["body"],
                headers={"X-ANET-Signature": notification["signature"], "Content-Type": "application/json"},
            )
            assert answer.status_code == 200, answer.text
        for message in pulled(self.tombola.pubsub, "payment-notices"):
            follow_up(self.tombola.platform).told_of(data_of(message)["transactionId"])

    # --- what must hold

    @invariant()
    def no_number_is_lost_or_doubled(self) -> None:
        if hasattr(self, "raffle_id"):
            self.tombola.check(self.raffle_id)
            assert max(bonuses(self.tombola, self.raffle_id).values(), default=0) <= 1

    @invariant()
    def nothing_is_taken_twice(self) -> None:
        charges, found = self.tombola.charges(), self.taken()
        owners = {reference: name for name, charge in charges.items() for reference in charge["references"]}
        taken = Counter(owners[t["reference"]] for t in found if t["status"] in TAKEN and not t["refunds"])
        assert not [name for name, times in taken.items() if times > 1]
        self.what_is_paid_is_at_the_gateway(charges, found)

    def what_is_paid_is_at_the_gateway(self, charges: dict[str, Any], found: list[dict[str, Any]]) -> None:
        """Also while much is under way: revenue is what the paid tickets cost, each taken by its own transaction."""
        if hasattr(self, "raffle_id"):
            cents = {one["id"]: one["cents"] for one in found}
            standing = self.tombola.purchases(self.raffle_id, "paid", "refunding")
            assert [cents[charges[one.charge_id]["transactionId"]] for one in standing] == [p.cents for p in standing]
            assert self.tombola.raffle(self.raffle_id).revenue == sum(purchase.cents for purchase in standing)

    def teardown(self) -> None:
        if not hasattr(self, "raffle_id"):
            return
        self.tombola.gateway.clear_traps()
        self.tombola = self.tombola.another_instance()
        certificate = settled(self.tombola)
        assert certificate["green"], certificate
        check_money(self.tombola, self.raffle_id)
        raffle = self.tombola.raffle(self.raffle_id)
        assert (raffle.open, raffle.reserved) == (0, 0)
        assert not [charge for charge in self.tombola.charges().values() if charge["open"]]
        assert not [found for found in self.taken() if found["status"] == IN_REVIEW]
        states = {purchase.id: purchase.state for purchase in self.tombola.purchases(self.raffle_id)}
        assert {states[name] for name in self.promised} <= set(STANDING)
        if raffle.status == "cancelled":
            assert raffle.revenue == 0
            assert not {"paid", "refunding"} & set(states.values())
        if raffle.drawing:
            picked = [pick.ticket for pick in raffle.drawing.picks]
            assert len(set(picked)) == len(picked) == min(11, raffle.sold)
        self.no_number_is_lost_or_doubled()
        self.nothing_is_taken_twice()

    # --- how it is done

    def taken(self) -> list[dict[str, Any]]:
        return taken_of(self.tombola, getattr(self, "raffle_id", ""))

    def bought(self, tombola: Tombola, person: int, number: int, key: str, token: str) -> Any:
        buyer = self.people[person]
        answer = tombola.buy(self.raffle_id, buyer, number, f"{token}_{next(serial)}", headers={"Idempotency-Key": key})
        if answer.status_code == 201:
            self.promised.append(answer.json["transaction"]["id"])
        return answer

    def act(self, deed: Callable[[], Any], trouble: dict[str, Any], death: tuple[int, bool] | None) -> None:
        with self.tombola.switched(**trouble):
            if death:
                self.tombola.dies(death[0], deed, after=death[1])
                # Whoever goes on has nothing of it in memory.
                self.tombola = self.tombola.another_instance()
                return
            try:
                found = deed()
            except Unavailable:
                return
        assert getattr(found, "status_code", 200) != 500, found.text


@pytest.mark.timeout(300)
def test_no_ticket_without_money_and_no_money_without_ticket(
    running: tuple[GatewayControl, ClockFile], project: str
) -> None:
    gateway, clock = running
    projects = count()

    def machine() -> Raffles:
        # Each example has books of its own: what another left cannot be asked for any more.
        return Raffles(Tombola(f"{project}-{next(projects)}", gateway, clock, DRAW_ENTROPY="local"))

    run_state_machine_as_test(machine, settings=SETTINGS)
