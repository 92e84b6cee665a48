"""One lock per key, and no lock that nobody uses."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.platform.locks import KeyedLocks


def test_holders_of_one_key_take_turns() -> None:
    locks, inside, most = KeyedLocks(), [0], [0]
    start = threading.Barrier(8)

    def work(_: int) -> None:
        start.wait()
        for _ in range(50):
            with locks.hold("k"):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert most == [1]


def test_holders_of_other_keys_do_not_wait() -> None:
    locks = KeyedLocks()
    with locks.hold("a"), ThreadPoolExecutor(1) as pool:

        def other() -> bool:
            with locks.hold("b"):
                return True

        assert pool.submit(other).result(timeout=10)


def test_a_lock_goes_with_its_last_user() -> None:
    locks = KeyedLocks()
    for key in range(1000):
        with locks.hold(str(key)):
            pass
    assert locks._locks == {}


def test_an_error_inside_frees_the_key() -> None:
    locks = KeyedLocks()
    with pytest.raises(ValueError, match="inside"), locks.hold("k"):
        raise ValueError("inside")
    with locks.hold("k"):
        pass
    assert locks._locks == {}
