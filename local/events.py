"""Keeps what was published, for `GET /_local/events`: one line of JSON per message in the state folder."""

from __future__ import annotations

import base64
import json
import threading
from typing import Any

import requests

from local.environment import State
from local.provision import PubSub

PAUSE_SECONDS = 0.2


class EventRecorder:
    """One thread that pulls every topic's recorder subscription."""

    def __init__(self, pubsub: PubSub, topics: list[str], state: State) -> None:
        self._pubsub = pubsub
        self._topics = topics
        self._state = state
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="event-recorder", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._ended.wait(PAUSE_SECONDS):
            for topic in self._topics:
                try:
                    self._write(topic, self._pubsub.pull(topic))
                except requests.RequestException:
                    # The emulator is stopping, or slow: what it still has is pulled next time.
                    continue

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
        "data": json.loads(base64.b64decode(message.get("data", "")) or b"{}"),
    }
