"""An event that its topic's schema refuses stays in the outbox, and holds up no other."""

from __future__ import annotations

import logging

import pytest

from local.provision import PubSub
from shared.platform import firestore
from shared.platform.context import Platform
from shared.platform.errors import Unavailable
from shared.platform.outbox import PAGE, Event
from shared.platform.pubsub import Message, MessageRefused
from tests.factories import strict_topic
from tests.factories.clock import TestClock
from tests.factories.messages import data_of, pulled
from tests.factories.outbox import event_of, left

STRICT = strict_topic.TOPIC
LOOSE = "verification-events"


@pytest.fixture(autouse=True)
def _strict(pubsub: PubSub, project: str) -> None:
    strict_topic.create(pubsub, project)


def leave(platform: Platform, clock: TestClock, *events: Event) -> None:
    """In the outbox, old enough for the relay."""
    batch = platform.firestore.batch()
    for event in events:
        platform.outbox.add(batch, event)
    firestore.commit(batch)
    clock.advance(minutes=1)


def event(platform: Platform, name: str, n: object = 1, topic: str = STRICT) -> Event:
    return event_of(platform, name, topic, n)


def published(pubsub: PubSub, topic: str = STRICT) -> list[str]:
    return [data_of(message)["eventId"] for message in pulled(pubsub, topic)]


def refused(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [vars(r)["eventId"] for r in caplog.records if (r.getMessage(), r.levelname) == ("event_refused", "ERROR")]


def test_the_publisher_tells_a_refusal_from_a_failure(platform: Platform, pubsub: PubSub) -> None:
    fine = event(platform, "evt_1").message()
    with pytest.raises(MessageRefused, match=f"{STRICT} refused the messages with status 400"):
        platform.publisher.publish(STRICT, [fine, Message("{}")])
    assert published(pubsub) == []
    with pytest.raises(Unavailable) as caught:
        platform.publisher.publish("no-such-topic", [fine])
    assert not isinstance(caught.value, MessageRefused)


@pytest.mark.parametrize("bad", [{0}, {4}, {0, 1, 2}, {1, 3}, {0, 1, 2, 3, 4}])
def test_the_refused_stay_and_the_rest_goes_out(
    platform: Platform, clock: TestClock, pubsub: PubSub, caplog: pytest.LogCaptureFixture, bad: set[int]
) -> None:
    leave(platform, clock, *(event(platform, f"evt_{n}", "José" if n in bad else n) for n in range(5)))
    with caplog.at_level(logging.ERROR), pytest.raises(MessageRefused, match=STRICT):
        platform.outbox.relay()
    assert left(platform) == refused(caplog) == [f"evt_{n}" for n in sorted(bad)]
    assert published(pubsub) == [f"evt_{n}" for n in range(5) if n not in bad]
    assert "José" not in str([vars(record) for record in caplog.records])


def test_the_next_run_tries_the_refused_only(
    platform: Platform, clock: TestClock, pubsub: PubSub, caplog: pytest.LogCaptureFixture
) -> None:
    leave(platform, clock, event(platform, "evt_1"), event(platform, "evt_2", "two"), event(platform, "evt_3"))
    for _ in range(2):
        with pytest.raises(MessageRefused):
            platform.outbox.relay()
    assert refused(caplog) == ["evt_2", "evt_2"]
    assert published(pubsub) == ["evt_1", "evt_3"]


def test_a_refused_event_goes_out_once_the_schema_takes_it(
    platform: Platform, clock: TestClock, pubsub: PubSub
) -> None:
    leave(platform, clock, event(platform, "evt_1", "one"))
    with pytest.raises(MessageRefused):
        platform.outbox.relay()
    strict_topic.drop_schema(platform.settings.project)
    assert platform.outbox.relay() == 1
    assert (left(platform), published(pubsub)) == ([], ["evt_1"])


def test_a_refused_event_holds_up_no_later_page_and_no_other_topic(
    platform: Platform, clock: TestClock, pubsub: PubSub
) -> None:
    leave(platform, clock, event(platform, "evt_bad", "bad"))
    leave(platform, clock, *(event(platform, f"evt_{n:03}", n) for n in range(PAGE)))
    leave(platform, clock, event(platform, "evt_other", topic=LOOSE))
    with pytest.raises(MessageRefused):
        platform.outbox.relay()
    assert left(platform) == ["evt_bad"]
    assert (len(published(pubsub)), published(pubsub, LOOSE)) == (PAGE, ["evt_other"])


def test_a_refused_event_fails_no_request(platform: Platform, pubsub: PubSub, caplog: pytest.LogCaptureFixture) -> None:
    platform.outbox.announce(event(platform, "evt_1", "one"))
    platform.outbox.publish([event(platform, "evt_2", "two")])
    assert left(platform) == ["evt_1"]
    assert [r.getMessage() for r in caplog.records] == ["event_left_to_relay"] * 2
