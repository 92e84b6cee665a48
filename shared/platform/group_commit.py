"""Many callers, one document: whoever comes while a commit is under way goes with the next one, all together.

A document takes few writes a second, however many callers there are: in groups, each write does the work of all that
wait. Nobody waits for a timer: a caller alone commits at once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

log = logging.getLogger(__name__)
Work = TypeVar("Work")
Result = TypeVar("Result")


# The result or the failure of each work; and what is still to be done that nobody needs to wait for.
Committed = tuple[Sequence[Result | Exception], Callable[[], None]]


class GroupCommits(Generic[Work, Result]):
    """`commit(key, works)` commits them together; what it raises is everybody's failure."""

    def __init__(self, commit: Callable[[str, Sequence[Work]], Committed[Result]], most: int) -> None:
        self._commit = commit
        self._most = most
        self._guard = threading.Lock()
        # Of each key that is being committed: those who wait for the next commit.
        self._waiting: dict[str, list[_Turn[Work, Result]]] = {}

    def run(self, key: str, work: Work) -> Result:
        """The result of this work, committed with others'. Raises its failure."""
        turn = _Turn[Work, Result](work)
        with self._guard:
            waiting = self._waiting.get(key)
            if waiting is None:
                self._waiting[key] = []
            else:
                waiting.append(turn)
        if waiting is not None:
            turn.called.wait()
        if turn.outcome is None:
            self._lead(key, turn)
        outcome = turn.outcome
        if isinstance(outcome, BaseException):
            raise outcome
        assert outcome is not None  # noqa: S101 - one of the two was set
        return outcome[0]

    def _lead(self, key: str, turn: _Turn[Work, Result]) -> None:
        """Commit for oneself and for who waits, then let the first of those who came meanwhile do the same."""
        with self._guard:
            waiting = self._waiting[key]
            group = [turn, *waiting[: self._most - 1]]
            del waiting[: self._most - 1]
        afterwards: Callable[[], None] | None = None
        try:
            results, afterwards = self._commit(key, [one.work for one in group])
            self._settle(group, results)
        except BaseException as error:  # noqa: BLE001 - it is raised again for each of the group
            self._settle(group, [error] * len(group))
        finally:
            self._hand_over(key)
            for one in group[1:]:
                one.called.set()
        if afterwards is not None:
            self._tried(afterwards)

    @staticmethod
    def _tried(afterwards: Callable[[], None]) -> None:
        """Failure policy: the leader's work is committed like the others', and is not told to have failed."""
        try:
            afterwards()
        except Exception:
            log.exception("after_commit_failed")

    def _hand_over(self, key: str) -> None:
        with self._guard:
            waiting = self._waiting[key]
            if waiting:
                waiting.pop(0).called.set()
            else:
                del self._waiting[key]

    @staticmethod
    def _settle(group: Sequence[_Turn[Work, Result]], results: Sequence[Result | BaseException]) -> None:
        for one, result in zip(group, results, strict=True):
            one.outcome = result if isinstance(result, BaseException) else (result,)


class _Turn(Generic[Work, Result]):
    """One caller. `called`: its outcome is there, or it is to lead the next group."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.called = threading.Event()
        self.outcome: tuple[Result] | BaseException | None = None
