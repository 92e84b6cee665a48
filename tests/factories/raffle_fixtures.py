"""Fixtures of a shop with raffles, for the folders whose conftest names them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from local.simulators.authorizenet_control import GatewayControl
from shared.runtime import instance
from tests.factories.clock_file import ClockFile
from tests.factories.club_fixtures import running
from tests.factories.raffles import RAFFLE_TOPICS, Tombola

__all__ = ["Functions", "jobs", "running", "tombola", "topics"]

Functions = Callable[[str], FlaskClient]


@pytest.fixture
def topics() -> list[str]:
    return RAFFLE_TOPICS


@pytest.fixture
def tombola(running: tuple[GatewayControl, ClockFile], project: str) -> Tombola:
    gateway, clock = running
    gateway.clear_traps()
    return Tombola(project, gateway, clock, DRAW_ENTROPY="local")


@pytest.fixture
def jobs(tombola: Tombola, function: Functions, monkeypatch: pytest.MonkeyPatch) -> Functions:
    """Functions of the shop's project, through their functions-framework apps."""
    for name, value in tombola.variables.items():
        monkeypatch.setenv(name, value)
    instance.forget()
    return function
