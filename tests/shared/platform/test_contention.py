"""Deciding again after a lost race."""

from __future__ import annotations

from itertools import pairwise

import pytest

from shared.platform.contention import LONGEST_PAUSE_SECONDS, TRIES, until_unchanged
from shared.platform.errors import ChangedMeanwhile, Contended, Unavailable
from shared.platform.ids import Ids
from tests.factories.stepping_clock import SteppingClock


def test_who_is_never_the_fastest_is_told_so_in_the_end() -> None:
    clock, tries = SteppingClock(), []

    def decide() -> None:
        tries.append(clock.now())
        raise ChangedMeanwhile("Aborted")

    with pytest.raises(Contended) as refused:
        until_unchanged(decide, clock, Ids(clock, lambda n: b"\xff" * n))
    pauses = [(later - earlier).total_seconds() for earlier, later in pairwise(tries)]
    assert len(tries) == TRIES
    assert pauses == sorted(pauses)
    assert max(pauses) <= LONGEST_PAUSE_SECONDS
    assert (refused.value.status, refused.value.code) == (503, "temporarily_unavailable")


@pytest.mark.parametrize("error", [Unavailable("Later."), ValueError("a bug")])
def test_other_failures_are_not_tried_again(error: Exception) -> None:
    clock, tries = SteppingClock(), []

    def decide() -> None:
        tries.append(1)
        raise error

    with pytest.raises(type(error)):
        until_unchanged(decide, clock, Ids(clock))
    assert len(tries) == 1
