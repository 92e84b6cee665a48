"""An alert's life: raised once, reminded of every four hours, over when it has been well for a while."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from shared.monitoring.models import AlertState, Transition, Verdict
from shared.monitoring.rules import live

FAILS, HOLDS, QUIET, UNSEEN = Verdict.FAILS, Verdict.HOLDS, Verdict.QUIET, Verdict.UNSEEN
RAISED, REMINDED, RESOLVED = Transition.RAISED, Transition.REMINDED, Transition.RESOLVED
BEGIN = datetime(2026, 7, 1, 17, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def told(*checks: tuple[float, Verdict]) -> list[tuple[float, Transition]]:
    """What is told at checks so many minutes after the beginning."""
    state, found = AlertState(), []
    for minutes, verdict in checks:
        state, transition = live(state, verdict, BEGIN + minutes * MINUTE)
        if transition:
            found.append((minutes, transition))
    return found


@pytest.mark.parametrize(
    ("checks", "expected"),
    [
        ([(0, HOLDS), (15, QUIET), (30, UNSEEN)], []),
        ([(0, FAILS), (15, FAILS), (30, FAILS)], [(0, RAISED)]),
        # Four hours exactly, and not before.
        ([(0, FAILS), (239.99, FAILS), (240, FAILS)], [(0, RAISED), (240, REMINDED)]),
        ([(0, FAILS), (250, FAILS), (480, FAILS), (490, FAILS)], [(0, RAISED), (250, REMINDED), (490, REMINDED)]),
        # What does not fail is not reminded of.
        ([(0, FAILS), (240, UNSEEN), (241, QUIET), (242, FAILS)], [(0, RAISED), (242, REMINDED)]),
        ([(0, FAILS), (15, HOLDS), (44.99, HOLDS), (45, HOLDS)], [(0, RAISED), (45, RESOLVED)]),
        # It flaps: told once.
        ([(m, FAILS if m % 30 == 0 else HOLDS) for m in range(0, 225, 15)], [(0, RAISED)]),
        # Well, then too little to say, then well: nothing has failed for half an hour.
        ([(0, FAILS), (15, HOLDS), (30, QUIET), (45, HOLDS)], [(0, RAISED), (45, RESOLVED)]),
        ([(0, FAILS), (15, HOLDS), (45, QUIET), (60, UNSEEN)], [(0, RAISED)]),
        # Too little to say, for a day.
        ([(0, FAILS), (15, QUIET), (1454.99, QUIET), (1455, QUIET)], [(0, RAISED), (1455, RESOLVED)]),
        ([(0, FAILS), (15, QUIET), (1440, FAILS), (1455, QUIET)], [(0, RAISED), (1440, REMINDED)]),
        ([(0, FAILS), (15, QUIET), (700, HOLDS), (1455, QUIET)], [(0, RAISED)]),
        # Nobody could look, for days.
        ([(0, FAILS), *((m, UNSEEN) for m in range(15, 6000, 15))], [(0, RAISED)]),
        # Over, and again.
        (
            [(0, FAILS), (15, HOLDS), (45, HOLDS), (60, FAILS), (75, HOLDS), (105, HOLDS)],
            [(0, RAISED), (45, RESOLVED), (60, RAISED), (105, RESOLVED)],
        ),
        # The clock was moved back by a day: it is neither over at once nor stuck.
        ([(1440, FAILS), (0, HOLDS), (30, HOLDS)], [(1440, RAISED), (30, RESOLVED)]),
        ([(1440, FAILS), (1455, HOLDS), (0, HOLDS), (30, HOLDS)], [(1440, RAISED), (30, RESOLVED)]),
        ([(1440, FAILS), (0, FAILS), (240, FAILS)], [(1440, RAISED), (240, REMINDED)]),
    ],
)
def test_life(checks: list[tuple[float, Verdict]], expected: list[tuple[float, Transition]]) -> None:
    assert told(*checks) == expected


class Life(RuleBasedStateMachine):
    """Beside a model that keeps every check and looks back over them."""

    def __init__(self) -> None:
        super().__init__()
        self.state = AlertState()
        self.now = BEGIN
        self.checks: list[tuple[datetime, Verdict]] = []
        self.told: list[tuple[datetime, Transition]] = []

    @rule(minutes=st.sampled_from([1, 15, 15, 30, 120, 240, 1440]), verdict=st.sampled_from(Verdict))
    def check(self, minutes: int, verdict: Verdict) -> None:
        self.now += minutes * MINUTE
        self.checks.append((self.now, verdict))
        self.state, transition = live(self.state, verdict, self.now)
        assert transition is self.expected()
        if transition:
            self.told.append((self.now, transition))

    def expected(self) -> Transition | None:
        verdict = self.checks[-1][1]
        raised = bool(self.told) and self.told[-1][1] is not RESOLVED
        if not raised:
            return RAISED if verdict is FAILS else None
        if verdict is FAILS:
            return REMINDED if self.now - self.told[-1][0] >= timedelta(hours=4) else None
        last_failure = max(at for at, one in self.checks if one is FAILS)
        since = [(at, one) for at, one in self.checks if at > last_failure]
        if verdict is HOLDS:
            first = min(at for at, one in since if one is HOLDS)
            return RESOLVED if self.now - first >= timedelta(minutes=30) else None
        if verdict is QUIET:
            last_good = max((at for at, one in since if one is HOLDS), default=last_failure)
            first = min(at for at, one in since if one is QUIET and at > last_good)
            return RESOLVED if self.now - first >= timedelta(hours=24) else None
        return None

    @invariant()
    def raised_and_resolved_take_turns(self) -> None:
        turns = [transition for _, transition in self.told if transition is not REMINDED]
        assert turns == [RAISED, RESOLVED] * (len(turns) // 2) + [RAISED] * (len(turns) % 2)

    @invariant()
    def nothing_is_told_more_often_than_it_may(self) -> None:
        for (before, _), (after, transition) in zip(self.told, self.told[1:], strict=False):
            if transition is REMINDED:
                assert after - before >= timedelta(hours=4)
            if transition is RESOLVED:
                assert after - before >= timedelta(minutes=30)

    @invariant()
    def the_state_counts_what_was_told(self) -> None:
        begin = max((n for n, (_, transition) in enumerate(self.told) if transition is RAISED), default=0)
        assert self.state.told == len(self.told[begin:])
        assert self.state.open is (bool(self.told) and self.told[-1][1] is not RESOLVED)


Life.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
test_life_beside_its_model = Life.TestCase
