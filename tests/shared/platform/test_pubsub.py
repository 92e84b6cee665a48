"""Publishing: confirmed, or unavailable."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterable
from typing import Any

import pytest

from local.ports import free_port
from local.provision import PubSub
from shared.platform.context import Platform
from shared.platform.errors import Unavailable
from shared.platform.pubsub import Message, Publisher
from tests.factories.silence import Silence
from tests.factories.stopwatch import Stopwatch
from tests.factories.throw_away import serving_http

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


# --- the probe


def test_a_probe_of_a_pubsub_that_answers_publishes_nothing(platform: Platform, pubsub: PubSub) -> None:
    platform.publisher.probe(TOPIC, 2)
    assert pubsub.pull(TOPIC) == []


def test_a_probe_of_an_unknown_topic_is_unavailable(platform: Platform) -> None:
    with pytest.raises(Unavailable, match="no-such-topic answered the probe with status 404"):
        platform.publisher.probe("no-such-topic", 2)


def test_a_probe_of_a_pubsub_that_is_not_there_or_silent_is_unavailable_in_time() -> None:
    with Silence() as silent:
        for address in (silent.address, f"127.0.0.1:{free_port()}"):
            with Stopwatch() as watch, pytest.raises(Unavailable, match=f"{TOPIC} cannot be reached"):
                Publisher("a-project", address).probe(TOPIC, 0.3)
            assert watch.seconds < 1


@pytest.mark.parametrize("status", [200, 400, 429])
def test_who_answers_the_probe_is_there(status: int) -> None:
    probe_of_one_that_answers(status)


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
def test_who_lets_nothing_through_is_unavailable(status: int) -> None:
    with pytest.raises(Unavailable, match=f"answered the probe with status {status}"):
        probe_of_one_that_answers(status)


def probe_of_one_that_answers(status: int) -> None:
    def app(_: Any, start_response: Any) -> Iterable[bytes]:
        start_response(f"{status} Whatever", [("Content-Type", "application/json")])
        return [b"{}"]

    with serving_http(app) as url:
        Publisher("a-project", url.removeprefix("http://")).probe(TOPIC, 2)
