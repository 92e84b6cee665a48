"""PagerDuty's Events API v2: incidents by routing key and dedup key, opened, acknowledged and resolved.

What is well formed is answered 202, whatever becomes of it: an event for a key that it does not know, and the end of an
incident that is not open, are dropped without a word. `GET /incidents` shows what a person sees, `GET /events` all that
came; `POST /incidents/{key}/acknowledge` and `/resolve` are that person.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import unquote

from local.simulators.messages import Answer, Refused, Request, Wrong
from local.simulators.provider import Parameters, Provider, Route
from local.simulators.traps import Strike
from shared.platform.clock import wire_time

ROUTING_KEY = "made0up0routing0key0of0simulator"
TABLES = """
CREATE TABLE events (number INTEGER PRIMARY KEY, at TEXT NOT NULL, outcome TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE incidents (
    number INTEGER PRIMARY KEY, key TEXT NOT NULL, state TEXT NOT NULL, severity TEXT NOT NULL, summary TEXT NOT NULL,
    opened_at TEXT NOT NULL, triggers INTEGER NOT NULL
);
"""
OPEN, ACKED, RESOLVED = "open", "acked", "resolved"
SEVERITIES = ("critical", "error", "warning", "info")
MOST_SUMMARY, MOST_KEY, MOST_BYTES = 1024, 255, 512 * 1024
STATUSES = {"unauthorized": 401, "forbidden": 403, "rate_limited": 429, "wrong_method": 405}


class PagerDutyProvider(Provider):
    name = "pagerduty"
    # Events that a routing key may send in sixty seconds.
    parameters: ClassVar = {"per_minute": 120}
    streams = ()
    tables = TABLES
    prefixes = ("/v2",)
    own_traps: ClassVar[Mapping[str, str]] = {
        "down": "the connection is closed on every call; 503: that is answered",
        "lost_answer": "every n-th event is taken, and its answer lost",
        "invalid_event": "every event is refused: 400",
    }

    @classmethod
    def environment(cls, url: str) -> dict[str, str]:
        return {"PAGERDUTY_URL": url, "PAGERDUTY_ROUTING_KEY": ROUTING_KEY}

    def seed(self, parameters: Parameters) -> None:
        """No incident yet."""

    def seeded(self, parameters: Parameters) -> None:
        self._per_minute = parameters["per_minute"]
        self._recent: deque[float] = deque()
        self._guard = threading.Lock()

    def routes(self) -> Sequence[Route]:
        return [("POST", "/v2/enqueue", self._enqueue)]

    def controls(self) -> Sequence[Route]:
        return [
            ("GET", "/incidents", self._incidents),
            ("GET", "/events", self._events),
            ("DELETE", "/events", self._forgotten),
            ("POST", "/incidents/{key}/acknowledge", lambda _, key: self._person(key, ACKED)),
            ("POST", "/incidents/{key}/resolve", lambda _, key: self._person(key, RESOLVED)),
        ]

    def admit(self, request: Request) -> None:
        if self.traps["down"]:
            raise Refused(Answer.json(503, {}) if self.traps["down"] == 503 else Answer(0, lost=True))
        with self._guard:
            now = time.monotonic()
            while self._recent and self._recent[0] <= now - 60:
                self._recent.popleft()
            if len(self._recent) >= self._per_minute:
                raise Refused(Answer.json(429, {"status": "throttle exceeded"}))
            self._recent.append(now)

    def finish(self, request: Request, answer: Answer) -> None:
        """No header of every answer."""

    def refusal(self, strike: Strike) -> Answer:
        after = {} if strike.retry_after is None else {"Retry_After": str(strike.retry_after)}
        return Answer.json(strike.status or STATUSES.get(strike.kind, 404), {"status": strike.kind}, **after)

    def ledger(self, stream: str, start: datetime | None, end: datetime | None) -> dict[str, Any]:
        raise Wrong("PagerDuty keeps no ledger: GET /incidents.")

    def counts(self) -> dict[str, int]:
        rows = self.database.rows("SELECT state, COUNT(*) FROM incidents GROUP BY state")
        return {OPEN: 0, ACKED: 0, RESOLVED: 0, **dict(rows)}

    # --- views

    def _enqueue(self, request: Request) -> Answer:
        try:
            event = request.json()
        except ValueError:
            event = None
        errors = _errors(event, len(request.body))
        if errors or self.traps["invalid_event"]:
            body = {"status": "invalid event", "message": "Event object is invalid", "errors": errors}
            return Answer.json(400, body)
        with self.database.write() as connection:
            number = connection.execute("SELECT COUNT(*) FROM events").fetchone()[0]
            key = event.get("dedup_key") or f"generated-{number}"
            outcome = self._taken(connection, event, key)
            # The credential is nobody's to read here.
            kept = json.dumps({name: value for name, value in event.items() if name != "routing_key"})
            row = (wire_time(self.clock.now()), outcome, kept)
            connection.execute("INSERT INTO events (at, outcome, body) VALUES (?, ?, ?)", row)
        if self.traps.every("lost_answer"):
            return Answer(0, lost=True)
        return Answer.json(202, {"status": "success", "message": "Event processed", "dedup_key": key})

    def _taken(self, connection: sqlite3.Connection, event: Mapping[str, Any], key: str) -> str:
        """What becomes of it."""
        if event["routing_key"] != ROUTING_KEY:
            return "dropped"
        unresolved = "SELECT number FROM incidents WHERE key = ? AND state <> ?"
        found = connection.execute(unresolved, (key, RESOLVED)).fetchone()
        if event["event_action"] == "trigger":
            if found:
                connection.execute("UPDATE incidents SET triggers = triggers + 1 WHERE number = ?", found)
                return "deduplicated"
            payload = event["payload"]
            row = (key, OPEN, payload["severity"], payload["summary"], wire_time(self.clock.now()))
            insert = (
                "INSERT INTO incidents (key, state, severity, summary, opened_at, triggers) VALUES (?, ?, ?, ?, ?, 1)"
            )
            connection.execute(insert, row)
            return "opened"
        if not found:
            return "dropped"
        state = ACKED if event["event_action"] == "acknowledge" else RESOLVED
        connection.execute("UPDATE incidents SET state = ? WHERE number = ?", (state, *found))
        return state

    def _incidents(self, _: Request) -> Answer:
        names = ("dedupKey", "state", "severity", "summary", "openedAt", "triggers")
        rows = self.database.rows(
            "SELECT key, state, severity, summary, opened_at, triggers FROM incidents ORDER BY number"
        )
        return Answer.json(200, {"incidents": [dict(zip(names, row, strict=True)) for row in rows]})

    def _events(self, _: Request) -> Answer:
        rows = self.database.rows("SELECT at, outcome, body FROM events ORDER BY number")
        events = [{"at": at, "outcome": outcome, "event": json.loads(body)} for at, outcome, body in rows]
        return Answer.json(200, {"events": events})

    def _forgotten(self, _: Request) -> Answer:
        with self.database.write() as connection:
            connection.execute("DELETE FROM events")
            connection.execute("DELETE FROM incidents")
        return Answer.json(200, {})

    def _person(self, key: str, state: str) -> Answer:
        with self.database.write() as connection:
            change = "UPDATE incidents SET state = ? WHERE key = ? AND state <> ?"
            changed = connection.execute(change, (state, unquote(key), RESOLVED)).rowcount
        if not changed:
            raise Wrong(f"There is no open incident {unquote(key)}.")
        return Answer.json(200, {"changed": changed})


def _errors(event: Any, size: int) -> list[str]:
    """Sentences as the real one has them: what is missing or too long."""
    if not isinstance(event, dict):
        return ["Body is not a JSON object"]
    if size > MOST_BYTES:
        return ["Event is too large"]
    missing = [f"'{name}' is missing or blank" for name in ("routing_key", "event_action") if not event.get(name)]
    action, key = event.get("event_action"), event.get("dedup_key")
    if action not in ("trigger", "acknowledge", "resolve"):
        return [*missing, "'event_action' is invalid"]
    if key is not None and not (isinstance(key, str) and 0 < len(key) <= MOST_KEY):
        missing.append("'dedup_key' is invalid")
    if action != "trigger":
        return missing + ([] if key else ["'dedup_key' is missing or blank"])
    return missing + _payload_errors(event.get("payload"))


def _payload_errors(payload: Any) -> list[str]:
    if not isinstance(payload, dict):
        return ["'payload' is missing or blank"]
    errors = [
        f"'payload.{name}' is missing or blank" for name in ("summary", "source", "severity") if not payload.get(name)
    ]
    if len(str(payload.get("summary", ""))) > MOST_SUMMARY:
        errors.append(f"'payload.summary' exceeds {MOST_SUMMARY} characters")
    if payload.get("severity") and payload["severity"] not in SEVERITIES:
        errors.append("'payload.severity' is invalid")
    return errors
