"""Poison through the real Pub/Sub emulator and real functions-framework apps: given up, parked, published again."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from local.application import MAIN, application
from local.provision import PubSub
from shared.monitoring.dead_letters import DeadLetters
from shared.platform.clock import Clock
from shared.platform.context import Platform
from shared.platform.outbox import Event
from shared.platform.pubsub import Message
from shared.runtime.declare import DEAD_LETTERS
from shared.runtime.manifest import declared_functions
from tests.factories.documents import documents
from tests.factories.messages import SECURITY_EVENTS, data_of, pulled
from tests.factories.throw_away import serving_http
from tools.dead_letters import main

ROOT = Path(__file__).parents[3]
POISONED = str(ROOT / "tests/factories/poisoned/main.py")
TOPIC = "verification-events"
OURS = ("monitoring_park_dead_letter", "monitoring_resolve_dead_letters")
GOOD = 20


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def topics() -> list[str]:
    return ["dead-letter-orders", "dead-letters", "security-events", TOPIC]


@pytest.fixture
def running(platform: Platform, pubsub: PubSub) -> Iterator[None]:
    """The subscribers behind one address, and their push subscriptions."""
    from tests.factories.poisoned.main import DECLARED

    subscribers = [DECLARED, *(f for f in declared_functions() if f.name in OURS)]
    apps = {f"/{f.name}": application(f.name, POISONED if f is DECLARED else MAIN) for f in subscribers}
    with serving_http(DispatcherMiddleware(lambda environ, start: [], apps)) as url:
        _impatient(platform.settings.project, f"{url}/things_listen")
        pubsub.create_subscriptions(subscribers, url)
        yield


def _impatient(project: str, push: str) -> None:
    """As it is declared, but without its retry policy: so the emulator tries again each second."""
    topics = f"projects/{project}/topics"
    subscription = {
        "topic": f"{topics}/{TOPIC}",
        "pushConfig": {"pushEndpoint": f"{push}/{topics}/{TOPIC}"},
        "deadLetterPolicy": {"deadLetterTopic": f"{topics}/{DEAD_LETTERS}", "maxDeliveryAttempts": 5},
    }
    base = f"http://{os.environ['PUBSUB_EMULATOR_HOST']}/v1/projects/{project}/subscriptions"
    requests.put(f"{base}/things-listen.{TOPIC}", json=subscription, timeout=10).raise_for_status()


def event(platform: Platform, name: str, **data: Any) -> Message:
    at = platform.clock.now()
    return Event(id=name, type="thing.happened", topic=TOPIC, occurred_at=at, request_id="r-1", data=data).message()


def eventually(look: Callable[[], Any], seconds: float = 60) -> Any:
    until = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < until:
        time.sleep(0.1)
    return found


def effects(platform: Platform) -> dict[str, int]:
    return {path.partition("/")[2]: found["asked"] for path, found in documents(platform.firestore, "effects").items()}


def test_poison_is_parked_after_five_tries_the_rest_flows_and_a_replay_works(
    platform: Platform, pubsub: PubSub, running: None, capsys: pytest.CaptureFixture[str]
) -> None:
    good = [event(platform, f"evt_{number:02}") for number in range(GOOD)]
    poison = [
        Message("this is no JSON", {"type": "thing.happened"}),
        Message('{"of": "another shape"}', {"type": "thing.happened"}),
        event(platform, "evt_mended", poison=True),
    ]
    for number, message in enumerate(poison):
        platform.publisher.publish(TOPIC, good[number * 7 : number * 7 + 7])
        platform.publisher.publish(TOPIC, [message])
    assert eventually(lambda: len(effects(platform)) == GOOD, 10), "the rest does not flow"
    assert DeadLetters(platform).count() < len(poison)

    letters = DeadLetters(platform)
    assert eventually(lambda: letters.count() == len(poison))
    parked = letters.parked()
    assert {(letter.function, letter.topic, letter.tries) for letter in parked} == {("things-listen", TOPIC, 5)}
    (mended,) = [letter.id for letter in parked if "evt_mended" in letter.attributes]
    capsys.readouterr()
    assert main(["list"]) == main(["show", mended]) == 0
    assert "     3 given up by things-listen" in capsys.readouterr().out

    platform.firestore.collection("mended").document("now").set({"at": platform.clock.now()})
    assert main(["replay", mended]) == 0
    assert eventually(lambda: "evt_mended" in effects(platform))
    assert main(["replay", mended]) == 1
    assert (main(["discard", "--all"]), letters.count()) == (0, 0)
    assert dict.fromkeys(effects(platform).values()) == {1: None}
    codes = [data_of(message)["data"]["code"] for message in pulled(pubsub, SECURITY_EVENTS)]
    assert sorted(codes) == ["discarded", "discarded", "replayed"]
