"""An event exists if and only if its state change was committed, and it leaves at least once."""

from __future__ import annotations

import base64
import json
import logging
import time
from typing import Any

import pytest

from local.ports import free_port
from local.provision import PubSub
from shared.platform import firestore
from shared.platform.context import Platform
from shared.platform.errors import ChangedMeanwhile, Unavailable
from shared.platform.outbox import GRACE, PAGE, Event
from shared.platform.settings import Settings
from tests.factories.clock import TestClock
from tests.factories.environment import environment
from tests.factories.outbox import event_of, left

TOPIC = "verification-events"


def event(platform: Platform, name: str = "evt_1", topic: str = TOPIC) -> Event:
    return event_of(platform, name, topic, n="José 李")


def add(platform: Platform, *events: Event) -> None:
    batch = platform.firestore.batch()
    for one in events:
        platform.outbox.add(batch, one)
    firestore.commit(batch)


def messages(pubsub: PubSub, count: int) -> list[dict[str, Any]]:
    """What came to the topic, after waiting for so many."""
    found: list[dict[str, Any]] = []
    deadline = time.monotonic() + 20
    while len(found) < count and time.monotonic() < deadline:
        found += pubsub.pull(TOPIC)
    return found


def published(pubsub: PubSub, count: int) -> list[str]:
    return sorted(message["attributes"]["eventId"] for message in messages(pubsub, count))


@pytest.fixture
def mute(project: str, pubsub: PubSub, clock: TestClock) -> Platform:
    """The same project with a Pub/Sub that is not there."""
    settings = Settings.load(environment(project, PUBSUB_EMULATOR_HOST=f"127.0.0.1:{free_port()}"))
    return Platform(settings, clock, Platform.start(settings).ids)


def test_the_message_is_the_envelope_and_its_attributes(platform: Platform) -> None:
    message = event(platform).message()
    assert json.loads(message.data) == {
        "eventId": "evt_1",
        "type": "thing.happened",
        "occurredAt": "2026-07-01T17:00:00.000Z",
        "customerHash": "abc",
        "requestId": "r-1",
        "data": {"n": "José 李"},
    }
    assert message.attributes == {
        "type": "thing.happened",
        "eventId": "evt_1",
        "customerHash": "abc",
        "occurredAt": "2026-07-01T17:00:00.000Z",
    }


def test_an_event_of_a_commit_that_failed_does_not_exist(platform: Platform) -> None:
    state = platform.firestore.collection("things").document("one")
    state.create({})
    batch = platform.firestore.batch()
    batch.create(state, {})
    platform.outbox.add(batch, event(platform))
    with pytest.raises(ChangedMeanwhile):
        firestore.commit(batch)
    assert left(platform) == []


def test_a_published_event_leaves_the_outbox(platform: Platform, pubsub: PubSub) -> None:
    one = event(platform)
    add(platform, one)
    assert left(platform) == ["evt_1"]
    platform.outbox.publish([one])
    assert left(platform) == []
    assert published(pubsub, 1) == ["evt_1"]


def test_what_cannot_be_published_stays_and_the_request_goes_on(
    mute: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    one = event(mute)
    add(mute, one)
    with caplog.at_level(logging.WARNING):
        mute.outbox.publish([one])
    assert left(mute) == ["evt_1"]
    assert [r.getMessage() for r in caplog.records] == ["event_left_to_relay"]


def test_an_announcement_goes_straight_out(platform: Platform, pubsub: PubSub) -> None:
    platform.outbox.announce(event(platform))
    assert (left(platform), published(pubsub, 1)) == ([], ["evt_1"])


def test_an_announcement_that_cannot_go_waits_in_the_outbox(mute: Platform) -> None:
    mute.outbox.announce(event(mute))
    assert left(mute) == ["evt_1"]


# --- the relay


def test_it_publishes_what_was_left_behind_once_it_is_old_enough(
    platform: Platform, clock: TestClock, pubsub: PubSub
) -> None:
    add(platform, event(platform))
    assert platform.outbox.relay() == 0
    clock.advance(seconds=GRACE.total_seconds())
    assert platform.outbox.relay() == 1
    assert (left(platform), published(pubsub, 1)) == ([], ["evt_1"])
    assert platform.outbox.relay() == 0


def test_what_it_publishes_is_what_the_request_would_have(platform: Platform, clock: TestClock, pubsub: PubSub) -> None:
    one = event(platform)
    add(platform, one)
    clock.advance(minutes=5)
    platform.outbox.relay()
    (message,) = messages(pubsub, 1)
    assert base64.b64decode(message["data"]).decode() == one.message().data
    assert message["attributes"] == one.message().attributes


def test_an_entry_from_the_future_is_left_behind_as_well(platform: Platform, clock: TestClock) -> None:
    clock.advance(days=31)
    add(platform, event(platform))
    clock.advance(days=-31)
    assert platform.outbox.relay() == 1


def test_a_relay_whose_clock_is_behind_leaves_what_another_is_about_to_publish(
    platform: Platform, clock: TestClock
) -> None:
    add(platform, event(platform))
    clock.advance(seconds=-0.05)
    assert platform.outbox.relay() == 0


def test_more_than_a_page_goes_out_in_one_run(platform: Platform, clock: TestClock, pubsub: PubSub) -> None:
    add(platform, *[event(platform, f"evt_{n:03}") for n in range(PAGE + 30)])
    clock.advance(minutes=1)
    assert platform.outbox.relay() == PAGE + 30
    assert left(platform) == []
    assert len(published(pubsub, PAGE + 30)) == PAGE + 30


def test_a_topic_that_does_not_answer_holds_up_no_other(platform: Platform, clock: TestClock, pubsub: PubSub) -> None:
    add(platform, event(platform, "evt_1", "no-such-topic"), event(platform, "evt_2"))
    clock.advance(minutes=1)
    with pytest.raises(Unavailable, match="no-such-topic"):
        platform.outbox.relay()
    assert (left(platform), published(pubsub, 1)) == (["evt_1"], ["evt_2"])


def test_a_relay_without_pubsub_keeps_everything(mute: Platform, clock: TestClock, platform: Any) -> None:
    add(mute, event(mute))
    clock.advance(minutes=1)
    with pytest.raises(Unavailable):
        mute.outbox.relay()
    assert left(mute) == ["evt_1"]
    assert platform.outbox.relay() == 1
