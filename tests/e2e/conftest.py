"""End to end: the whole local stack, as `make run` starts it.

Every module that runs a stack is marked `xdist_group("stack")`, so that with `--dist loadgroup` one worker runs them
all, and one stack runs at a time (beside it now and then a second one, which a test of the start itself needs).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.ports import free_port
from tests.e2e.stack import RunningStack

OPEN = {"AUTH_MODE": "disabled"}
# The generated requests of the API tests are far more than a person's.
SIGNED = {
    "AUTH_MODE": "jwt",
    **{f"RATE_LIMIT_{tier}": "1000000" for tier in ("ANONYMOUS", "SIGNED_IN", "ADMIN", "HEALTH")},
}


_started: list[Stacks] = []


class Stacks:
    """At most one running stack: asking for one of another kind ends the one before."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kind = ""
        self._running: RunningStack | None = None

    def of(self, kind: str, changes: dict[str, str]) -> RunningStack:
        if self._kind != kind or self._running is None or self._running.process.poll() is not None:
            self.stop()
            self._kind = kind
            self._running = RunningStack(self._folder / kind, free_port(), **changes)
            self._running.wait_until_ready()
        return self._running

    def stop(self) -> None:
        if self._running:
            self._running.stop()
            self._running = None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests on one kind of stack follow each other: to start one takes ten seconds."""
    places = [place for place, item in enumerate(items) if "stacks" in getattr(item, "fixturenames", ())]
    ordered = sorted((items[place] for place in places), key=lambda item: "signed_stack" not in item.fixturenames)
    for place, item in zip(places, ordered, strict=True):
        items[place] = item


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """After the group's last test no stack goes on with its schedules beside all later ones."""
    if nextitem is None or _group(nextitem) != _group(item):
        for stacks in _started:
            stacks.stop()


def _group(item: pytest.Item) -> object:
    marked = item.get_closest_marker("xdist_group")
    return marked.args if marked else None


@pytest.fixture(scope="session")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stacks]:
    _started.append(Stacks(tmp_path_factory.mktemp("stacks")))
    yield _started[-1]
    _started.pop().stop()


@pytest.fixture
def stack(stacks: Stacks) -> RunningStack:
    """As `make run`: every caller is an admin."""
    return stacks.of("open", OPEN)


@pytest.fixture
def signed_stack(stacks: Stacks) -> RunningStack:
    """As `AUTH_MODE=jwt make run`, with rate limits out of the way."""
    return stacks.of("signed", SIGNED)
