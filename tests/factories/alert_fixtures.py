"""Fixtures of alerts on their way, for the folders whose conftest names them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.factories.alerts import Desk, Receivers, receivers


@pytest.fixture(scope="session")
def running_receivers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receivers]:
    """One Slack and one PagerDuty for all tests of a worker."""
    with receivers(tmp_path_factory.mktemp("receivers")) as running:
        yield running


@pytest.fixture
def receiving(running_receivers: Receivers) -> Receivers:
    return running_receivers.begin_again()


@pytest.fixture
def desk(receiving: Receivers, project: str) -> Desk:
    return Desk(project, receiving)
