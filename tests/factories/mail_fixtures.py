"""Fixtures of a mail server and of functions that send through it, for the folders whose conftest names them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.platform.context import Platform
from shared.platform.ids import Ids
from shared.platform.settings import Settings
from tests.factories.clock import TestClock
from tests.factories.mails import MAIL_TOPICS, MailServer


@pytest.fixture
def topics() -> list[str]:
    return MAIL_TOPICS


@pytest.fixture(scope="session")
def running_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailServer]:
    """One process for all tests of a worker."""
    with MailServer(tmp_path_factory.mktemp("smtp")) as server:
        yield server


@pytest.fixture
def server(running_server: MailServer, project: str, monkeypatch: pytest.MonkeyPatch) -> MailServer:
    """Empty and well-behaved, and in the environment of the test's functions."""
    running_server.clear()
    for name, value in running_server.environment().items():
        monkeypatch.setenv(name, value)
    return running_server


@pytest.fixture
def sending_platform(server: MailServer, pubsub: object, clock: TestClock) -> Platform:
    """The test's platform, with the mail server."""
    return Platform(Settings.load(), clock, Ids(clock))
