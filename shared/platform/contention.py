"""What to do when somebody else was faster: decide again, from what is there now."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from shared.platform.clock import Clock
from shared.platform.errors import RETRY_SENTENCE, ChangedMeanwhile, Contended
from shared.platform.ids import Ids

TRIES = 25
LONGEST_PAUSE_SECONDS = 0.25
Decided = TypeVar("Decided")


def until_unchanged(decide: Callable[[], Decided], clock: Clock, ids: Ids) -> Decided:
    """Read, decide, commit; from the start again while somebody else was faster. Raises `Contended` at the end.

    `decide` may run many times: it must take its reads anew each time, and do nothing but Firestore before its commit.
    """
    for attempt in range(TRIES):
        try:
            return decide()
        except ChangedMeanwhile:
            clock.sleep(min(LONGEST_PAUSE_SECONDS, 0.005 * 2**attempt) * ids.jitter())
    raise Contended(RETRY_SENTENCE, headers={"Retry-After": "1"})
