"""When a value may be served, and when a failed load is tried again. No store."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.platform.cache import rules
from shared.platform.cache.models import Head, View
from shared.platform.cache.rules import Verdict
from tests.factories.clock import TestClock

NOW = TestClock().at
VIEW = View(name="v", load=lambda platform, params: b"{}")
HEAD = Head(view="v", etag="e", loaded_at=NOW, checked_at=NOW, version="1")
MICROSECOND = timedelta(microseconds=1)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


@pytest.mark.parametrize(
    ("age", "verdict"),
    [
        (seconds(0), Verdict.FRESH),
        (seconds(30), Verdict.FRESH),
        (seconds(30) + MICROSECOND, Verdict.STALE),
        (seconds(90), Verdict.STALE),
        (seconds(90) + MICROSECOND, Verdict.OLD),
        (timedelta(days=3000), Verdict.OLD),
        # The clocks of two instances differ a little.
        (seconds(-2), Verdict.FRESH),
        (seconds(-30), Verdict.FRESH),
        # The clock was moved back.
        (seconds(-30) - MICROSECOND, Verdict.OLD),
        (timedelta(days=-365), Verdict.OLD),
    ],
)
def test_a_value_is_judged_by_its_age(age: timedelta, verdict: Verdict) -> None:
    assert rules.judge(HEAD, VIEW, NOW + age) is verdict
    wide = replace_view(fresh_for=VIEW.fresh_for * 10, stale_for=VIEW.stale_for * 10)
    assert rules.judge(HEAD, wide, NOW + age * 10) is verdict


def replace_view(**changes: Any) -> View:
    return View(**{"name": "v", "load": VIEW.load, **changes})


def test_nothing_stale_where_stale_for_is_nothing() -> None:
    never_stale = replace_view(stale_for=timedelta())
    assert rules.judge(HEAD, never_stale, NOW + seconds(30)) is Verdict.FRESH
    assert rules.judge(HEAD, never_stale, NOW + seconds(30) + MICROSECOND) is Verdict.OLD


@pytest.mark.parametrize("head", [None, replace(HEAD, etag=""), replace(HEAD, checked_at=None), Head(view="v")])
def test_without_a_value_there_is_none(head: Head | None) -> None:
    assert rules.judge(head, VIEW, NOW) is Verdict.ABSENT
    assert not rules.still_right(replace(HEAD, etag="") if head else None, "1")


@given(age=st.timedeltas(seconds(-40), seconds(200)))
def test_an_invalid_value_is_old_at_any_age(age: timedelta) -> None:
    invalid = replace(HEAD, invalid=True)
    assert rules.judge(invalid, VIEW, NOW + age) is Verdict.OLD
    assert not rules.still_right(invalid, "1")


@pytest.mark.parametrize(
    ("made_from", "version", "right"),
    [("1", "1", True), ("1", "2", False), ("1", None, False), (None, None, False), (None, "1", False), ("", "", True)],
)
def test_a_value_is_right_as_long_as_the_data_is_known_to_be_the_same(
    made_from: str | None, version: str | None, right: bool
) -> None:
    assert rules.still_right(replace(HEAD, version=made_from), version) is right


@pytest.mark.parametrize(
    ("failures", "rest"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (6, 60), (11, 60), (10**9, 60)]
)
def test_the_source_is_left_alone_for_longer_each_time(failures: int, rest: int) -> None:
    assert rules.rest_after(failures) == seconds(rest)


def test_a_rest_and_a_lease_end() -> None:
    resting, leased = replace(HEAD, retry_at=NOW + seconds(5)), replace(HEAD, lease_until=NOW + seconds(12))
    assert rules.resting(resting, NOW)
    assert rules.resting(resting, NOW + seconds(5) - MICROSECOND)
    assert not rules.resting(resting, NOW + seconds(5))
    assert rules.leased(leased, NOW)
    assert rules.leased(leased, NOW + seconds(12) - MICROSECOND)
    assert not rules.leased(leased, NOW + seconds(12))
    assert not any(
        (rules.resting(None, NOW), rules.leased(None, NOW), rules.resting(HEAD, NOW), rules.leased(HEAD, NOW))
    )


def test_without_a_value_nobody_rests() -> None:
    """Who has nothing to be served meanwhile is tried for at once."""
    assert not rules.resting(Head(view="v", retry_at=NOW + seconds(5)), NOW)


def test_a_clock_that_was_moved_back_leaves_no_rest_and_no_lease_of_hours() -> None:
    back = NOW - timedelta(hours=3)
    assert not rules.resting(replace(HEAD, retry_at=NOW + seconds(5)), back)
    assert not rules.leased(replace(HEAD, lease_until=NOW + seconds(12)), back)


def test_an_age_is_in_whole_seconds_and_never_negative() -> None:
    assert [rules.age_seconds(HEAD, NOW + seconds(s)) for s in (-5, 0, 0.999, 1, 90.5)] == [0, 0, 0, 1, 90]
    assert rules.age_seconds(Head(view="v"), NOW) == 0


TEXTS = st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4)


@given(one=TEXTS, other=TEXTS)
def test_each_set_of_parameters_has_a_key_of_its_own(one: dict[str, str], other: dict[str, str]) -> None:
    assert (rules.key_of(VIEW, one) == rules.key_of(VIEW, other)) is (one == other)
    assert rules.key_of(VIEW, one) == rules.key_of(VIEW, dict(reversed(one.items())))
    assert rules.key_of(VIEW, one) != rules.key_of(replace_view(name="w"), one)
    # A name that Firestore takes.
    assert rules.key_of(VIEW, one).isascii()
    assert "/" not in rules.key_of(VIEW, one)
