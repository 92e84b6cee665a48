"""Webhooks: signed, and sent again when the receiver does not answer 2xx. Square's; others replace `message`."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import queue
import threading
import time
import uuid
from collections import deque
from dataclasses import dataclass
from typing import Any

import requests

from local.simulators.database import Database
from local.simulators.messages import Answer, Request, Wrong
from local.simulators.square_shop import MERCHANT, wire
from shared.platform.clock import Clock, wire_time

# Square's own waits are minutes to hours.
PAUSES = (0.0, 0.2, 0.5)
TIMEOUT_SECONDS = 10
KEPT = 1000


@dataclass(frozen=True)
class Event:
    """`content` is the webhook's `data`, `created` is in milliseconds; `delay` seconds pass before it is sent."""

    type: str
    content: dict[str, Any]
    event_id: str
    created: int
    location: str = ""
    delay: float = 0


def signature(key: str, url: str, body: bytes) -> str:
    """x-square-hmacsha256-signature."""
    return base64.b64encode(hmac.new(key.encode(), url.encode() + body, hashlib.sha256).digest()).decode()


class Webhooks:
    """One subscription. Events leave in order, from a thread of its own; those that are delayed are not waited for."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._waiting: queue.Queue[Event] = queue.Queue()
        self._sent: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._pending = 0
        self._lock = threading.Lock()
        self._subscription: dict[str, str] = database.kept("webhooks", {"url": "", "key": ""})
        threading.Thread(target=self._deliver_all, name="webhooks", daemon=True).start()

    def configure(self, request: Request) -> Answer:
        """POST /webhooks {"url": "...", "key": "..."}; an empty URL ends it. What was sent before is forgotten."""
        wanted = request.object()
        found = {name: wanted.get(name, "") for name in ("url", "key")}
        if not all(isinstance(value, str) for value in found.values()):
            raise Wrong('Send {"url": "https://...", "key": "..."}.')
        self._subscription = found
        with self._lock:
            self._sent.clear()
        self._database.keep("webhooks", found)
        return self.report(request)

    def report(self, _: Request) -> Answer:
        with self._lock:
            found = {"url": self._subscription["url"], "pending": self._pending, "sent": list(self._sent)}
        return Answer.json(200, found)

    def send(self, event: Event, times: int = 1) -> None:
        """Nothing without a subscription."""
        if not self._subscription["url"]:
            return
        with self._lock:
            self._pending += times
        for _ in range(times):
            if event.delay:
                timer = threading.Timer(event.delay, self._waiting.put, (event,))
                timer.daemon = True
                timer.start()
            else:
                self._waiting.put(event)

    def _deliver_all(self) -> None:
        while True:
            event = self._waiting.get()
            note = self._deliver(event)
            with self._lock:
                self._sent.append(note)
                self._pending -= 1

    def _deliver(self, event: Event) -> dict[str, Any]:
        """What came of it; `status` is that of the last try, 0 without an answer."""
        url, key = self._subscription["url"], self._subscription["key"]
        body, headers = self.message(event, url, key)
        status, tries = 0, 0
        for tries, pause in enumerate(PAUSES, start=1):
            time.sleep(pause)
            status = _post(url, body, headers | (self.retried(tries - 1) if tries > 1 else {}))
            if 200 <= status < 300:
                break
        return {
            "type": event.type,
            "id": event.content.get("id"),
            "eventId": event.event_id,
            "status": status,
            "tries": tries,
        }

    def message(self, event: Event, url: str, key: str) -> tuple[bytes, dict[str, str]]:
        """The body and the headers."""
        place = {"location_id": event.location} if event.location else {}
        sent = {"merchant_id": MERCHANT, **place, "type": event.type, "event_id": event.event_id}
        body = json.dumps(
            {**sent, "created_at": wire(event.created), "data": event.content}, ensure_ascii=False
        ).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Square Connect v2",
            "x-square-hmacsha256-signature": signature(key, url, body),
            "x-square-signature": base64.b64encode(
                hmac.new(key.encode(), url.encode() + body, hashlib.sha1).digest()
            ).decode(),
            "square-environment": "Sandbox",
            "square-initial-delivery-timestamp": wire_time(self._clock.now()),
        }
        return body, headers

    def retried(self, times: int) -> dict[str, str]:
        """Further headers of a message that was sent before."""
        return {"square-retry-number": str(times), "square-retry-reason": "http_error"}


def _post(url: str, body: bytes, headers: dict[str, str]) -> int:
    try:
        return requests.post(url, data=body, headers=headers, timeout=TIMEOUT_SECONDS).status_code
    except requests.RequestException:
        return 0


def new_event_id() -> str:
    return str(uuid.uuid4())


def catalog_event(now: int, delay: float = 0) -> Event:
    """It does not say what has changed."""
    changed = {"catalog_version": {"updated_at": wire(now)}}
    content = {"type": "catalog", "id": "", "object": changed}
    return Event("catalog.version.updated", content, new_event_id(), now, delay=delay)
