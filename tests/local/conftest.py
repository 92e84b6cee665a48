"""A Square simulator for a module, as new for each test. Its clock is a minute past the end of its data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from local.control import move_clock
from local.environment import State
from local.simulators.process import Simulator
from local.simulators.square_shop import TOKEN
from tests.local.square_client import UNTIL, Client

SIZE = {"payments": 420, "customers": 130, "items": 130, "days": 60, "seed": 1}
NOW = datetime.fromisoformat(UNTIL) + timedelta(minutes=1)
MoveClock = Callable[[timedelta], None]


@pytest.fixture(scope="module")
def square_state(tmp_path_factory: pytest.TempPathFactory) -> State:
    return State(tmp_path_factory.mktemp("square"))


@pytest.fixture(scope="module")
def square_process(square_state: State) -> Iterator[Simulator]:
    move_clock(square_state, NOW)
    clock_file = str(square_state.clock_file)
    with Simulator("square", square_state.folder, clock_file=clock_file, until=UNTIL, **SIZE) as running:
        yield running


@pytest.fixture
def square(square_process: Simulator, square_state: State) -> Simulator:
    move_clock(square_state, NOW)
    square_process.clear_traps()
    square_process.token(TOKEN)
    square_process.send_webhooks_to("", "")
    square_process.seed(until=UNTIL, **SIZE)
    square_process.reset_requests()
    return square_process


@pytest.fixture
def client(square: Simulator) -> Client:
    return Client(square)


@pytest.fixture
def advance(square_state: State) -> MoveClock:
    """`advance(timedelta(minutes=16))` from NOW."""
    return lambda length: move_clock(square_state, NOW + length)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "simulator"
