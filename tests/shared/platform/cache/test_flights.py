"""One caller works, those who come meanwhile get what comes of it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.platform.cache.flights import Flights
from shared.platform.cache.memory import ENTRIES, Memory
from shared.platform.cache.models import Head

CALLERS = 16


class Work:
    """Counts how often it is done, and takes until all callers are there and a moment more."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.done = 0
        self._error = error
        self.all_there = threading.Barrier(CALLERS)

    def __call__(self) -> int:
        self.done += 1
        threading.Event().wait(0.3)
        if self._error:
            raise self._error
        return self.done


def outcomes(flights: Flights[int], work: Work) -> list[tuple[int | BaseException, bool | None]]:
    def call(_: int) -> tuple[int | BaseException, bool | None]:
        work.all_there.wait()
        try:
            return flights.run("key", work)
        except BaseException as error:  # noqa: BLE001 - an outcome too
            return error, None

    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(call, range(CALLERS)))


def test_all_get_the_outcome_of_one() -> None:
    flights, work = Flights[int](), Work()
    found = outcomes(flights, work)
    assert sorted(found) == [(1, False)] + [(1, True)] * (CALLERS - 1)
    assert flights.run("key", lambda: 7) == (7, False)


@pytest.mark.parametrize("error", [ZeroDivisionError("a bug"), KeyboardInterrupt()])
def test_all_get_the_failure_of_one_and_the_next_works_anew(error: BaseException) -> None:
    flights, work = Flights[int](), Work(error)
    assert outcomes(flights, work) == [(error, None)] * CALLERS
    assert work.done == 1
    assert flights.run("key", lambda: 7) == (7, False)


def test_keys_do_not_wait_for_each_other() -> None:
    flights = Flights[int]()
    assert flights.run("a", lambda: flights.run("b", lambda: 2)[0] + 1) == (3, False)


def test_an_instance_remembers_what_was_used_last() -> None:
    memory = Memory()
    for number in range(ENTRIES):
        memory.keep(f"{number}", Head(view="v"), b"%d" % number)
    assert memory.get("0") == (Head(view="v"), b"0")
    memory.keep("one more", Head(view="v"), b"")
    assert memory.get("1") is None
    assert memory.get("0") == (Head(view="v"), b"0")
