"""Slack's incoming webhooks, and what is compatible with them: `shared.monitoring.ports.Channel`.

The address is the credential: it is never logged. Slack has no idempotency key, so after a lost answer a message is
sent again: an alert that comes twice is better than one that does not come.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from shared.integrations.http_client import Pace, Patience, ProviderSession
from shared.monitoring.errors import ChannelRefused
from shared.monitoring.notices import Notice, cut
from shared.platform.clock import Clock
from shared.platform.context import Platform
from shared.platform.ids import Ids
from shared.platform.outbox import Outgoing

# A webhook takes a message a second.
PER_SECOND = 1.0
PATIENCE = Patience(2, 10.0, "The alert is sent again later.")
# Slack's limits for a section and, well below its own, for the notification.
MOST_SECTION, MOST_TEXT, MOST_CONTEXT = 3000, 1000, 1000
ESCAPES = {
    # What begins a link, a mention or a date, and what begins these three.
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    # What formats: replaced by what looks like it.
    "*": "∗",
    "~": "∼",
    "`": "ˋ",
}
WORD = re.compile(r"[a-z_]{1,60}")


def connect(platform: Platform) -> Slack:
    """Asks nobody yet."""
    return Slack(platform.settings.slack_webhook_url, platform.clock, platform.ids)


class Slack:
    """Threads may share it."""

    name = "slack"
    closes = False

    def __init__(self, url: str, clock: Clock, ids: Ids) -> None:
        self._url = url
        self._clock = clock
        self._ids = ids
        self._pace = Pace(clock, PER_SECOND)

    def deliver(self, notice: Notice) -> Sequence[Outgoing]:
        # Its patience is for one message.
        session = ProviderSession(self.name, self._clock, self._ids, PER_SECOND, 1, PATIENCE, self._pace)
        reply = session.send("POST", self._url, headers={}, json=payload(notice), text=True)
        word = str(reply.body).strip()
        if reply.status == 200 and word == "ok":
            return ()
        if reply.status < 300:
            # A proxy's page: whether Slack has got it is not known.
            raise session.unavailable(f"answered {reply.status} without ok")
        raise ChannelRefused(f"{reply.status} {word if WORD.fullmatch(word) else ''}".strip())


def payload(notice: Notice) -> dict[str, Any]:
    """The message: a text for notifications, and blocks that nothing in the alert can make more of."""
    measured = [("value", notice.value), ("threshold", notice.threshold), ("tags", notice.tags), ("at", _time(notice))]
    facts = " · ".join([f"{name} {value}" for name, value in measured if value] + [notice.dedup_key])
    headline = escaped(notice.headline, MOST_TEXT // 2)
    blocks = [
        _section(f"*{headline}*\n{escaped(notice.message, MOST_SECTION - len(headline) - 3)}"),
        {"type": "context", "elements": [_text(escaped(facts, MOST_CONTEXT))]},
    ]
    if notice.remark:
        blocks.append(_section(escaped(notice.remark, MOST_SECTION)))
    return {
        "text": escaped(f"{notice.headline}: {notice.message}", MOST_TEXT),
        "mrkdwn": False,
        "blocks": blocks,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def escaped(text: str, most: int) -> str:
    """Without any mark-up, at most so many characters as they are sent; no escape is cut in two."""
    found, length = list[str](), 0
    for character in _plain_underscores(cut(text, most)):
        written = ESCAPES.get(character, character)
        length += len(written)
        if length > most - 1:
            return "".join([*found, "…"])
        found.append(written)
    return "".join(found)


def _plain_underscores(text: str) -> str:
    """Within a word they format nothing, and names of log lines can be copied."""
    return re.sub(r"(?<!\w)_|_(?!\w)", "ˍ", text)


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _text(text)}


def _text(text: str) -> dict[str, Any]:
    # Verbatim: Slack makes no links of what looks like an address, a channel or a name.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _time(notice: Notice) -> str:
    return f"{notice.at:%Y-%m-%d %H:%M:%S} UTC"
