"""What was published is kept, whatever it is: a poison message must not end the recorder."""

from __future__ import annotations

import json
from pathlib import Path

from local.environment import State
from local.events import EventRecorder
from local.provision import PubSub
from shared.platform.context import Platform
from shared.platform.pubsub import Message

TOPIC = "security-events"


def test_a_message_that_is_no_json_is_kept_as_text_and_the_next_one_too(
    platform: Platform, pubsub: PubSub, tmp_path: Path
) -> None:
    platform.publisher.publish(TOPIC, [Message("poison", {"n": "1"}), Message('{"fine": true}', {"n": "2"})])
    state = State(tmp_path)
    EventRecorder(pubsub, [TOPIC], state).step()
    kept = [json.loads(line) for line in state.events_file.read_text().splitlines()]
    assert {line["attributes"]["n"]: line["data"] for line in kept} == {"1": "poison", "2": {"fine": True}}
