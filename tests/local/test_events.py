"""What was published is kept, whatever it is: a poison message must not end the recorder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from local.environment import State
from local.events import EventRecorder
from local.provision import PubSub
from shared.platform.context import Platform
from shared.platform.pubsub import Message
from tests.e2e.stack import eventually

TOPIC = "security-events"


def kept(state: State) -> list[dict[str, Any]]:
    return (
        [json.loads(line) for line in state.events_file.read_text().splitlines()] if state.events_file.exists() else []
    )


def test_a_message_that_is_no_json_is_kept_as_text_and_the_next_one_too(
    platform: Platform, pubsub: PubSub, tmp_path: Path
) -> None:
    platform.publisher.publish(TOPIC, [Message("poison", {"n": "1"}), Message('{"fine": true}', {"n": "2"})])
    state = State(tmp_path)
    recorder = EventRecorder(pubsub, [TOPIC], state)
    recorder.start()
    try:
        assert eventually(lambda: len(kept(state)) == 2)
        platform.publisher.publish(TOPIC, [Message("{}", {"n": "3"})])
        assert eventually(lambda: len(kept(state)) == 3)
    finally:
        recorder.stop()
    assert {line["attributes"]["n"]: line["data"] for line in kept(state)} == {
        "1": "poison",
        "2": {"fine": True},
        "3": {},
    }
