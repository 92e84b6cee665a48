"""What every test stands on: real emulators, a Google Cloud project of its own, real functions-framework apps."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import settings

from local.application import application
from local.emulators import Emulators
from local.provision import PubSub, create_tables, warehouse
from shared.platform import metrics
from shared.platform.context import Platform
from shared.platform.ids import Ids
from shared.platform.settings import Settings
from shared.runtime import instance
from shared.runtime.manifest import Declared
from tests.factories.clock import TestClock
from tests.factories.environment import environment
from tests.factories.recorders import forget_subscriptions
from tests.factories.tokens import bearer

# How long one example takes says more of the machine than of the code.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

_running: list[Emulators] = []


def pytest_configure(config: pytest.Config) -> None:
    """One set of emulators for the whole run: the controller starts them, xdist's workers inherit the addresses."""
    # Everything is on this machine. Clients ask before every call, and without this they read all variables for it.
    os.environ.setdefault("NO_PROXY", "127.0.0.1,localhost")
    if hasattr(config, "workerinput") or os.environ.get("FIRESTORE_EMULATOR_HOST"):
        return
    emulators = Emulators(Path(tempfile.mkdtemp(prefix="livhana-tests-")))
    os.environ.update(emulators.start().environment())
    _running.append(emulators)


def pytest_unconfigure() -> None:
    for emulators in _running:
        emulators.stop()


def pytest_sessionfinish() -> None:
    """What a thread measured after its test's end: its project is nobody's any more, and its emulator ends now."""
    metrics.forget_all()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Make `--dist loadgroup` work: pytest-xdist 3.8 writes groups into `_nodeid`, where pytest 9.2 no longer looks.

    Groups keep what is dear to one worker: a running stack (tests/e2e), Terraform's plans (tests/infra).
    """
    for item in items:
        with_group = getattr(item, "_nodeid", item.nodeid)
        if with_group != item.nodeid:
            item._id = type(item._id).parse(with_group)


@pytest.fixture(autouse=True)
def _nothing_measured_is_left() -> Iterator[None]:
    """No test's figures are written after its end, when its project is nobody's any more."""
    yield
    metrics.forget_all()


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A fresh project id, in the environment of this process. Projects are isolated: their data stays."""
    emulator = os.environ["PUBSUB_EMULATOR_HOST"]
    name = f"t-{uuid.uuid4().hex[:12]}"
    for variable, value in environment(name).items():
        monkeypatch.setenv(variable, value)
    instance.forget()
    yield name
    forget_subscriptions(emulator, name)


@pytest.fixture
def topics() -> list[str]:
    """The topics that a test's project has: those that verification and every endpoint publish to.

    A folder whose functions publish to others says so in its conftest. All topics for all tests would be twenty
    thousand subscriptions by the end of a run, and the emulator gets slower with each.
    """
    return ["security-events", "verification-events"]


@pytest.fixture
def pubsub(project: str, topics: list[str]) -> PubSub:
    """The project's topics, without push: `pubsub.pull(topic)` gives what was published."""
    provisioned = PubSub(os.environ["PUBSUB_EMULATOR_HOST"], project)
    provisioned.create_topics(topics)
    return provisioned


@pytest.fixture
def tables(project: str) -> None:
    """The project's tables, from infra/schemas."""
    create_tables(warehouse(os.environ["BIGQUERY_EMULATOR_HOST"], project))


@pytest.fixture
def tables_for(request: pytest.FixtureRequest) -> Callable[[Declared], None]:
    """Makes the tables for a function that asks BigQuery; most do not."""

    def make(function: Declared) -> None:
        declared = function.declaration
        if declared.reads or declared.writes or declared.queries:
            request.getfixturevalue("tables")

    return make


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def platform(pubsub: PubSub, clock: TestClock) -> Platform:
    """Services stand on this: the project's real clients and a clock that the test moves."""
    return Platform(Settings.load(), clock, Ids(clock))


@pytest.fixture
def function(pubsub: PubSub) -> Iterator[Callable[[str], FlaskClient]]:
    """`function("verification_verify")` is a client of the entry point's real functions-framework app."""
    yield lambda name: application(name).test_client()
    instance.forget()


@pytest.fixture
def sign() -> Callable[..., dict[str, str]]:
    """`sign("customer", "c-1")` are the headers of a signed-in caller (for AUTH_MODE=jwt)."""
    return bearer
