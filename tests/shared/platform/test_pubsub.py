"""Publishing: confirmed, or unavailable."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest

from local.provision import PubSub
from shared.platform.context import Platform
from shared.platform.errors import Unavailable
from shared.platform.pubsub import Message, Publisher
from tests.factories.processes import free_port

TOPIC = "verification-events"


def received(pubsub: PubSub, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    deadline = time.monotonic() + 20
    while len(found) < count and time.monotonic() < deadline:
        found += pubsub.pull(TOPIC)
    return found


def test_text_and_attributes_arrive_as_they_were_sent(platform: Platform, pubsub: PubSub) -> None:
    platform.publisher.publish(TOPIC, [Message('{"a":"José 李"}', {"type": "t"})])
    (message,) = received(pubsub, 1)
    assert base64.b64decode(message["data"]).decode() == '{"a":"José 李"}'
    assert message["attributes"] == {"type": "t"}


def test_many_go_in_one_call(platform: Platform, pubsub: PubSub) -> None:
    platform.publisher.publish(TOPIC, [Message(f'{{"n":{n}}}') for n in range(100)])
    assert len(received(pubsub, 100)) == 100


def test_an_unknown_topic_is_unavailable(platform: Platform) -> None:
    with pytest.raises(Unavailable, match="no-such-topic refused the messages with status 404"):
        platform.publisher.publish("no-such-topic", [Message("{}")])


def test_a_pubsub_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable, match=f"{TOPIC} cannot be reached"):
        Publisher("a-project", f"127.0.0.1:{free_port()}").publish(TOPIC, [Message("{}")])
