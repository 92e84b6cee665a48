"""A renewal that is declined: tried again after 1, 3, 5 and 7 days, then over; and jobs that run late."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from shared.memberships import rules
from shared.memberships.calendar import period_of
from shared.memberships.models import ACTIVE, EXPIRED, PAST_DUE, RETRY_DAYS, Membership
from tests.factories.memberships import DATES, DAY, FEW, START, as_begins, begun, just_before, on

# Days after the renewal was due on which the job ran.
RUNS = st.sets(st.integers(0, 40), min_size=1).map(sorted)


@dataclass
class Tries:
    """What the job did: the days, counted from the first, and the membership after each try."""

    days: list[int] = field(default_factory=list)
    after: list[Membership] = field(default_factory=list)


def run(membership: Membership, days: list[int]) -> Tries:
    found, first = Tries(), membership.period_end
    for passed in days:
        now = on(first + passed * DAY)
        if rules.renewal_due(membership, now):
            membership = rules.declined(membership, now)
            found.days.append(passed)
            found.after.append(membership)
    return found


@FEW
@given(DATES)
def test_a_job_that_runs_every_day_tries_on_days_1_3_5_and_7_and_then_it_is_over(start: date) -> None:
    tries = run(begun(day=start), list(range(30)))
    assert tries.days == [0, 1, 3, 5, 7]
    assert [after.status for after in tries.after] == [PAST_DUE] * 4 + [EXPIRED]
    assert [after.declines for after in tries.after] == [1, 2, 3, 4, 5]
    last = tries.after[-1]
    assert (last.due_on, last.ended_at) == (None, on(last.period_end + 7 * DAY).moment)


@FEW
@given(DATES, RUNS)
@example(START, [0, 6, 7])
@example(START, [2, 10])
@example(START, [3, 4, 7, 8, 9])
def test_whenever_the_job_ran_late(start: date, runs: list[int]) -> None:
    tries = run(begun(day=start), runs)
    first = tries.days[0]
    assert first == runs[0]
    assert len(tries.days) <= 1 + len(RETRY_DAYS)
    planned = {first + days for days in RETRY_DAYS}
    for before, (one, other) in zip(tries.after, pairwise(tries.days), strict=False):
        due = (before.due_on - before.period_end).days  # type: ignore[operator]
        # The next planned day, and the first run on or after it.
        assert due == min(day for day in planned if day > one)
        assert other == min(day for day in runs if day >= due)
    statuses = [after.status for after in tries.after]
    assert statuses[:-1] == [PAST_DUE] * (len(statuses) - 1)
    assert (statuses[-1] == EXPIRED) == (tries.days[-1] >= first + RETRY_DAYS[-1])
    assert (statuses[-1] == EXPIRED) == any(day >= first + RETRY_DAYS[-1] for day in runs)


@FEW
@given(DATES, RUNS)
def test_the_first_day_of_grace_is_that_of_the_first_decline(start: date, runs: list[int]) -> None:
    tries = run(begun(day=start), runs)
    first = {after.first_declined_on for after in tries.after}
    assert first == {tries.after[0].period_end + runs[0] * DAY}


def test_the_same_run_twice_on_a_day_tries_once() -> None:
    due = begun()
    late = rules.declined(due, on(due.period_end, 3))
    assert not rules.renewal_due(late, on(due.period_end, 23))
    assert not rules.renewal_due(late, just_before(due.period_end + DAY))
    assert rules.renewal_due(late, as_begins(due.period_end + DAY))


@FEW
@given(DATES)
def test_a_renewal_is_due_from_the_midnight_on_which_the_period_ends(start: date) -> None:
    membership = begun(day=start)
    assert not rules.renewal_due(membership, just_before(membership.period_end))
    assert rules.renewal_due(membership, as_begins(membership.period_end))
    assert not rules.renewal_due(None, as_begins(membership.period_end))


# --- the discount meanwhile


@FEW
@given(DATES)
def test_without_any_job_the_discount_stays_through_day_7_and_no_longer(start: date) -> None:
    membership = begun(day=start)
    end = membership.period_end + 8 * DAY
    assert rules.entitled(membership, just_before(end))
    assert not rules.entitled(membership, as_begins(end))


@FEW
@given(DATES, st.integers(0, 7), st.integers(0, 3))
def test_the_discount_stays_through_day_7_of_grace_if_no_job_ran_any_more(start: date, late: int, tries: int) -> None:
    membership = begun(day=start)
    first = membership.period_end + late * DAY
    for days in (0, *RETRY_DAYS)[: tries + 1]:
        membership = rules.declined(membership, on(first + days * DAY))
    assert membership.status == PAST_DUE
    end = first + 8 * DAY
    assert rules.entitled(membership, just_before(end))
    assert not rules.entitled(membership, as_begins(end))
    assert not rules.paid(membership, on(first))


@FEW
@given(DATES, st.integers(0, 7))
def test_the_last_try_ends_the_discount_with_it(start: date, late: int) -> None:
    membership = begun(day=start)
    first = membership.period_end + late * DAY
    for days in (0, *RETRY_DAYS):
        # Seven times 24 hours of grace are over; just before, the discount was still there.
        assert rules.entitled(membership, on(first + days * DAY))
        membership = rules.declined(membership, on(first + days * DAY))
    assert (membership.status, membership.ended_at) == (EXPIRED, on(first + 7 * DAY).moment)
    assert not rules.entitled(membership, on(first + 7 * DAY))
    assert not rules.entitled(membership, just_before(first + 8 * DAY))


# --- and if it is paid after all


@FEW
@given(DATES, st.integers(1, 4))
def test_a_try_that_is_paid_makes_it_active_and_keeps_the_days(start: date, tries: int) -> None:
    due = begun(day=start)
    membership = due
    for days in (0, *RETRY_DAYS)[:tries]:
        membership = rules.declined(membership, on(due.period_end + days * DAY))
    again = rules.renewed(membership, membership.tier, on(due.period_end + RETRY_DAYS[tries - 1] * DAY))
    assert (again.status, again.declines, again.first_declined_on) == (ACTIVE, 0, None)
    assert again.period_start == due.period_end
    assert again.paid_by == f"SUB_1:{due.period_end}:renewal"
    assert again == rules.change(
        rules.renewed(due, due.tier, on(due.period_end)),
        ACTIVE,
        on(due.period_end + RETRY_DAYS[tries - 1] * DAY),
    )


@FEW
@given(DATES, st.integers(0, 100))
@example(START, 31)
def test_nobody_pays_for_a_period_that_is_over(start: date, passed: int) -> None:
    due = begun(day=start)
    late = rules.declined(due, on(due.period_end))
    today = due.period_end + passed * DAY
    found = rules.renewed(late, late.tier, on(today))
    assert (found.period_start, found.period_end) == period_of(start, today)
    assert (found.paid_by, found.due_on) == (f"SUB_1:{found.period_start}:renewal", found.period_end)
