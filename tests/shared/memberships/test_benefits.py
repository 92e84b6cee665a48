"""Who has the discount, and whose day is paid, to the second of the store's midnight."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given

from shared.memberships import rules
from shared.memberships.models import CANCELLED, EXPIRED, Membership
from shared.memberships.rules import Now
from tests.factories.memberships import DATES, DAY, START, ZONE, as_begins, begun, in_status, just_before, on

END = date(2026, 8, 1)
SECOND = timedelta(seconds=1)


def has(membership: Membership | None, now: Now) -> tuple[bool, bool]:
    """(discount, paid day)"""
    return rules.entitled(membership, now), rules.paid(membership, now)


@pytest.mark.parametrize(
    ("status", "now", "expected"),
    [
        ("active", on(START), (True, True)),
        ("active", just_before(END), (True, True)),
        ("active", as_begins(END), (True, False)),  # the job is late
        ("active", just_before(END + 8 * DAY), (True, False)),
        ("active", as_begins(END + 8 * DAY), (False, False)),
        ("past_due", as_begins(END), (True, False)),
        ("past_due", just_before(END + 8 * DAY), (True, False)),
        ("past_due", as_begins(END + 8 * DAY), (False, False)),
        ("cancelled", on(START), (True, True)),
        ("cancelled", just_before(END), (True, True)),
        ("cancelled", as_begins(END), (False, False)),
        ("expired", on(START), (False, False)),
        ("expired", on(END), (False, False)),
    ],
)
def test_every_status_at_its_boundaries(status: str, now: Now, expected: tuple[bool, bool]) -> None:
    assert has(in_status(status), now) == expected


def test_without_a_membership() -> None:
    assert has(None, on(START)) == (False, False)


@given(DATES)
def test_what_is_paid_ends_at_the_stores_midnight(start: date) -> None:
    membership = begun(day=start)
    cancelled = rules.cancelled(membership, "", on(start))
    last, over = just_before(membership.period_end), as_begins(membership.period_end)
    for found in (membership, cancelled):
        assert has(found, Now(last.moment, ZONE)) == (True, True)
        assert not rules.paid(found, over)
    assert not rules.entitled(cancelled, over)
    assert cancelled.access_until == over.moment


@pytest.mark.parametrize(
    ("day", "utc_hour"),
    [(date(2026, 2, 8), 6), (date(2026, 2, 9), 5), (date(2026, 10, 1), 5), (date(2026, 10, 2), 6)],
)
def test_midnight_over_the_changes_of_daylight_time(day: date, utc_hour: int) -> None:
    cancelled = rules.cancelled(begun(day=day), "", on(day))
    until = cancelled.access_until
    assert until is not None
    end = as_begins(cancelled.period_end).moment
    assert (until, end.hour) == (end, utc_hour)
    assert has(cancelled, Now(end - SECOND, ZONE)) == (True, True)
    assert has(cancelled, Now(end, ZONE)) == (False, False)


# --- cancelling


def test_who_cancels_keeps_what_is_paid() -> None:
    found = rules.cancelled(begun(), "too dear", on(START + 3 * DAY))
    assert (found.status, found.cancel_date, found.cancel_reason) == (CANCELLED, START + 3 * DAY, "too dear")
    assert (found.access_until, found.ended_at) == (as_begins(END).moment, on(START + 3 * DAY).moment)
    assert found.due_on == END


@pytest.mark.parametrize("status", ["active", "past_due"])
@pytest.mark.parametrize("late", [0, 1, 5])
def test_who_cancels_what_is_not_paid_has_nothing_any_more(status: str, late: int) -> None:
    now = on(END + late * DAY)
    found = rules.cancelled(in_status(status), "", now)
    assert (found.access_until, found.due_on) == (now.moment, now.day)
    assert has(found, now) == (False, False)


def test_at_the_very_midnight_nothing_is_left_to_keep() -> None:
    now = as_begins(END)
    assert rules.cancelled(begun(), "", now).access_until == now.moment
    assert not rules.entitled(rules.cancelled(begun(), "", now), now)


def test_a_cancelled_one_lapses_when_its_days_are_over() -> None:
    found = rules.lapsed(in_status(CANCELLED), as_begins(END))
    assert (found.status, found.due_on, found.ended_at) == (EXPIRED, None, on(START).moment)
    assert has(found, as_begins(END)) == (False, False)
