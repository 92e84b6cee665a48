"""Fixtures of a shop with raffles, for the folders whose conftest names them."""

from __future__ import annotations

import pytest

from local.simulators.authorizenet_control import GatewayControl
from tests.factories.clock_file import ClockFile
from tests.factories.club_fixtures import running
from tests.factories.raffles import RAFFLE_TOPICS, Tombola

__all__ = ["running", "tombola", "topics"]


@pytest.fixture
def topics() -> list[str]:
    return RAFFLE_TOPICS


@pytest.fixture
def tombola(running: tuple[GatewayControl, ClockFile], project: str) -> Tombola:
    gateway, clock = running
    gateway.clear_traps()
    return Tombola(project, gateway, clock, DRAW_ENTROPY="local")
