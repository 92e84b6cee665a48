"""Ids that sort by time and cannot be guessed."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from shared.platform.ids import Ids
from tests.factories.clock import TestClock


def test_an_id_is_a_prefix_and_26_characters_that_are_not_confused() -> None:
    assert re.fullmatch(r"av_[0-9A-HJKMNP-TV-Z]{26}", Ids(TestClock()).new("av"))


def test_ids_of_one_moment_differ() -> None:
    ids = Ids(TestClock())
    assert len({ids.new("evt") for _ in range(1000)}) == 1000


def test_later_ids_sort_later() -> None:
    clock = TestClock()
    ids, made = Ids(clock), []
    for _ in range(50):
        made.append(ids.new("evt"))
        clock.advance(milliseconds=1)
    assert made == sorted(made)


def test_time_and_entropy_are_all_there_is() -> None:
    clock = TestClock()
    assert Ids(clock, bytes).new("x") == Ids(clock, bytes).new("x")
    assert Ids(clock, bytes).new("x").endswith("0" * 16)
    assert Ids(clock, lambda n: b"\xff" * n).new("x").endswith("Z" * 16)


@given(st.binary(min_size=4, max_size=4))
def test_jitter_is_at_least_0_and_below_1(entropy: bytes) -> None:
    assert 0 <= Ids(TestClock(), lambda n: entropy).jitter() < 1
