"""What the tests of the sync's functions share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.factories.messages import data_of, pulled
from tests.factories.tokens import bearer

Call = Callable[..., TestResponse]


@pytest.fixture
def topics() -> list[str]:
    return ["alerts", "security-events", "sync-events", "sync-requests"]


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
