from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.simulators.process import Simulator
from tests.factories.clock_file import ClockFile
from tests.factories.shop import TOPICS, Shop, clock_file, reseeded, square_simulator


@pytest.fixture
def topics() -> list[str]:
    return [*TOPICS, "cache-refresh"]


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Simulator, ClockFile]]:
    """One process for all tests of a worker; each starts over with its data."""
    folder = tmp_path_factory.mktemp("square")
    clock = clock_file(folder)
    with square_simulator(folder, clock) as square:
        yield square, clock


@pytest.fixture
def shop(running: tuple[Simulator, ClockFile], project: str) -> Shop:
    square, clock = running
    reseeded(square)
    return Shop(project, square, clock)
