"""A process that dies at a chosen commit to Firestore, inside this one: nothing after it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from google.cloud.firestore import WriteBatch


class Killed(BaseException):
    """No `except Exception` catches it, as nothing catches SIGKILL."""


class Commits:
    """`dies_at(n, act)`: whether `act` came as far as its commit n (from 0) and died, before it or right after it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._number = 0
        self._dies_at: int | None = None
        self._after = False
        commit = WriteBatch.commit

        def watched(batch: WriteBatch, *arguments: Any, **options: Any) -> Any:
            dies, self._number = self._number == self._dies_at, self._number + 1
            if dies and not self._after:
                raise Killed
            answer = commit(batch, *arguments, **options)
            if dies:
                raise Killed
            return answer

        monkeypatch.setattr(WriteBatch, "commit", watched)

    def dies_at(self, number: int, act: Callable[[], Any], *, after: bool) -> bool:
        self._number, self._dies_at, self._after = 0, number, after
        try:
            act()
        except Killed:
            return True
        finally:
            self._dies_at = None
        return False
