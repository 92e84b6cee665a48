"""Events of one commit in one document: as sure to go out as each in its own."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import pytest

from local.provision import PubSub
from shared.platform import firestore
from shared.platform.context import Platform
from shared.platform.errors import Unavailable
from shared.platform.outbox import GRACE, Event
from shared.platform.outbox_documents import MOST_BYTES
from shared.platform.pubsub import Message, MessageRefused
from tests.factories import strict_topic
from tests.factories.clock import TestClock
from tests.factories.messages import data_of, pulled
from tests.factories.outbox import event_of, left

ONE, OTHER = "verification-events", "security-events"
STRICT = strict_topic.TOPIC


def commit(platform: Platform, *events: Event) -> list[Event]:
    batch = platform.firestore.batch()
    platform.outbox.add_together(batch, events)
    if events:
        firestore.commit(batch)
    return list(events)


def published(pubsub: PubSub, topic: str = ONE) -> list[str]:
    return [data_of(message)["eventId"] for message in pulled(pubsub, topic)]


def test_one_document_holds_them_until_all_are_published(platform: Platform, pubsub: PubSub) -> None:
    told = commit(platform, event_of(platform, "a", ONE), event_of(platform, "b", OTHER), event_of(platform, "c", ONE))
    assert left(platform) == ["a"]
    platform.outbox.publish_together([told])
    assert (left(platform), published(pubsub), published(pubsub, OTHER)) == ([], ["a", "c"], ["b"])


def test_several_commits_at_once(platform: Platform, pubsub: PubSub) -> None:
    commits = [commit(platform, *(event_of(platform, f"{c}{n}", ONE) for n in range(3))) for c in "xyz"]
    assert left(platform) == ["x0", "y0", "z0"]
    platform.outbox.publish_together([*commits, []])
    assert (left(platform), len(published(pubsub))) == ([], 9)


def test_nothing_is_nothing(platform: Platform, pubsub: PubSub) -> None:
    assert commit(platform) == []
    platform.outbox.publish_together([])
    platform.outbox.publish_together([[]])
    assert left(platform) == []


def test_a_topic_that_does_not_answer_leaves_the_document_whole(
    platform: Platform, clock: TestClock, pubsub: PubSub
) -> None:
    told = commit(platform, event_of(platform, "a", ONE), event_of(platform, "b", "no-such-topic"))
    platform.outbox.publish_together([told])
    assert left(platform) == ["a"]
    assert platform.outbox.relay() == 0
    clock.advance(seconds=GRACE.total_seconds())
    with pytest.raises(Unavailable):
        platform.outbox.relay()
    # At least once; and what was published by the relay does not go out with each further run.
    assert published(pubsub) == ["a", "a"]
    with pytest.raises(Unavailable):
        platform.outbox.relay()
    assert (left(platform), published(pubsub)) == (["a"], [])
    pubsub.create_topics(["no-such-topic"])
    assert platform.outbox.relay() == 1
    assert (left(platform), published(pubsub, "no-such-topic")) == ([], ["b"])


def test_what_a_crash_left_is_published_by_the_relay_as_it_would_have_been(
    platform: Platform, clock: TestClock, pubsub: PubSub
) -> None:
    one = event_of(platform, "a", ONE, n="José", key="k-1")
    commit(platform, one, event_of(platform, "b", OTHER))
    clock.advance(minutes=1)
    assert platform.outbox.relay() == 2
    (message,) = pulled(pubsub, ONE)
    assert data_of(message)["data"] == {"n": "José"}
    assert message["orderingKey"] == "k-1"
    assert {**one.message().attributes, "orderingKey": "k-1"} == message["attributes"]
    assert left(platform) == []


@pytest.mark.parametrize("bad", [{0}, {1, 3}, {0, 1, 2, 3}])
def test_the_refused_stay_and_the_rest_goes_out_once(
    platform: Platform, clock: TestClock, pubsub: PubSub, caplog: pytest.LogCaptureFixture, project: str, bad: set[int]
) -> None:
    strict_topic.create(pubsub, project)
    commit(platform, *(event_of(platform, f"e{n}", STRICT, "no number" if n in bad else n) for n in range(4)))
    clock.advance(minutes=1)
    for _ in range(2):
        with caplog.at_level(logging.ERROR), pytest.raises(MessageRefused):
            platform.outbox.relay()
    refused = [vars(r)["eventId"] for r in caplog.records if r.getMessage() == "event_refused"]
    assert sorted(set(refused)) == [f"e{n}" for n in sorted(bad)]
    assert published(pubsub, STRICT) == [f"e{n}" for n in range(4) if n not in bad]
    assert left(platform) == ["e0"]
    strict_topic.drop_schema(platform.settings.project)
    assert platform.outbox.relay() == len(bad)
    assert left(platform) == []


def test_many_and_large_ones_are_cut_into_documents_that_fit(
    platform: Platform, clock: TestClock, pubsub: PubSub
) -> None:
    told = commit(platform, *(event_of(platform, f"e{n:02}", ONE, n="x" * (MOST_BYTES // 3)) for n in range(8)))
    assert left(platform) == ["e00", "e02", "e04", "e06"]
    larger = commit(platform, event_of(platform, "f0", ONE, n="x" * 2 * MOST_BYTES), event_of(platform, "f1", ONE))
    assert left(platform) == ["e00", "e02", "e04", "e06", "f0", "f1"]
    platform.outbox.publish_together([told])
    assert left(platform) == ["f0", "f1"]
    clock.advance(minutes=1)
    assert platform.outbox.relay() == len(larger)
    assert (left(platform), len(published(pubsub))) == ([], 10)


def test_a_call_has_no_more_messages_than_pubsub_takes(
    platform: Platform, clock: TestClock, pubsub: PubSub, monkeypatch: pytest.MonkeyPatch
) -> None:
    for c in range(4):
        commit(platform, *(event_of(platform, f"e{c}-{n:03}", ONE) for n in range(300)))
    clock.advance(minutes=1)
    calls, publish = list[int](), platform.publisher.publish

    def counting(topic: str, messages: Sequence[Message]) -> None:
        calls.append(len(messages))
        publish(topic, messages)

    monkeypatch.setattr(platform.publisher, "publish", counting)
    assert platform.outbox.relay() == 1200
    assert (calls, left(platform)) == ([500, 500, 200], [])


def test_two_relays_at_once_lose_nothing(platform: Platform, clock: TestClock, pubsub: PubSub) -> None:
    commit(platform, event_of(platform, "a", ONE), event_of(platform, "b", "no-such-topic"))
    clock.advance(minutes=1)
    behind = firestore.commit

    def other_first(batch: object, *arguments: object) -> object:
        """The other relay has changed the document when this one comes to it."""
        patch.undo()
        with pytest.raises(Unavailable):
            platform.outbox.relay()
        return behind(batch, *arguments)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(firestore, "commit", other_first)
        with pytest.raises(Unavailable):
            platform.outbox.relay()
    assert left(platform) == ["a"]
    pubsub.create_topics(["no-such-topic"])
    assert platform.outbox.relay() == 1
    assert (left(platform), published(pubsub), published(pubsub, "no-such-topic")) == ([], ["a", "a"], ["b"])
