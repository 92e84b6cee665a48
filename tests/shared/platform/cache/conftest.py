"""What the cache's tests share: a clock that only the test moves, a source of values, instances, and messages."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from local.provision import PubSub
from shared.platform.cache.cache import Cache
from shared.platform.cache.models import State, View
from shared.platform.cache.refreshes import asked_for
from shared.platform.context import Platform
from tests.factories.messages import data_of, pulled
from tests.factories.source import Source, load_of
from tests.factories.stepping_clock import SteppingClock
from tests.factories.till import Till
from tests.factories.warehouse_proxy import WarehouseProxy, warehouse_proxy


@pytest.fixture
def topics() -> list[str]:
    return ["cache-refresh", "security-events"]


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def source(clock: SteppingClock) -> Source:
    return Source(clock)


@pytest.fixture
def view(source: Source) -> View:
    return source.view()


@pytest.fixture
def here(platform: Platform) -> Cache:
    """An instance."""
    return Cache(platform)


@pytest.fixture
def there(platform: Platform) -> Cache:
    """Another instance."""
    return Cache(platform)


@pytest.fixture
def look(here: Cache, view: View) -> Callable[..., tuple[State, int, int, int]]:
    """State, which load it comes from, age and ttl of the value that an instance finds."""

    def find(cache: Cache = here) -> tuple[State, int, int, int]:
        found = cache.get(view, {})
        return found.state, load_of(found.value), found.age, found.ttl

    return find


@pytest.fixture
def delivered(pubsub: PubSub, there: Cache, view: View) -> Callable[[], int]:
    """Deliver the messages that ask for a refresh to another instance; how many there were."""

    def deliver() -> int:
        found = [asked_for(data_of(message), {view.name: view}) for message in pulled(pubsub, "cache-refresh")]
        for asked in found:
            there.refresh(*asked)
        return len(found)

    return deliver


@pytest.fixture
def till(project: str) -> Till:
    return Till(project)


@pytest.fixture
def proxy(till: Till, monkeypatch: pytest.MonkeyPatch) -> Iterator[WarehouseProxy]:
    """Between this test's functions, though not its till, and BigQuery. Ask for it before `platform`."""
    with warehouse_proxy() as running:
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", running.url)
        yield running


@pytest.fixture
def often_switched() -> Iterator[None]:
    """Threads take turns all the time, so that what is not atomic shows."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.fixture(autouse=True)
def nothing_is_counted_afterwards() -> Iterator[None]:
    """What a test's instances have not written yet, they need not write during the next tests."""
    yield
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.cancel()
