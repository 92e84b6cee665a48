"""PagerDuty's Events API v2: `shared.monitoring.ports.Channel`.

The routing key in the body is the credential: it is never logged. The key of an alert makes repeating harmless:
PagerDuty takes a second trigger into the open incident, and drops the end of one that is not open.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from shared.integrations.http_client import Pace, Patience, ProviderSession, Reply
from shared.monitoring.errors import ChannelRefused
from shared.monitoring.notices import Notice, cut
from shared.platform.clock import Clock, wire_time
from shared.platform.context import Platform
from shared.platform.ids import Ids
from shared.platform.outbox import Outgoing

# A routing key takes 120 events a minute.
PER_SECOND = 2.0
PATIENCE = Patience(2, 10.0, "The alert is sent again later.")
SEVERITIES = {"critical": "critical", "warning": "warning"}
MOST_SUMMARY, MOST_KEY, MOST_DETAIL, MOST_REASON = 1024, 255, 10_000, 200


def connect(platform: Platform) -> PagerDuty:
    """Asks nobody yet."""
    settings, clock, ids = platform.settings, platform.clock, platform.ids
    return PagerDuty(settings.pagerduty_url, settings.pagerduty_routing_key, settings.environment, clock, ids)


class PagerDuty:
    """Threads may share it."""

    name = "pagerduty"
    closes = True

    def __init__(self, url: str, routing_key: str, environment: str, clock: Clock, ids: Ids) -> None:
        self._url = f"{url}/v2/enqueue"
        self._routing_key = routing_key
        self._environment = environment
        self._clock = clock
        self._ids = ids
        self._pace = Pace(clock, PER_SECOND)

    def deliver(self, notice: Notice) -> Sequence[Outgoing]:
        event = {"routing_key": self._routing_key, **body(notice, self._environment)}
        # Its patience is for one event.
        session = ProviderSession(self.name, self._clock, self._ids, PER_SECOND, 1, PATIENCE, self._pace)
        reply = session.send("POST", self._url, headers={}, json=event)
        if reply.status == 202:
            return ()
        if reply.status < 300:
            raise session.unavailable(f"answered {reply.status} in place of 202")
        raise ChannelRefused(self._reason(reply))

    def _reason(self, reply: Reply) -> str:
        errors = reply.body.get("errors") if isinstance(reply.body, dict) else None
        told = "; ".join(map(str, errors)) if isinstance(errors, list) else ""
        return cut(f"{reply.status} {told}".strip().replace(self._routing_key, "***"), MOST_REASON)


def body(notice: Notice, environment: str) -> dict[str, Any]:
    """The event, without the routing key. A reminder triggers again: it opens an incident that a person has closed."""
    if not notice.opens:
        return {"event_action": "resolve", "dedup_key": dedup_key(notice.dedup_key)}
    return {
        "event_action": "trigger",
        "dedup_key": dedup_key(notice.dedup_key),
        "client": "LivHana",
        "payload": {
            "summary": cut(f"{notice.title}: {notice.message}", MOST_SUMMARY),
            "source": f"livhana-{environment}",
            # One that this map does not know is serious until somebody says otherwise.
            "severity": SEVERITIES.get(notice.severity, "error"),
            "timestamp": wire_time(notice.at),
            "custom_details": {
                "message": cut(notice.message, MOST_DETAIL),
                "value": notice.value,
                "threshold": notice.threshold,
                "tags": notice.tags,
                "event": notice.event_id,
                **({"remark": notice.remark} if notice.remark else {}),
            },
        },
    }


def dedup_key(key: str) -> str:
    """As it is, unless it is too long: then a key of its own, the same each time."""
    return key if len(key) <= MOST_KEY else hashlib.sha256(key.encode()).hexdigest()
