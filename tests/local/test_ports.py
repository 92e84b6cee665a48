"""Two processes that look for a port at the same time, and a connection that takes one meanwhile."""

from __future__ import annotations

import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local import ports
from local.ports import HOST, REMEMBERED, free_port

ROOT = Path(__file__).parents[2]
# Few to choose from; each process holds what it was given until it has been told to end.
PROGRAM = """
import sys
from local import ports
ports.RANGE = range(int(sys.argv[1]), int(sys.argv[1]) + 100)
print(*(ports.free_port() for _ in range(20)), flush=True)
sys.stdin.read()
"""


def test_no_port_is_given_to_two_processes() -> None:
    command = [sys.executable, "-c", PROGRAM, str(free_port())]
    pipe = subprocess.PIPE
    started = [subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) for _ in range(4)]
    given = [one.stdout.readline().split() for one in started if one.stdout]
    for one in started:
        one.communicate("")
    assert [len(ports) for ports in given] == [20] * 4
    assert len({port for ports in given for port in ports}) == 80


def test_nor_to_two_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "RANGE", range(32_000, 32_200))
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: free_port(), range(REMEMBERED)))
    assert len(set(given)) == REMEMBERED


def test_those_beside_it_are_free_too() -> None:
    for _ in range(20):
        port = free_port(beside=1)
        for one in (port, port + 1):
            with socket.create_server((HOST, one)):
                pass


def test_one_that_somebody_listens_on_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = free_port(beside=2)
    monkeypatch.setattr(ports, "RANGE", range(taken - 1, taken + 3))
    while ports._held:
        ports._held.popleft().close()
    with socket.create_server((HOST, taken)), socket.create_server((HOST, taken + 2)):
        assert free_port() not in (taken, taken + 2)
