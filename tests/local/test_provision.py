"""Subscriptions are made as they are declared."""

from __future__ import annotations

import os
from typing import Any

import pytest
import requests

from local.provision import PubSub
from shared.runtime.declare import declaration_of, subscriber
from shared.runtime.manifest import Declared
from shared.runtime.request import Delivery

TOPIC = "verification-events"


def subscription(project: str, name: str) -> dict[str, Any]:
    base = f"http://{os.environ['PUBSUB_EMULATOR_HOST']}/v1/projects/{project}"
    found: dict[str, Any] = requests.get(f"{base}/subscriptions/{name}", timeout=10).json()
    return found


@pytest.mark.parametrize("ordered", [False, True])
def test_a_subscription_is_ordered_where_it_is_declared(pubsub: PubSub, project: str, ordered: bool) -> None:
    @subscriber(TOPIC, ordered=ordered)
    def handle(delivery: Delivery) -> None:
        raise AssertionError("Nothing is delivered here.")

    function = Declared("things", "listen", declaration_of(handle), handle)
    pubsub.create_subscriptions([function], "http://127.0.0.1:1/_push")
    made = subscription(project, f"things-listen.{TOPIC}")
    assert made["topic"] == f"projects/{project}/topics/{TOPIC}"
    assert made.get("enableMessageOrdering", False) is ordered
    assert made["deadLetterPolicy"]["deadLetterTopic"].endswith("/topics/things-listen-dead-letter")
