"""What the tests of the sync's functions and of Square's read endpoints share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from local.provision import PubSub
from local.simulators.process import Simulator
from tests.factories.messages import data_of, pulled
from tests.factories.square_shop import SIZE, TOKEN, SquareShop
from tests.factories.stepping_clock import SteppingClock
from tests.factories.tokens import bearer

Call = Callable[..., TestResponse]


@pytest.fixture
def topics() -> list[str]:
    return ["alerts", "cache-refresh", "security-events", "sync-events", "sync-requests"]


@pytest.fixture
def trigger(function: Callable[[str], FlaskClient]) -> Call:
    """`trigger("square", {"mode": "full"}, role="admin")`"""
    client = function("pos_trigger_sync")

    def call(source: str = "square", body: Any = None, role: str = "admin", **headers: str) -> TestResponse:
        sent = {**(bearer(role, "a-1") if role else {}), **headers}
        return client.post(f"/api/sync/{source}", json={} if body is None else body, headers=sent)

    return call


@pytest.fixture
def requests(pubsub) -> Callable[[], list[dict[str, Any]]]:
    """`requests()`: what came to `sync-requests` since it was last asked."""
    return lambda: [data_of(message) for message in pulled(pubsub, "sync-requests")]


@pytest.fixture(scope="module")
def running_square(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """One process for a module; what a test adds to its data stays."""
    with Simulator("square", tmp_path_factory.mktemp("square"), **SIZE) as running:
        yield running


@pytest.fixture
def shop(running_square: Simulator, project: str, pubsub: PubSub) -> SquareShop:
    """Well behaved, until the test sets a trap."""
    running_square.clear_traps()
    running_square.token(TOKEN)
    running_square.reset_requests()
    return SquareShop(project, running_square, SteppingClock())
