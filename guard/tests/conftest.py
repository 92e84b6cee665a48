"""Fixtures of the guard's tests: a real HTTP service that misbehaves on demand, and guards that ask it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# The guard is a distribution of its own and need not be installed to be tested.
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from guard_maker import GuardMaker  # noqa: E402
from scripted_service import ScriptedService  # noqa: E402

from age_guard import AgeGuard  # noqa: E402


@pytest.fixture
def service() -> Iterator[ScriptedService]:
    with ScriptedService() as running:
        yield running


@pytest.fixture
def make_guard(service: ScriptedService) -> Iterator[GuardMaker]:
    made: list[AgeGuard] = []

    def make(**settings: Any) -> AgeGuard:
        defaults: dict[str, Any] = {"timeout_seconds": (2, 0.6), "total_seconds": 4, "cache_seconds": 0}
        made.append(AgeGuard(service.url, "https://shop.example.com/verify", **(defaults | settings)))
        return made[-1]

    yield make
    for guard in made:
        guard.close()
