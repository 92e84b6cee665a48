"""What is given up is parked, once, sealed; it is published again or thrown away by order."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from local.provision import PubSub
from shared.monitoring.dead_letters import DeadLetters
from shared.monitoring.orders import TOPIC_OF_ORDERS, message_of
from shared.platform.context import Platform
from shared.platform.mail import Mail
from shared.platform.pubsub import Message
from tests.factories.documents import documents
from tests.factories.messages import SECURITY_EVENTS, data_of, pulled, push
from tests.factories.silence import closed_port

ADDRESS, NAME = "somebody@example.com", "José Núñez"
Function = Callable[[str], FlaskClient]


@pytest.fixture
def topics() -> list[str]:
    return ["emails", "security-events", "verification-events"]


def given_up(message: Message, message_id: str, subscription: str = "notifications-send-email.emails") -> dict:
    """As Pub/Sub moves it to the dead-letter topic."""
    source = {
        "CloudPubSubDeadLetterSourceSubscription": subscription,
        "CloudPubSubDeadLetterSourceSubscriptionProject": "p",
        "CloudPubSubDeadLetterSourceDeliveryCount": "5",
        "CloudPubSubDeadLetterSourceTopicPublishTime": "2026-07-01T17:00:00.000Z",
    }
    data = message.data if isinstance(message.data, bytes) else message.data.encode()
    return {
        "data": base64.b64encode(data).decode(),
        "attributes": {**message.attributes, **source},
        "messageId": message_id,
        "publishTime": "2026-07-01T17:02:30.000Z",
    }


def mail(platform: Platform, number: int = 1) -> Message:
    data = {"name": NAME, "tier": "gold", "price": 47}
    now = platform.clock.now()
    return Mail(id=f"mail_{number}", template="membership_welcome", to=ADDRESS, data=data, queued_at=now).message()


@pytest.fixture
def park(function: Function) -> Callable[..., int]:
    client = function("monitoring_park_dead_letter")
    return lambda message: push(client, message, "dead-letters").status_code


@pytest.fixture
def order(function: Function, platform: Platform) -> Callable[..., int]:
    client = function("monitoring_resolve_dead_letters")

    def send(action: str, *ids: str, of: str = "", when: str = "2100-01-01T00:00:00.000Z") -> int:
        data = message_of("order_1", action, ids, of).data
        message = {"data": base64.b64encode(str(data).encode()).decode(), "attributes": {}, "messageId": "1"}
        return push(client, {**message, "publishTime": when}, TOPIC_OF_ORDERS).status_code

    return send


def test_it_is_kept_sealed_and_shown_without_anything_personal(platform: Platform, park: Callable[..., int]) -> None:
    assert park(given_up(mail(platform), "m-1")) == 200
    letters = DeadLetters(platform)
    assert letters.count() == 1
    (letter,) = letters.parked()
    assert (letter.id, letter.function, letter.topic, letter.tries, letter.state) == (
        "m-1",
        "notifications-send-email",
        "emails",
        5,
        "parked",
    )
    assert json.loads(letter.content) == {
        "emailId": "mail_1",
        "template": "membership_welcome",
        "to": f"(text of {len(ADDRESS)})",
        "data": {"name": f"(text of {len(NAME)})", "tier": "(text of 4)", "price": "(number)"},
        "queuedAt": "2026-07-01T17:00:00.000Z",
        "customerHash": "(text of 0)",
        "about": "(text of 0)",
    }
    assert json.loads(letter.attributes)["eventId"] == "mail_1"
    stored = repr(documents(platform.firestore, "dead_letters"))
    assert not [told for told in (ADDRESS, NAME, "example", "gold") if told in stored]


def test_the_same_message_is_parked_once_also_after_it_was_resolved(
    platform: Platform, park: Callable[..., int], order: Callable[..., int]
) -> None:
    for _ in range(2):
        assert park(given_up(mail(platform), "m-1")) == 200
    assert DeadLetters(platform).count() == 1
    assert order("discard", "m-1") == 200
    assert park(given_up(mail(platform), "m-1")) == 200
    assert DeadLetters(platform).count() == 0


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (b"no JSON at all", "14 bytes that are not JSON"),
        (b"\xff\x00\xfe", "3 bytes that are not JSON"),
        (b"[1, 2, 3]", ["(number)", "3 in all"]),
        (b"", "0 bytes that are not JSON"),
        (b'{"a name of somebody": "x", "type": "not a type"}', {"(a name)": "(text of 1)", "type": "(text of 10)"}),
    ],
)
def test_whatever_it_is_it_is_parked_and_published_again_as_it_was(
    platform: Platform,
    pubsub: PubSub,
    park: Callable[..., int],
    order: Callable[..., int],
    content: bytes,
    shown: Any,
) -> None:
    assert park(given_up(Message(content, {"job": "x"}), "m-1")) == 200
    (letter,) = DeadLetters(platform).parked()
    assert json.loads(letter.content) == shown
    assert order("replay", "m-1") == 200
    (again,) = pulled(pubsub, "emails")
    assert base64.b64decode(again.get("data", "")) == content
    assert again["attributes"] == {"job": "x"}


def test_it_goes_to_its_topic_with_its_attributes_and_its_ordering_key(
    platform: Platform, pubsub: PubSub, park: Callable[..., int], order: Callable[..., int]
) -> None:
    platform.publisher.publish("verification-events", [Message("{}", {"type": "x"}, "c-1")])
    (first,) = pulled(pubsub)
    moved = given_up(Message("{}", first["attributes"]), "m-1", "audit-record-event.verification-events")
    assert park(moved) == 200
    assert order("replay", "m-1") == 200
    (again,) = pulled(pubsub)
    assert again["attributes"] == first["attributes"]
    assert again["orderingKey"] == first["orderingKey"] == "c-1"


def test_what_is_resolved_is_resolved_once_and_told_to_the_audit_trail(
    platform: Platform, pubsub: PubSub, park: Callable[..., int], order: Callable[..., int]
) -> None:
    for number in range(4):
        park(given_up(mail(platform, number), f"m-{number}"))
    assert order("replay", "m-0", "m-1") == 200
    assert order("replay", "m-0", "m-1") == 200
    assert order("discard", "m-1", "m-2") == 200
    assert [data_of(message)["emailId"] for message in pulled(pubsub, "emails")] == ["mail_0", "mail_1"]
    letters = DeadLetters(platform)
    states = {f"m-{n}": getattr(letters.get(f"m-{n}"), "state", "") for n in range(4)}
    assert states == {"m-0": "replayed", "m-1": "replayed", "m-2": "discarded", "m-3": "parked"}
    assert letters.count() == 1
    told = [data_of(message) for message in pulled(pubsub, SECURITY_EVENTS)]
    assert sorted((event["type"], event["requestId"], event["data"]["code"]) for event in told) == [
        ("security.dead_letter_resolved", "order_1", "discarded"),
        ("security.dead_letter_resolved", "order_1", "replayed"),
        ("security.dead_letter_resolved", "order_1", "replayed"),
    ]
    left = documents(platform.firestore, "dead_letters")["dead_letters/m-2"]
    assert not {"sealed", "keyId"} & left.keys()
    assert left["expireAt"] - left["resolvedAt"] == timedelta(days=90)


def test_an_order_for_a_function_or_for_all_means_what_was_parked_by_then(
    platform: Platform, park: Callable[..., int], order: Callable[..., int]
) -> None:
    park(given_up(mail(platform), "m-1"))
    park(given_up(mail(platform), "m-2", "audit-record-event.verification-events"))
    assert order("discard", of="pos-sync") == 200
    assert order("discard", when="2000-01-01T00:00:00.000Z") == 200
    assert DeadLetters(platform).count() == 2
    assert order("discard", of="audit-record-event") == 200
    assert [letter.id for letter in DeadLetters(platform).parked()] == ["m-1"]
    assert order("discard") == 200
    assert DeadLetters(platform).count() == 0


def test_a_topic_that_is_gone_holds_up_no_other(
    platform: Platform, pubsub: PubSub, park: Callable[..., int], order: Callable[..., int]
) -> None:
    park(given_up(mail(platform), "m-1", "things-listen.no-such-topic"))
    park(given_up(mail(platform), "m-2"))
    assert order("replay") == 503
    assert [letter.id for letter in DeadLetters(platform).parked()] == ["m-1"]
    assert len(pulled(pubsub, "emails")) == 1


def test_a_crash_between_publishing_and_marking_publishes_once_more(
    platform: Platform, pubsub: PubSub, park: Callable[..., int], order: Callable[..., int]
) -> None:
    """As whoever dies there leaves it: published, and still parked."""
    park(given_up(mail(platform), "m-1"))
    platform.publisher.publish("emails", [mail(platform)])
    assert order("replay", "m-1") == 200
    assert {data_of(message)["emailId"] for message in pulled(pubsub, "emails")} == {"mail_1"}
    assert DeadLetters(platform).count() == 0


@pytest.mark.parametrize(
    "data", [{}, {"action": "burn", "ids": [], "function": ""}, {"action": "discard"}, {"action": "replay", "ids": ""}]
)
def test_what_is_no_order_does_nothing(
    platform: Platform, park: Callable[..., int], function: Function, data: dict[str, Any]
) -> None:
    park(given_up(mail(platform), "m-1"))
    message = {"data": base64.b64encode(json.dumps(data).encode()).decode(), "attributes": {}, "messageId": "1"}
    assert push(function("monitoring_resolve_dead_letters"), message, TOPIC_OF_ORDERS).status_code == 500
    assert DeadLetters(platform).count() == 1


def test_without_firestore_pubsub_keeps_it(
    function: Function, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", closed_port())
    from shared.runtime import instance

    instance.forget()
    client = function("monitoring_park_dead_letter")
    assert push(client, given_up(mail(platform), "m-1"), "dead-letters").status_code == 503
