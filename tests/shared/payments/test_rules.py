"""How a charge goes from one state to the next, over all that the gateway can say."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.payments import rules
from shared.payments.models import (
    ABSENT,
    APPROVED,
    CODE_DECLINED,
    CODE_UNAVAILABLE,
    DECLINED,
    FAILED,
    HELD,
    IN_REVIEW,
    INTENT,
    NOT_YET,
    OPEN_STATES,
    PAID,
    PENDING,
    REFUND,
    REVERSED,
    SENT,
    SETTLED,
    UNKNOWN,
    VOIDED,
    Charge,
    Method,
    Outcome,
    Transaction,
)
from tests.factories.memberships import NOON, STATES, charge, transaction

STATUSES = (PENDING, SETTLED, IN_REVIEW, VOIDED, FAILED, REFUND)
LATER = NOON + timedelta(hours=1)
SECOND = timedelta(seconds=1)
CARD = Method("900", "901")
# Every set of statuses, each of one transaction; the first in a tuple is the oldest.
EVERY = list(chain.from_iterable(combinations(STATUSES, size) for size in range(len(STATUSES) + 1)))


def transactions(*statuses: str) -> list[Transaction]:
    """One of each, a second apart."""
    return [
        transaction(id=f"t-{status}", status=status, submitted_at=NOON + number * SECOND, method=CARD)
        for number, status in enumerate(statuses)
    ]


def sent(**changes: object) -> Charge:
    return charge(sent_at=NOON, **changes)


# --- references


@given(st.text(max_size=60), st.integers(1, 99))
def test_a_reference_is_20_letters_and_digits_and_the_same_again(charge_id: str, attempt: int) -> None:
    found = rules.reference_of(charge_id, attempt)
    assert len(found) == 20
    assert found.isascii()
    assert found.isalnum()
    assert found == rules.reference_of(charge_id, attempt)


def test_no_two_attempts_have_the_same() -> None:
    found = {rules.reference_of(f"SUB_{n}:2026-07-01:{kind}", attempt) for n, kind, attempt in _attempts()}
    assert len(found) == 200 * 2 * 5


def _attempts() -> list[tuple[int, str, int]]:
    return [(n, kind, attempt) for n in range(200) for kind in ("first", "renewal") for attempt in range(1, 6)]


# --- another attempt


def test_after_a_decline_it_has_a_new_reference() -> None:
    declined = rules.after(sent(), Outcome(kind=DECLINED, code=CODE_DECLINED, reason="No."), LATER)
    found = rules.again(declined, LATER)
    assert found.references == ("REFERENCE1", rules.reference_of(found.id, 2))
    assert (found.state, found.attempt, found.code, found.reason, found.sent_at) == (INTENT, 2, "", "", None)
    assert (found.created_at, found.updated_at) == (NOON, LATER)


def test_after_it_was_lost_it_keeps_its_reference() -> None:
    lost = rules.after(sent(), Outcome(kind=ABSENT, code=CODE_UNAVAILABLE), LATER)
    found = rules.again(lost, LATER)
    assert (found.references, found.attempt, found.state) == (("REFERENCE1",), 2, INTENT)


def test_one_that_was_never_sent_has_a_new_reference() -> None:
    given_up = rules.after(charge(state=INTENT), Outcome(kind=ABSENT, code=CODE_UNAVAILABLE), LATER)
    assert len(rules.again(given_up, LATER).references) == 2


@given(st.lists(st.booleans(), max_size=8))
def test_references_of_many_attempts_are_all_kept_and_all_distinct(losses: list[bool]) -> None:
    found = sent()
    for lost in losses:
        code = CODE_UNAVAILABLE if lost else CODE_DECLINED
        found = rules.after(found, Outcome(kind=ABSENT if lost else DECLINED, code=code), LATER)
        found = rules.sent(rules.again(found, LATER), LATER)
    assert found.attempt == 1 + len(losses)
    assert len(found.references) == len(set(found.references)) == 1 + losses.count(False)


def test_what_another_attempt_costs_may_have_changed() -> None:
    found = rules.again(charge(state=DECLINED), LATER, cents=19700, request_id="req-2")
    assert (found.cents, found.request_id) == (19700, "req-2")


def test_what_is_sent() -> None:
    found = rules.sent(charge(state=INTENT), LATER)
    assert found == charge(state=SENT, sent_at=LATER, updated_at=LATER)


# --- what the gateway says


@pytest.mark.parametrize("before", [INTENT, SENT, UNKNOWN, HELD])
@pytest.mark.parametrize(
    ("kind", "state", "is_open"),
    [
        (APPROVED, PAID, False),
        (HELD, HELD, True),
        (DECLINED, DECLINED, False),
        (ABSENT, DECLINED, False),
        (UNKNOWN, UNKNOWN, True),
    ],
)
def test_after_every_outcome(before: str, kind: str, state: str, is_open: bool) -> None:
    outcome = Outcome(kind=kind, transaction_id="7", code="a code", reason="A reason.")
    found = rules.after(sent(state=before), outcome, LATER)
    assert (found.state, found.open, found.transaction_id) == (state, is_open, "7")
    assert (found.code, found.reason, found.updated_at) == ("a code", "A reason.", LATER)
    assert found.paid_at == (LATER if kind == APPROVED else None)
    assert (found.references, found.attempt, found.sent_at) == (("REFERENCE1",), 1, NOON)


def test_after_an_outcome_without_a_transaction_the_known_one_stays() -> None:
    assert rules.after(sent(transaction_id="7"), Outcome(kind=UNKNOWN), LATER).transaction_id == "7"


def test_what_is_to_be_sent_once_more_is_no_outcome_to_book() -> None:
    with pytest.raises(KeyError):
        rules.after(sent(), Outcome(kind=NOT_YET), LATER)


def test_what_is_open() -> None:
    assert {state for state in STATES if charge(state=state).open} == OPEN_STATES == {INTENT, SENT, UNKNOWN, HELD}


# --- what a search says


@pytest.mark.parametrize("statuses", EVERY, ids=" ".join)
def test_the_outcome_of_every_combination(statuses: tuple[str, ...]) -> None:
    found = rules.outcome_of(transactions(*statuses), sent(), LATER)
    paid = [status for status in statuses if status in (PENDING, SETTLED)]
    failed = [status for status in statuses if status in (FAILED, VOIDED)]
    if paid:
        expected = (APPROVED, f"t-{paid[0]}")
    elif IN_REVIEW in statuses:
        expected = (HELD, f"t-{IN_REVIEW}")
    elif failed:
        expected = (DECLINED, f"t-{failed[0]}")
    else:
        expected = (ABSENT, "")
    assert (found.kind, found.transaction_id) == expected
    assert bool(found.reason) == (found.kind in (DECLINED, ABSENT))
    assert found.method == (CARD if found.transaction_id else None)
    assert rules.outcome_of(transactions(*statuses)[::-1], sent(), LATER) == found


def test_of_two_that_were_taken_the_oldest_pays() -> None:
    late = transaction(id="1", submitted_at=NOON + SECOND)
    first = transaction(id="2", submitted_at=NOON)
    assert rules.outcome_of([late, first], sent(), LATER).transaction_id == "2"
    same = transaction(id="3", submitted_at=NOON)
    assert rules.outcome_of([same, first], sent(), LATER).transaction_id == "2"


@pytest.mark.parametrize(
    ("passed", "kind"),
    [
        (timedelta(0), UNKNOWN),
        (rules.QUIET - timedelta(microseconds=1), UNKNOWN),
        (rules.QUIET, ABSENT),
        (timedelta(days=1), ABSENT),
        (-SECOND, UNKNOWN),  # another instance's clock is ahead
    ],
)
def test_what_is_not_there_is_given_up_after_three_minutes(passed: timedelta, kind: str) -> None:
    found = rules.outcome_of([], sent(), NOON + passed)
    assert (found.kind, found.code) == (kind, CODE_UNAVAILABLE)
    assert timedelta(minutes=3) == rules.QUIET


def test_what_was_never_sent_is_absent_at_once() -> None:
    assert rules.outcome_of([], charge(state=INTENT), NOON).kind == ABSENT


def second_attempt() -> Charge:
    """The first was declined, the second is sent and has no answer."""
    declined = rules.after(sent(), Outcome(kind=DECLINED, code=CODE_DECLINED, transaction_id="t-failed"), NOON)
    return rules.sent(rules.again(declined, NOON), NOON)


def test_an_attempt_without_an_answer_is_not_declined_because_the_one_before_was() -> None:
    # `found` is, by `Payments._found`, all with any of the references. It may still be taken: nothing may be sent.
    assert rules.outcome_of(transactions(FAILED), second_attempt(), NOON + SECOND).kind == UNKNOWN


def test_nor_when_the_first_was_lost_the_second_declined_and_the_third_is_to_be_sent() -> None:
    # `Payments.send` asks before such a third attempt, and sends it only if nothing is there: here it never does.
    lost = rules.after(sent(), Outcome(kind=ABSENT, code=CODE_UNAVAILABLE), NOON)
    second = rules.sent(rules.again(lost, NOON), NOON)
    declined = rules.after(second, Outcome(kind=DECLINED, code=CODE_DECLINED, transaction_id="t-failed"), NOON)
    third = rules.again(declined, NOON)
    assert len(third.references) < third.attempt
    assert rules.outcome_of(transactions(FAILED), rules.sent(third, third.created_at), LATER).kind == ABSENT


def test_money_that_an_earlier_attempt_took_pays_for_this_one() -> None:
    assert rules.outcome_of(transactions(PENDING), second_attempt(), NOON + SECOND).kind == APPROVED


# --- what a search for a refund says


@pytest.mark.parametrize(("now", "nothing"), [(NOON, UNKNOWN), (LATER, ABSENT)])
@pytest.mark.parametrize("original", [None, *STATUSES])
def test_the_outcome_of_every_refund(original: str | None, now: datetime, nothing: str) -> None:
    refunded = transaction(id="original", status=original) if original else None
    for statuses in EVERY:
        found = rules.refund_outcome(transactions(*statuses), sent(refund_of="original"), refunded, now)
        if REFUND in statuses:
            expected = (APPROVED, f"t-{REFUND}")
        elif original == VOIDED:
            expected = (APPROVED, "original")
        else:
            expected = (nothing, "")
        assert (found.kind, found.transaction_id) == expected


# --- what must go back


@pytest.mark.parametrize("state", [PAID, DECLINED, REVERSED])
@pytest.mark.parametrize("pays", ["", PENDING, SETTLED, IN_REVIEW])
def test_what_is_owed_in_every_combination(state: str, pays: str) -> None:
    for statuses in EVERY:
        taken = [status for status in statuses if status in (PENDING, SETTLED, IN_REVIEW)]
        found = rules.owed(sent(state=state, transaction_id=f"t-{pays}"), transactions(*statuses))
        expected = [status for status in taken if status != pays or state == DECLINED]
        assert [one.status for one in found] == expected


def test_after_what_a_search_says_nothing_but_the_others_is_owed() -> None:
    for statuses in EVERY:
        found = transactions(*statuses)
        booked = rules.after(sent(), rules.outcome_of(found, sent(), LATER), LATER)
        taken = [one for one in found if one.status in (PENDING, SETTLED, IN_REVIEW)]
        kept = [one for one in taken if one not in rules.owed(booked, found)]
        assert len(kept) == (1 if taken else 0)
        assert not taken or booked.state in (PAID, HELD)


# --- money that went back


def test_a_charge_is_reversed_when_all_of_it_went_back() -> None:
    paid = sent(state=PAID, transaction_id="7")
    part = rules.reversal(paid, "8", 9699, LATER)
    assert (part.state, part.reversed_cents) == (PAID, 9699)
    same = rules.reversal(part, "8", 9699, LATER)
    assert same == part
    whole = rules.reversal(part, "9", 1, LATER)
    assert (whole.state, whole.reversed_cents, whole.open) == (REVERSED, 9700, False)
    assert paid.reversals == {}
    assert rules.reversal(paid, "7", 9700, LATER) == replace(
        paid, state=REVERSED, reversals={"7": 9700}, updated_at=LATER
    )


@given(st.dictionaries(st.text("12345", min_size=1, max_size=2), st.integers(1, 9700), max_size=6))
def test_whatever_went_back(parts: dict[str, int]) -> None:
    found = sent(state=PAID)
    for transaction_id, cents in parts.items():
        found = rules.reversal(found, transaction_id, cents, LATER)
    assert found.reversed_cents == sum(parts.values())
    assert (found.state == REVERSED) == (sum(parts.values()) >= found.cents)
