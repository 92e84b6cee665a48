"""One Lightspeed simulator for all tests of its client; each test begins with the same data."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.simulators.process import Simulator
from shared.integrations.lightspeed import Lightspeed
from tests.factories.alert_fixtures import receiving, running_receivers
from tests.factories.lightspeed import begin_again, client_for, lightspeed_simulator, platform_for
from tests.factories.stepping_clock import SteppingClock

__all__ = ["receiving", "running_receivers"]


@pytest.fixture(scope="session")
def running_lightspeed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with lightspeed_simulator(tmp_path_factory.mktemp("lightspeed")) as simulator:
        yield simulator


@pytest.fixture
def shop(running_lightspeed: Simulator) -> Simulator:
    return begin_again(running_lightspeed)


@pytest.fixture
def client(shop: Simulator, project: str) -> Lightspeed:
    """Its clock moves when it waits, so that nobody does."""
    return client_for(platform_for(project, shop, SteppingClock()))
