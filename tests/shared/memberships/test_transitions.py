"""The table of statuses is the contract's, and nothing leaves it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.memberships import rules
from shared.memberships.models import ACTIVE, CANCELLED, EXPIRED, PAST_DUE, TRANSITIONS, Membership
from shared.payments.models import Method
from tests.factories.memberships import (
    DATES,
    DAY,
    FEW,
    MEMBERSHIPS,
    START,
    STATUSES,
    as_begins,
    begun,
    in_status,
    on,
)

END = date(2026, 8, 1)
LEGAL = {
    None: {ACTIVE},
    ACTIVE: {ACTIVE, PAST_DUE, CANCELLED},
    PAST_DUE: {PAST_DUE, ACTIVE, CANCELLED, EXPIRED},
    CANCELLED: {CANCELLED, EXPIRED},
    EXPIRED: set(),
}
NOW = on(START + 10 * DAY)


def upgraded(membership: Membership) -> Membership | None:
    return rules.upgraded(membership, "GOLD", rules.prorated(membership, "GOLD", NOW), NOW)


CHANGES: dict[str, Callable[[Membership], Membership | None]] = {
    "renewed": lambda found: rules.renewed(found, "SILVER", NOW),
    "declined": lambda found: rules.declined(found, NOW),
    "upgraded": upgraded,
    "cancelled": lambda found: rules.cancelled(found, "", NOW),
    "lapsed": lambda found: rules.lapsed(found, NOW),
    "taken_back": lambda found: rules.taken_back(found, found.paid_by, found.price, NOW),
    "upgrade_taken_back": lambda found: rules.taken_back(found, "".join(found.upgrades[:1]), found.price, NOW),
    "with_card": lambda found: rules.with_card(found, Method("1", "2"), NOW),
}


def test_the_table() -> None:
    assert {(before, after) for before, others in LEGAL.items() for after in others} == TRANSITIONS


@pytest.mark.parametrize("before", STATUSES)
@pytest.mark.parametrize("after", STATUSES)
def test_a_change_outside_the_table_raises(before: str, after: str) -> None:
    membership = in_status(before)
    if after in LEGAL[before]:
        found = rules.change(membership, after, NOW, declines=4)
        assert found == replace(membership, status=after, updated_at=NOW.moment, declines=4)
        return
    with pytest.raises(ValueError, match=f"{before} cannot become {after}"):
        rules.change(membership, after, NOW)


@FEW
@given(MEMBERSHIPS)
def test_every_rule_stays_within_the_table(membership: Membership) -> None:
    for rule in CHANGES.values():
        try:
            found = rule(membership)
        except ValueError as error:
            assert "cannot become" in str(error)  # noqa: PT017 - or it does not raise at all
            continue
        if found is not None and found.status != membership.status:
            assert found.status in LEGAL[membership.status]


@pytest.mark.parametrize("name", ["renewed", "declined", "upgraded", "cancelled", "lapsed"])
def test_an_expired_one_never_changes_again(name: str) -> None:
    with pytest.raises(ValueError, match="expired cannot become"):
        CHANGES[name](in_status(EXPIRED))


def test_only_what_is_over_gives_way_to_a_new_one() -> None:
    assert {status for status in STATUSES if rules.is_over(in_status(status))} == {CANCELLED, EXPIRED}
    assert rules.is_over(None)


# --- what is kept


def test_a_card_is_kept_until_there_is_another() -> None:
    card, other = Method("1", "2"), Method("1", "3")
    found = rules.with_card(begun(), card, NOW)
    assert (found.method, found.updated_at) == (card, NOW.moment)
    assert rules.with_card(found, None, NOW).method == card
    assert rules.with_card(found, other, NOW).method == other


@pytest.mark.parametrize("status", [CANCELLED, EXPIRED])
def test_what_is_kept_of_one_that_is_over(status: str) -> None:
    before = in_status(status)
    found = rules.past_of(before, as_begins(END + 30 * DAY))
    assert (found.id, found.tier, found.price, found.status) == ("MEM_1", "SILVER", 9700, status)
    assert (found.created_at, found.ended_at) == (before.created_at, before.ended_at)


@FEW
@given(st.text(max_size=9), DATES, st.text(max_size=9))
def test_a_charge_is_named_for_what_it_pays(subscription: str, day: date, kind: str) -> None:
    assert rules.charge_id(subscription, day, kind) == f"{subscription}:{day}:{kind}"
