"""The job that publishes what was left in the outbox, through its functions-framework app."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from local.provision import PubSub
from shared.platform.context import Platform
from shared.platform.ids import Ids
from shared.platform.outbox import Event
from shared.runtime import instance
from tests.factories.clock import TestClock
from tests.factories.documents import documents
from tests.factories.messages import SECURITY_EVENTS, VERIFICATION_EVENTS, data_of, message_of, pulled, push
from tests.factories.silence import closed_port

Relay = Callable[[], int]


@pytest.fixture
def relay(function: Callable[[str], FlaskClient]) -> Relay:
    """Run the job; the status it answers Pub/Sub."""
    client = function("audit_relay_outbox")
    return lambda: push(client, message_of({}), "relay-outbox").status_code


def leave(platform: Platform, number: int, age: timedelta, topic: str = VERIFICATION_EVENTS) -> None:
    """An event as a crash leaves it, written `age` ago."""
    clock = TestClock(datetime.now(UTC) - age)
    then = Platform(platform.settings, clock, Ids(clock))
    event = Event(
        id=f"evt_{number}", type="x.happened", topic=topic, occurred_at=clock.at, request_id="req_1", data={"n": number}
    )
    batch = then.firestore.batch()
    then.outbox.add(batch, event)
    batch.commit()


def test_what_was_left_is_published_and_forgotten(relay: Relay, platform: Platform, pubsub: PubSub) -> None:
    for number in (1, 2):
        leave(platform, number, timedelta(minutes=1))
    leave(platform, 3, timedelta(minutes=1), SECURITY_EVENTS)
    assert relay() == 200
    assert sorted(data_of(m)["eventId"] for m in pulled(pubsub)) == ["evt_1", "evt_2"]
    assert [data_of(m)["data"] for m in pulled(pubsub, SECURITY_EVENTS)] == [{"n": 3}]
    assert not documents(platform.firestore, "outbox")
    assert relay() == 200
    assert pulled(pubsub) == []


@pytest.mark.parametrize(("age", "published"), [(5, 0), (-5, 0), (-120, 1), (-86400, 1), (15, 1), (86400 * 400, 1)])
def test_what_a_request_is_about_to_publish_itself_is_left_to_it(
    relay: Relay, platform: Platform, pubsub: PubSub, age: int, published: int
) -> None:
    """Entries from the future are those of a clock that was moved back; from a near one, of a clock that is ahead."""
    leave(platform, 1, timedelta(seconds=age))
    relay()
    assert len(pulled(pubsub)) == published


def test_more_than_a_page_is_published_whole(relay: Relay, platform: Platform, pubsub: PubSub) -> None:
    batch = platform.firestore.batch()
    created = datetime.now(UTC) - timedelta(minutes=1)
    for number in range(450):
        reference = platform.firestore.collection("outbox").document(f"evt_{number}")
        entry = {"topic": VERIFICATION_EVENTS, "data": "{}", "attributes": {"n": str(number)}, "createdAt": created}
        batch.create(reference, entry)
    batch.commit()
    assert relay() == 200
    assert not documents(platform.firestore, "outbox")
    assert sorted(int(message["attributes"]["n"]) for message in pulled(pubsub)) == list(range(450))


def test_without_pubsub_nothing_is_lost_and_the_job_is_tried_again(
    relay: Relay, function: Callable[[str], FlaskClient], platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(platform, 1, timedelta(minutes=1))
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", closed_port())
    instance.forget()
    cut_off = function("audit_relay_outbox")
    assert push(cut_off, message_of({}), "relay-outbox").status_code == 503
    assert list(documents(platform.firestore, "outbox")) == ["outbox/evt_1"]


def test_a_topic_that_is_gone_does_not_hold_up_the_others(relay: Relay, platform: Platform, pubsub: PubSub) -> None:
    leave(platform, 1, timedelta(minutes=2), "no-such-topic")
    leave(platform, 2, timedelta(minutes=1))
    assert relay() == 503
    assert [data_of(m)["eventId"] for m in pulled(pubsub)] == ["evt_2"]
    assert list(documents(platform.firestore, "outbox")) == ["outbox/evt_1"]
