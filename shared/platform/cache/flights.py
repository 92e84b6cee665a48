"""Single flight within a process: one caller of a key works, those who come meanwhile get the same outcome."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Outcome = TypeVar("Outcome")


class Flights(Generic[Outcome]):
    """Work under way, by key."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._flying: dict[str, Future[Outcome]] = {}

    def run(self, key: str, work: Callable[[], Outcome]) -> tuple[Outcome, bool]:
        """The outcome, and whether it was another caller's. A failure is everybody's too."""
        with self._guard:
            flight = self._flying.get(key)
            joined = flight is not None
            if flight is None:
                flight = self._flying[key] = Future()
        if not joined:
            self._fly(key, flight, work)
        return flight.result(), joined

    def _fly(self, key: str, flight: Future[Outcome], work: Callable[[], Outcome]) -> None:
        try:
            outcome = work()
        except BaseException as error:  # noqa: BLE001 - who waits must hear of any end
            self._land(key)
            flight.set_exception(error)
        else:
            self._land(key)
            flight.set_result(outcome)

    def _land(self, key: str) -> None:
        with self._guard:
            del self._flying[key]
