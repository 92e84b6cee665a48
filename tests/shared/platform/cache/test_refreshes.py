"""What asks for a refresh, and what a message may ask for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from local.provision import PubSub
from shared.platform.cache.models import View
from shared.platform.cache.refreshes import Refreshes, asked_for
from shared.platform.context import Platform
from shared.platform.pubsub import Publisher
from tests.factories.messages import data_of, pulled
from tests.factories.silence import closed_port
from tests.factories.stepping_clock import SteppingClock

THREADS = 32


def test_a_message_names_the_view_and_its_parameters(platform: Platform, pubsub: PubSub, view: View) -> None:
    params = {"source": "all", "cursor": 'ä "x"\n'}
    Refreshes(platform.publisher, platform.clock).ask("key", view, params)
    (message,) = pulled(pubsub, "cache-refresh")
    assert message["attributes"] == {"view": "of_a_test"}
    assert asked_for(data_of(message), {"of_a_test": view}) == (view, params)


def test_threads_that_ask_at_once_ask_once(
    platform: Platform, pubsub: PubSub, view: View, often_switched: None
) -> None:
    refreshes = Refreshes(platform.publisher, platform.clock)
    for turn in range(10):
        start = Barrier(THREADS)

        def ask(_: int, key: str = f"key-{turn}", start: Barrier = start) -> None:
            start.wait()
            refreshes.ask(key, view, {})

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(ask, range(THREADS)))
    assert len(pulled(pubsub, "cache-refresh")) == 10


def test_each_entry_is_asked_for_by_itself(
    platform: Platform, pubsub: PubSub, view: View, clock: SteppingClock
) -> None:
    refreshes = Refreshes(platform.publisher, clock)
    for _ in range(3):
        for key in ("a", "b"):
            refreshes.ask(key, view, {})
        clock.advance(seconds=2)
    clock.advance(seconds=2)
    refreshes.ask("a", view, {})
    assert len(pulled(pubsub, "cache-refresh")) == 3


def test_without_pubsub_the_request_goes_on(project: str, view: View, clock: SteppingClock) -> None:
    refreshes = Refreshes(Publisher(project, closed_port()), clock)
    for _ in range(2):
        refreshes.ask("key", view, {})
        clock.advance(seconds=6)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"view": None},
        {"view": "nobody's", "params": {}},
        {"view": ["of_a_test"], "params": {}},
        {"view": "of_a_test", "params": []},
        {"view": "of_a_test", "params": "x"},
        {"view": "of_a_test", "params": None},
        {"view": "of_a_test", "params": {"limit": 5}},
        {"view": "of_a_test", "params": {"a": {"b": "c"}}},
    ],
)
def test_a_message_that_no_retry_makes_better_says_so(view: View, data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"view is|params must be"):
        asked_for(data, {"of_a_test": view})
