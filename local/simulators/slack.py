"""A Slack incoming webhook: one channel that keeps what was posted, and says what a reader would see of it.

It answers `ok` as plain text, refuses in one word, and takes a message a second. What was posted is read with
`GET /messages`: `links` and `mentions` are those that Slack would make of the text.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from local.simulators.messages import Answer, Refused, Request, Wrong
from local.simulators.provider import Parameters, Provider, Route
from local.simulators.traps import Strike
from shared.platform.clock import wire_time

HOOK = "/services/T00000000/B00000000/made-up-webhook-of-the-simulator"
TABLES = "CREATE TABLE messages (number INTEGER PRIMARY KEY, at TEXT NOT NULL, body TEXT NOT NULL)"
MOST_BLOCKS, MOST_SECTION = 50, 3000
STATUSES = {"unauthorized": 403, "forbidden": 403, "rate_limited": 429, "wrong_method": 405}
WORDS = {"unauthorized": "invalid_token", "forbidden": "action_prohibited", "server_error": "rollup_error"}
# <https://...>, <mailto:...>, <#C123>: links; <!channel>, <@U123>: mentions.
CONTROL = re.compile(r"<([^<>]+)>")
BARE = re.compile(r"(?<!\S)(?:https?://\S+|[\w.-]+\.(?:com|org|net|example)\b\S*)")


class SlackProvider(Provider):
    name = "slack"
    # Messages that it takes in a second.
    parameters: ClassVar = {"per_second": 1}
    streams = ()
    tables = TABLES
    prefixes = ("/services",)
    own_traps: ClassVar[Mapping[str, str]] = {
        "down": "the connection is closed on every call; 503: that is answered",
        "lost_answer": "every n-th message is taken, and its answer lost",
        "no_service": "the webhook was removed: 404",
        "archived": "the channel was archived: 410",
        "invalid_payload": "every message is refused: 400",
        "proxy_page": "every n-th call is answered 200 with a page that is not Slack's",
    }

    @classmethod
    def environment(cls, url: str) -> dict[str, str]:
        return {"SLACK_WEBHOOK_URL": f"{url}{HOOK}"}

    def seed(self, parameters: Parameters) -> None:
        """Nothing was posted yet."""

    def seeded(self, parameters: Parameters) -> None:
        self._per_second = parameters["per_second"]
        self._recent: deque[float] = deque()
        self._guard = threading.Lock()

    def routes(self) -> Sequence[Route]:
        return [("POST", HOOK, self._post)]

    def controls(self) -> Sequence[Route]:
        return [("GET", "/messages", self._listed), ("DELETE", "/messages", self._forgotten)]

    def admit(self, request: Request) -> None:
        if self.traps["down"]:
            raise Refused(_plain(503, "down") if self.traps["down"] == 503 else Answer(0, lost=True))
        with self._guard:
            now = time.monotonic()
            while self._recent and self._recent[0] <= now - 1:
                self._recent.popleft()
            if len(self._recent) >= self._per_second:
                raise Refused(_plain(429, "rate_limited", Retry_After="1"))
            self._recent.append(now)

    def finish(self, request: Request, answer: Answer) -> None:
        """No header of every answer."""

    def refusal(self, strike: Strike) -> Answer:
        status = strike.status or STATUSES.get(strike.kind, 404)
        after = {} if strike.retry_after is None else {"Retry_After": str(strike.retry_after)}
        return _plain(status, WORDS.get(strike.kind, "no_service" if status == 404 else strike.kind), **after)

    def ledger(self, stream: str, start: datetime | None, end: datetime | None) -> dict[str, Any]:
        raise Wrong("Slack keeps no ledger: GET /messages.")

    def counts(self) -> dict[str, int]:
        ((count,),) = self.database.rows("SELECT COUNT(*) FROM messages")
        return {"messages": count}

    # --- views

    def _post(self, request: Request) -> Answer:
        for trap, status, word in (("no_service", 404, "no_service"), ("archived", 410, "channel_is_archived")):
            if self.traps[trap]:
                return _plain(status, word)
        if self.traps.every("proxy_page"):
            return Answer(200, b"<html><body>Please try again later.</body></html>", {}, "text/html")
        try:
            message = request.json()
        except ValueError:
            message = None
        if self.traps["invalid_payload"] or not isinstance(message, dict) or not _fits(message):
            return _plain(400, "invalid_payload")
        if not (message.get("text") or message.get("blocks") or message.get("attachments")):
            return _plain(400, "no_text")
        with self.database.write() as connection:
            row = (wire_time(self.clock.now()), json.dumps(message))
            connection.execute("INSERT INTO messages (at, body) VALUES (?, ?)", row)
        return Answer(0, lost=True) if self.traps.every("lost_answer") else _plain(200, "ok")

    def _listed(self, _: Request) -> Answer:
        rows = self.database.rows("SELECT at, body FROM messages ORDER BY number")
        return Answer.json(200, {"messages": [{"at": at, **_seen(json.loads(body))} for at, body in rows]})

    def _forgotten(self, _: Request) -> Answer:
        with self.database.write() as connection:
            connection.execute("DELETE FROM messages")
        return Answer.json(200, {})


def _plain(status: int, word: str, **headers: str) -> Answer:
    answer = Answer.json(status, "", **headers)
    return Answer(status, word.encode(), answer.headers, "text/plain")


def _fits(message: Mapping[str, Any]) -> bool:
    blocks = message.get("blocks") or []
    if not isinstance(blocks, list) or len(blocks) > MOST_BLOCKS or not all(isinstance(b, dict) for b in blocks):
        return False
    return all(0 < len(text["text"]) <= MOST_SECTION for text in _texts(message))


def _texts(message: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every text object of the blocks."""
    for block in message.get("blocks") or []:
        yield from [block["text"]] if "text" in block else block.get("elements", [])


def _seen(message: Mapping[str, Any]) -> dict[str, Any]:
    """The message, what a person reads of it, and what Slack makes links and mentions of."""
    shown = list(_texts(message)) or [{"text": message.get("text", ""), "type": "mrkdwn"}]
    control = [found for text in shown if text.get("type") == "mrkdwn" for found in CONTROL.findall(text["text"])]
    bare = [found for text in shown if not text.get("verbatim") for found in BARE.findall(text["text"])]
    return {
        "read": "\n".join(_unescaped(text["text"]) for text in shown),
        "links": [found for found in control if found[:1] not in "!@"] + bare,
        "mentions": [found for found in control if found[:1] in "!@"],
        "body": message,
    }


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
