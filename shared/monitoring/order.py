"""In which order an alert's notices reach a channel, and which of them need not any more. Pure.

Only the newest is worth sending: what it replaces was not delivered in time, and is said to be missing. Nothing older
than what a channel has had is ever sent to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.monitoring.notices import Notice

PENDING, DELIVERED, REFUSED, SUPERSEDED, SKIPPED = "pending", "delivered", "refused", "superseded", "skipped"
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=10)
# Whatever the channel asks for.
FURTHEST = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Reached:
    """How far a channel is with an alert. `last`: the place of the newest notice that is settled.

    `open`: that it is raised may have reached it, and that it is over has not.
    """

    last_at: datetime | None = None
    last_id: str = ""
    open: bool = False
    missed: int = 0
    missed_since: datetime | None = None

    def before(self, notice: Notice) -> bool:
        return self.last_at is None or (self.last_at, self.last_id) < notice.place

    def settled(self, notice: Notice, *, delivered: bool) -> Reached:
        """Once a notice was delivered, or never will be."""
        here = replace(self, last_at=notice.at, last_id=notice.event_id)
        if not delivered:
            return here.missing(notice)
        return replace(here, open=notice.opens, missed=0, missed_since=None)

    def missing(self, notice: Notice) -> Reached:
        return replace(self, missed=self.missed + 1, missed_since=self.missed_since or notice.at)


@dataclass(frozen=True)
class Plan:
    """What becomes of the notices that wait for a channel: `send` one, the others are settled with their reasons."""

    send: Notice | None
    settled: dict[str, tuple[str, str]]
    reached: Reached


def plan(waiting: Sequence[Notice], reached: Reached, *, closes: bool) -> Plan:
    """`closes`: the channel takes the end of an alert only when it may have had its beginning."""
    settled: dict[str, tuple[str, str]] = {}
    ordered = sorted(waiting, key=lambda notice: notice.place)
    fresh = [notice for notice in ordered if reached.before(notice)]
    for notice in ordered:
        if notice not in fresh:
            settled[notice.event_id] = SUPERSEDED, f"by {reached.last_id}, which came first"
    if not fresh:
        return Plan(None, settled, reached)
    newest = fresh.pop()
    for notice in fresh:
        settled[notice.event_id] = SUPERSEDED, f"by {newest.event_id}"
        reached = reached.missing(notice)
    if closes and not newest.opens and not reached.open:
        settled[newest.event_id] = SKIPPED, "nothing was raised here"
        return Plan(None, settled, reached.settled(newest, delivered=True))
    return Plan(replace(newest, missed=reached.missed, missed_since=reached.missed_since), settled, reached)


def pause(tries: int, asked: timedelta = timedelta()) -> timedelta:
    """After so many tries, the first of them included; longer when the channel `asked` for it, but not for ever."""
    doubled: timedelta = FIRST_PAUSE * 2 ** min(tries - 1, 10)
    return min(FURTHEST, max(asked, min(LONGEST_PAUSE, doubled)))
