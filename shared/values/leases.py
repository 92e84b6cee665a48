"""Times that somebody has set by a clock of their own: whether they still count by ours.

Clocks of instances differ by milliseconds: what one has just set may be ahead of another's now. The local stack's clock
is moved back by days: what is farther ahead than that was set before, and counts no more.
"""

from __future__ import annotations

from datetime import datetime, timedelta

# Far more than clocks differ by, far less than anybody moves one.
SKEW = timedelta(minutes=1)


def ahead(end: datetime, longest: timedelta, now: datetime) -> bool:
    """Whether `end`, which was set for so long at most, is still to come."""
    return now < end <= now + longest + SKEW


def younger(moment: datetime, length: timedelta, now: datetime) -> bool:
    """Whether `moment`, which was somebody's now, is less than `length` ago."""
    return -SKEW <= now - moment < length
