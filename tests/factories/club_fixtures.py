"""Fixtures of a club and its gateway, for the folders whose conftest names them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.simulators.authorizenet_control import GatewayControl
from tests.factories.clock_file import ClockFile
from tests.factories.club import TOPICS, Club
from tests.factories.shop import clock_file


@pytest.fixture
def topics() -> list[str]:
    return TOPICS


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[GatewayControl, ClockFile]]:
    """One process for all tests of a worker; each club starts over with an empty gateway."""
    folder = tmp_path_factory.mktemp("gateway")
    clock = clock_file(folder)
    with GatewayControl(folder, clock_file=str(clock.path)) as gateway:
        yield gateway, clock


@pytest.fixture
def club(running: tuple[GatewayControl, ClockFile], project: str) -> Club:
    gateway, clock = running
    gateway.clear_traps()
    return Club(project, gateway, clock)
