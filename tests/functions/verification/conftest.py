"""What the tests of the routes share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from shared.platform.context import Platform
from shared.runtime import instance
from tests.factories.api import VerificationApi
from tests.factories.clock_file import ClockFile
from tests.factories.serving import serving
from tests.factories.silence import Silence


@pytest.fixture
def api(function: Callable[[str], FlaskClient]) -> VerificationApi:
    """Every route through its real functions-framework app, on real time."""
    return VerificationApi(function)


@pytest.fixture
def still(platform: Platform) -> VerificationApi:
    """Every route on the test's own `clock`, which stands still."""
    return VerificationApi(serving(platform))


@pytest.fixture
def clock_file(project: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClockFile:
    """Moves the clock of functions that start after it. Ask for it before `api`."""
    file = ClockFile(tmp_path / "clock.json")
    monkeypatch.setenv("CLOCK_FILE", str(file.path))
    instance.forget()
    return file


@pytest.fixture
def silence() -> Iterator[Silence]:
    with Silence() as server:
        yield server
