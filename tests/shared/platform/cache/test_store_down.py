"""Firestore refuses, hangs, or goes away in the middle: the instance answers from its memory, or loads for itself."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from local.provision import PubSub
from shared.analytics.service import CacheService
from shared.platform.cache.cache import STORE_REST_SECONDS, Cache
from shared.platform.cache.models import Found, State, View
from shared.platform.context import Platform
from shared.platform.errors import Unavailable
from shared.platform.ids import Ids
from shared.platform.settings import Settings
from shared.runtime import cached
from shared.runtime.declare import SERVICE
from shared.runtime.request import Answer, Request
from tests.factories.cable import Cable
from tests.factories.environment import environment
from tests.factories.severable import SeverableClient, severable
from tests.factories.source import SENTENCE, Source, load_of
from tests.factories.stepping_clock import SteppingClock
from tests.factories.throw_away import client_of
from tests.factories.tokens import bearer

CALLER = bearer("service", "s-1", exp=4_102_444_800)
# Rate limit (1 s), the head of the entry (4 s), and a slow machine.
BOUND_SECONDS = 7.0
Seen = tuple[State, int, bool]


@pytest.fixture
def client(platform: Platform) -> SeverableClient:
    return severable(platform)


@pytest.fixture
def look(client: SeverableClient, platform: Platform, view: View) -> Callable[[], Seen]:
    """State, which load it comes from, and whether Firestore had it."""
    here = Cache(platform)

    def find() -> Seen:
        found = here.get(view, {})
        return found.state, load_of(found.value), found.stored

    return find


Look = Callable[[], Seen]


def test_a_fresh_value_comes_from_memory_and_an_older_one_is_loaded(
    look: Look, client: SeverableClient, clock: SteppingClock
) -> None:
    assert look() == (State.MISS, 1, True)
    client.down = True
    clock.advance(seconds=30)
    assert look() == (State.HIT, 1, False)
    clock.advance(seconds=1)
    assert [look(), look()] == [(State.MISS, 2, False), (State.HIT, 2, False)]


def test_an_instance_that_has_nothing_loads(look: Look, client: SeverableClient) -> None:
    client.down = True
    assert [look(), look()] == [(State.MISS, 1, False), (State.HIT, 1, False)]


def test_firestore_is_tried_again_after_5_seconds(look: Look, client: SeverableClient, clock: SteppingClock) -> None:
    client.down = True
    look()
    client.down = False
    clock.advance(seconds=STORE_REST_SECONDS - 0.1)
    assert look() == (State.HIT, 1, False)
    clock.advance(seconds=0.1)
    assert [look(), look()] == [(State.MISS, 2, True), (State.HIT, 2, True)]


def test_with_the_source_down_too_there_is_the_last_value_of_this_instance(
    look: Look, client: SeverableClient, platform: Platform, view: View, source: Source, clock: SteppingClock
) -> None:
    here = Cache(platform)
    here.get(view, {})
    client.down, source.down = True, True
    clock.advance(days=3)
    found = here.get(view, {})
    assert (found.state, found.error, found.mode, found.stored) == (State.DEGRADED, SENTENCE, "degraded", False)
    assert found.age == 3 * 86_400
    with pytest.raises(Unavailable, match=SENTENCE):
        look()


def test_a_value_whose_storing_failed_is_not_loaded_twice(
    client: SeverableClient, platform: Platform, source: Source
) -> None:
    def load(*asked: Any) -> bytes:
        client.down = True
        return source.view().load(*asked)

    found = Cache(platform).get(source.view(load=load), {})
    assert (load_of(found.value), found.stored, source.loads) == (1, False, 1)


def test_a_bug_without_firestore_is_the_bug_s_own_error(look: Look, client: SeverableClient, source: Source) -> None:
    client.down, source.error = True, ZeroDivisionError("a bug")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            look()


def test_a_refresh_without_firestore_is_tried_again_by_pubsub(
    client: SeverableClient, platform: Platform, view: View, source: Source
) -> None:
    client.down = True
    with pytest.raises(Unavailable):
        Cache(platform).refresh(view, {})
    assert source.loads == 0


def test_many_at_once_load_once(
    client: SeverableClient, platform: Platform, view: View, source: Source, often_switched: None
) -> None:
    """However late one of them finds out that Firestore is down."""
    for _ in range(30):
        client.down, cache, source.at = True, Cache(platform), []
        with ThreadPoolExecutor(64) as pool:
            found = list(pool.map(lambda _, cache=cache: cache.get(view, {}), range(64)))
        assert {load_of(f.value) for f in found} == {1}
        assert [f.state for f in found].count(State.MISS) == 1
        assert source.loads == 1


# --- over HTTP, on a real connection


@pytest.fixture
def cable(project: str) -> Iterator[Cable]:
    with Cable(os.environ["FIRESTORE_EMULATOR_HOST"]) as whole:
        yield whole


@pytest.fixture
def far(project: str, pubsub: PubSub, cable: Cable, clock: SteppingClock, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """Its Firestore is at the other end of the cable."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", cable.address)
    return Platform(Settings.load(environment(project)), clock, Ids(clock))


@pytest.fixture
def http(far: Platform, view: View) -> Client:
    def handle(request: Request) -> Answer:
        found: Found = cached.look_up(request, view, {})
        return cached.answer(request, found, {})

    return client_of(far, handle, "GET /api/things/all", auth=SERVICE, cached=True)


def status_of(answer: TestResponse) -> str:
    assert answer.status_code == 200, answer.text
    return answer.headers["Cache-Status"]


def timed(http: Client, _: int = 0) -> tuple[str, float]:
    started = time.monotonic()
    status = status_of(http.get("/all", headers=CALLER))
    return status, time.monotonic() - started


def invalidation(far: Platform) -> float:
    """How many seconds it took to fail."""
    started = time.monotonic()
    with pytest.raises(Unavailable):
        CacheService(far).invalidate()
    return time.monotonic() - started


@pytest.mark.parametrize("silently", [False, True], ids=["refuses", "hangs"])
def test_callers_wait_for_it_once_and_not_one_after_another(
    http: Client, far: Platform, cable: Cable, clock: SteppingClock, source: Source, silently: bool
) -> None:
    assert timed(http)[0] == "livhana; fwd=miss; stored"
    cable.cut(silently=silently)
    with ThreadPoolExecutor(9) as pool:
        invalidated = pool.submit(invalidation, far)
        answers = list(pool.map(lambda number: timed(http, number), range(8)))
    assert invalidated.result() < BOUND_SECONDS
    assert {status for status, _ in answers} == {"livhana; hit; ttl=30; detail=memory"}
    assert max(seconds for _, seconds in answers) < BOUND_SECONDS
    # Nobody tries it before it has rested.
    clock.advance(seconds=STORE_REST_SECONDS - 1)
    assert timed(http)[1] < 2
    assert source.loads == 1
    cable.mend()
    deadline = time.monotonic() + 30
    while status_of(http.get("/all", headers=CALLER)).endswith("memory"):
        assert time.monotonic() < deadline
        clock.advance(seconds=0.5)
        time.sleep(0.05)
