"""Ordering keys: from the event through the outbox to the subscriber, one key in a call."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from google.cloud.firestore import DELETE_FIELD
from werkzeug.wrappers import Request, Response

from local.provision import PubSub
from shared.platform import firestore
from shared.platform.context import Platform
from shared.platform.errors import Unavailable
from shared.platform.outbox import COLLECTION, Event
from shared.platform.pubsub import MessageRefused
from shared.platform.settings import Settings
from tests.factories import strict_topic
from tests.factories.clock import TestClock
from tests.factories.environment import environment
from tests.factories.messages import data_of, pulled
from tests.factories.outbox import event_of, left
from tests.factories.throw_away import serving_http

TOPIC = "verification-events"
STRICT = strict_topic.TOPIC


class StandIn:
    """Pub/Sub for what the emulator does not insist on: keys of each publish call; 400 for a call with two."""

    def __init__(self) -> None:
        self.status = 200
        self.calls: list[tuple[str, list[str]]] = []

    def __call__(self, environ: object, start_response: object) -> object:
        request = Request(environ)
        keys = [message.get("orderingKey", "") for message in json.loads(request.data)["messages"]]
        self.calls.append((request.path.rpartition("/")[2], keys))
        status = self.status if len(set(keys)) == 1 else 400
        return Response("{}", status, content_type="application/json")(environ, start_response)


@pytest.fixture
def stand_in() -> StandIn:
    return StandIn()


@pytest.fixture
def far(project: str, clock: TestClock, stand_in: StandIn) -> Iterator[Platform]:
    """The same project with the stand-in for its Pub/Sub."""
    with serving_http(stand_in) as url:
        settings = Settings.load(environment(project, PUBSUB_EMULATOR_HOST=url.removeprefix("http://")))
        yield Platform(settings, clock, Platform.start(settings).ids)


def event(platform: Platform, name: str, key: str = "", topic: str = TOPIC, n: object = 1) -> Event:
    return event_of(platform, name, topic, n, key)


def leave(platform: Platform, clock: TestClock, *events: Event) -> None:
    """In the outbox, old enough for the relay."""
    batch = platform.firestore.batch()
    for one in events:
        platform.outbox.add(batch, one)
    firestore.commit(batch)
    clock.advance(minutes=1)


def test_the_key_arrives_with_the_message(platform: Platform, pubsub: PubSub, clock: TestClock) -> None:
    announced, published = event(platform, "evt_1", "c-1"), event(platform, "evt_2", "c-1")
    platform.outbox.announce(announced)
    leave(platform, clock, published)
    platform.outbox.publish([published])
    leave(platform, clock, event(platform, "evt_3", "c-1"), event(platform, "evt_4"))
    assert platform.outbox.relay() == 2
    keys = {data_of(message)["eventId"]: message.get("orderingKey", "") for message in pulled(pubsub, TOPIC)}
    assert keys == {"evt_1": "c-1", "evt_2": "c-1", "evt_3": "c-1", "evt_4": ""}


def test_a_call_has_messages_of_one_key(far: Platform, clock: TestClock, stand_in: StandIn) -> None:
    made = [event(far, f"evt_{n}", key) for n, key in enumerate(["a", "", "b", "a", "", "b", "a"])]
    leave(far, clock, *made)
    assert far.outbox.relay() == 7
    calls = sorted(keys for _, keys in stand_in.calls)
    assert calls == [["", ""], ["a", "a", "a"], ["b", "b"]]
    leave(far, clock, *made)
    far.outbox.publish(made)
    assert sorted(keys for _, keys in stand_in.calls[3:]) == calls
    assert left(far) == []


def test_a_topic_that_does_not_answer_is_asked_once_however_many_keys_wait(
    far: Platform, clock: TestClock, stand_in: StandIn
) -> None:
    leave(far, clock, *(event(far, f"evt_{n}", f"c-{n}", TOPIC if n % 2 else "security-events") for n in range(6)))
    stand_in.status = 503
    with pytest.raises(Unavailable):
        far.outbox.relay()
    assert sorted(topic for topic, _ in stand_in.calls) == ["security-events:publish", f"{TOPIC}:publish"]
    assert len(left(far)) == 6


def test_events_of_one_key_go_out_in_their_order_around_a_refused_one(
    platform: Platform, clock: TestClock, pubsub: PubSub, project: str
) -> None:
    strict_topic.create(pubsub, project)
    for n in range(8):
        # Ids that sort the other way: the order is that of writing.
        leave(platform, clock, event(platform, f"evt_{7 - n}", "ab"[n % 2], STRICT, "bad" if n == 3 else n))
    with pytest.raises(MessageRefused):
        platform.outbox.relay()
    found = [data_of(message)["data"]["n"] for message in pulled(pubsub, STRICT)]
    assert [n for n in found if n % 2 == 0] == [0, 2, 4, 6]
    assert [n for n in found if n % 2 == 1] == [1, 5, 7]
    assert left(platform) == ["evt_4"]


def test_an_entry_of_the_time_before_keys_goes_out(platform: Platform, clock: TestClock, pubsub: PubSub) -> None:
    leave(platform, clock, event(platform, "evt_1"))
    platform.firestore.collection(COLLECTION).document("evt_1").update({"orderingKey": DELETE_FIELD})
    assert platform.outbox.relay() == 1
    assert [data_of(message)["eventId"] for message in pulled(pubsub, TOPIC)] == ["evt_1"]
