"""What the tests of analytics' functions share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient

from local.application import application
from shared.runtime import instance
from tests.factories.analytics_api import AnalyticsApi
from tests.factories.two_tills import TwoTills, two_tills


@pytest.fixture
def topics() -> list[str]:
    return ["alerts", "cache-refresh", "security-events", "sync-events", "sync-requests"]


@pytest.fixture
def api(function: Callable[[str], FlaskClient]) -> AnalyticsApi:
    """Every route through its real functions-framework app, on real time."""
    return AnalyticsApi(function)


@pytest.fixture(scope="package")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoTills]:
    """Read once for all tests of the group `two_tills`; a test that sells something syncs it."""
    with two_tills(tmp_path_factory.mktemp("two_tills")) as shop:
        yield shop


@pytest.fixture(scope="package")
def figures_api(synced: TwoTills) -> Iterator[AnalyticsApi]:
    """Every route of the synced shop, through its real functions-framework app, on the clock that the shop has."""
    with pytest.MonkeyPatch.context() as patch:

        def started(name: str) -> FlaskClient:
            for variable, value in synced.variables.items():
                patch.setenv(variable, value)
            instance.forget()
            client = application(name).test_client()
            patch.undo()
            instance.forget()
            return client

        yield AnalyticsApi(started)
