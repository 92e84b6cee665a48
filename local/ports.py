"""Ports for the servers that are started here: none is given to two of them, and none can be a connection's."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import socket
import tempfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path

HOST = "127.0.0.1"
# Below what systems give by themselves: outgoing connections take theirs from there, and one could take a port between
# the moment it was found free and the server's start, which is a second later.
RANGE = range(20_000, 32_000)
# A process that has asked for more has long started what it asked for first.
REMEMBERED = 64

_held: deque[contextlib.ExitStack] = deque()


def free_port(beside: int = 0) -> int:
    """A free one; the `beside` ports after it are free as well. No other process that asks gets any of them meanwhile.

    The system forgets who holds what when a process ends.
    """
    while True:
        first = random.choice(RANGE)
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            for port in range(first, first + beside + 1):
                held.enter_context(_alone(port))
                _try(port)
            _held.append(held.pop_all())
            if len(_held) > REMEMBERED:
                _held.popleft().close()
            return first


@contextlib.contextmanager
def _alone(port: int) -> Iterator[None]:
    """Raises OSError while another process, or this one, holds it."""
    folder = Path(tempfile.gettempdir()) / f"livhana-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    with (folder / str(port)).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _try(port: int) -> None:
    """Raises OSError where something listens."""
    with socket.socket() as probe:
        probe.bind((HOST, port))
