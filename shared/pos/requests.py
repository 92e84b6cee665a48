"""What is asked of the sync: messages on `sync-requests`, from the Scheduler, a trigger, a webhook or a run itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.platform.pubsub import Message
from shared.pos.models import INCREMENTAL, MODES, OBJECTS, SOURCES

TOPIC = "sync-requests"


@dataclass(frozen=True, kw_only=True)
class SyncRequest:
    """One message. `id` names it in the outbox.

    `job`: a job that exists. `window`: go on with this part of it. `ids`: only these records of `stream` (mode
    `objects`), which a webhook has named. `start`, `end`: as `rules.moment_of` reads them.
    """

    id: str
    source: str
    mode: str = INCREMENTAL
    start: str = ""
    end: str = ""
    job: str = ""
    window: str = ""
    stream: str = ""
    ids: Sequence[str] = ()
    topic: str = TOPIC

    def message(self) -> Message:
        data = {
            "source": self.source,
            "mode": self.mode,
            "from": self.start,
            "to": self.end,
            "jobId": self.job,
            "window": self.window,
            "stream": self.stream,
            "ids": list(self.ids),
        }
        return Message(json.dumps({name: value for name, value in data.items() if value}), {"source": self.source})

    @classmethod
    def of(cls, message_id: str, data: Mapping[str, Any]) -> SyncRequest:
        """Raises ValueError for a message that no retry makes better; the dead-letter topic keeps it."""
        source, mode = data.get("source"), data.get("mode", INCREMENTAL)
        if source not in SOURCES:
            raise ValueError(f"source is {source!r}. Send one of {', '.join(SOURCES)}.")
        if mode not in (*MODES, OBJECTS):
            raise ValueError(f"mode is {mode!r}. Send one of {', '.join(MODES)}.")
        names = {"start": "from", "end": "to", "job": "jobId", "window": "window", "stream": "stream"}
        texts = {name: data.get(wire, "") for name, wire in names.items()}
        wrong = next((names[name] for name, value in texts.items() if not isinstance(value, str)), None)
        ids = data.get("ids", [])
        if wrong or not isinstance(ids, list) or not all(isinstance(found, str) for found in ids):
            raise ValueError(f"{wrong or 'ids'} is no text. See docs/square.md for the shape of a request.")
        return cls(id=message_id, source=source, mode=mode, ids=tuple(ids), **texts)
