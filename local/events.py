"""Keeps what was published, for `GET /_local/events`: one line of JSON per message in the state folder."""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any

import grpc

from local.background import Background
from local.environment import State
from local.provision import PubSub

# How soon a message that came is written, and how soon a pull that failed is tried again.
PAUSE_SECONDS = 0.1


class EventRecorder(Background):
    """Keeps a pull of every topic's recorder subscription under way: without messages nobody has anything to do."""

    def __init__(self, pubsub: PubSub, topics: list[str], state: State) -> None:
        super().__init__("event-recorder")
        self._pubsub = pubsub
        self._topics = topics
        self._state = state
        self._pulls: dict[str, Any] = {}

    def pause(self) -> float:
        return PAUSE_SECONDS

    def step(self) -> None:
        for topic in self._topics:
            pull = self._pulls.get(topic)
            if pull and pull.done():
                # The emulator is stopping, or slow: what it still has is pulled next time.
                with contextlib.suppress(grpc.RpcError):
                    self._write(topic, self._pubsub.received(topic, pull.result()))
            if not pull or pull.done():
                self._pulls[topic] = self._pubsub.start_pull(topic)

    def stop(self) -> None:
        super().stop()
        for pull in self._pulls.values():
            pull.cancel()

    def _write(self, topic: str, messages: list[dict[str, Any]]) -> None:
        if messages:
            with self._state.events_file.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(_line(topic, message), ensure_ascii=False) + "\n" for message in messages)


def _line(topic: str, message: dict[str, Any]) -> dict[str, Any]:
    return {
        "topic": topic,
        "messageId": message["messageId"],
        "publishTime": message["publishTime"],
        "attributes": message.get("attributes", {}),
        "data": _data(base64.b64decode(message.get("data", ""))),
    }


def _data(raw: bytes) -> Any:
    """The JSON value, or the text of a poison message: a recorder that ended over one would lose what follows."""
    try:
        return json.loads(raw or b"{}")
    except ValueError:
        return raw.decode(errors="replace")
