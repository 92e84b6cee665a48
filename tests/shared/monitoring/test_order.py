"""What is sent of the notices that wait: the newest, and nothing older than what the channel has had."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.monitoring.notices import Notice
from shared.monitoring.order import SKIPPED, SUPERSEDED, Reached, pause, plan
from tests.factories.alerts import notice
from tests.factories.events import AT

HOUR = timedelta(hours=1)


def at(hours: int, kind: str = "raised") -> Notice:
    return notice(kind, at=AT + hours * HOUR, event_id=f"evt_{hours}")


def reached(hours: int, *, opened: bool = True) -> Reached:
    return Reached(last_at=AT + hours * HOUR, last_id=f"evt_{hours}", open=opened)


@pytest.mark.parametrize(
    ("waiting", "before", "closes", "sent", "settled"),
    [
        ([], Reached(), True, None, {}),
        ([at(1)], Reached(), True, "evt_1", {}),
        ([at(2, "resolved")], reached(1), True, "evt_2", {}),
        # In whatever order they are found, the newest goes out.
        ([at(3, "reminded"), at(1)], Reached(), True, "evt_3", {"evt_1": SUPERSEDED}),
        ([at(1), at(2, "resolved")], Reached(), False, "evt_2", {"evt_1": SUPERSEDED}),
        # Where nothing was raised there is nothing to close.
        ([at(1), at(2, "resolved")], Reached(), True, None, {"evt_1": SUPERSEDED, "evt_2": SKIPPED}),
        ([at(2, "resolved")], reached(1, opened=False), True, None, {"evt_2": SKIPPED}),
        # It may have been raised: an answer that was lost.
        ([at(1), at(2, "resolved")], Reached(open=True), True, "evt_2", {"evt_1": SUPERSEDED}),
        # Raised again before anybody could be told that it was over: the incident goes on.
        ([at(2, "resolved"), at(3)], reached(1), True, "evt_3", {"evt_2": SUPERSEDED}),
        # It comes after what came after it.
        ([at(1)], reached(2, opened=False), False, None, {"evt_1": SUPERSEDED}),
        ([at(1), at(3)], reached(2), True, "evt_3", {"evt_1": SUPERSEDED}),
    ],
)
def test_plan(
    waiting: Sequence[Notice], before: Reached, closes: bool, sent: str | None, settled: dict[str, str]
) -> None:
    planned = plan(waiting, before, closes=closes)
    assert (planned.send.event_id if planned.send else None) == sent
    assert {event_id: state for event_id, (state, _) in planned.settled.items()} == settled


def test_what_was_missed_is_said_once() -> None:
    planned = plan([at(1), at(2, "reminded"), at(3, "resolved")], Reached(), closes=False)
    assert planned.send is not None
    assert (planned.send.missed, planned.send.missed_since) == (2, AT + HOUR)
    assert planned.send.remark == (
        "2 earlier messages of this alert could not be delivered; the first was of 2026-07-01 18:00 UTC."
    )
    after = planned.reached.settled(planned.send, delivered=True)
    assert (after.missed, after.missed_since, after.open) == (0, None, False)


def test_what_is_refused_is_missed() -> None:
    after = Reached().settled(at(1), delivered=False)
    planned = plan([at(2, "reminded")], after, closes=False)
    assert planned.send is not None
    assert planned.send.remark == (
        "An earlier message of this alert could not be delivered; it was of 2026-07-01 18:00 UTC."
    )


@given(
    kinds=st.lists(st.sampled_from(["raised", "reminded", "resolved"]), min_size=1, max_size=6),
    order=st.randoms(use_true_random=False),
    fails=st.lists(st.booleans(), max_size=12),
    closes=st.booleans(),
)
def test_whatever_the_order_and_the_failures(kinds: list[str], order: object, fails: list[bool], closes: bool) -> None:
    """Never backwards, nothing twice, and everything ends: sent, or settled with a reason."""
    notices = [at(hours, kind) for hours, kind in enumerate(kinds)]
    arriving = list(notices)
    order.shuffle(arriving)  # type: ignore[attr-defined]
    waiting: dict[str, Notice] = {}
    state, sent, settled = Reached(), list[Notice](), set[str]()
    while arriving or waiting:
        if arriving:
            one = arriving.pop()
            waiting[one.event_id] = one
        planned = plan(list(waiting.values()), state, closes=closes)
        state = planned.reached
        for event_id in planned.settled:
            settled.add(waiting.pop(event_id).event_id)
        if planned.send and not (fails.pop() if fails else False):
            sent.append(waiting.pop(planned.send.event_id))
            state = state.settled(planned.send, delivered=True)
    assert [one.place for one in sent] == sorted(one.place for one in sent)
    assert {one.event_id for one in sent} | settled == {one.event_id for one in notices}
    assert not {one.event_id for one in sent} & settled
    if not closes:
        assert sent[-1] is notices[-1]


def test_pauses_grow_to_ten_minutes_or_to_what_was_asked_for() -> None:
    assert [pause(tries).total_seconds() for tries in (1, 2, 3, 4, 5, 6, 1000)] == [30, 60, 120, 240, 480, 600, 600]
    assert pause(1, timedelta(minutes=15)) == timedelta(minutes=15)
    assert pause(1, timedelta(days=3)) == HOUR
