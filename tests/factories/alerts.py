"""Alerts, the two simulators that they are sent to, and the service between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from local.simulators.pagerduty import ROUTING_KEY
from local.simulators.process import Simulator
from local.simulators.slack import HOOK
from shared.integrations.alert_channels import channels
from shared.monitoring.delivering import Delivering
from shared.monitoring.notices import Notice
from shared.platform.clock import wire_time
from shared.platform.context import Platform
from shared.platform.ids import Ids
from shared.platform.settings import Settings
from tests.factories.documents import documents
from tests.factories.environment import environment
from tests.factories.events import AT
from tests.factories.stepping_clock import SteppingClock

KEY = "error-rate"


def alert_event(kind: str = "raised", at: datetime = AT, event_id: str = "", **changes: Any) -> dict[str, Any]:
    """As it comes from the topic. `changes` replace its data."""
    data = {
        "severity": "critical",
        "title": "Requests fail",
        "message": "1.98% of the requests (2/101) were answered with 5xx in the last 15 minutes",
        "tags": "requests",
        "dedupKey": KEY,
        "value": "1.98",
        "threshold": "1",
        **changes,
    }
    return {
        "eventId": event_id or f"evt_{data['dedupKey']}_{int(at.timestamp())}_{kind}",
        "type": f"alert.{kind}",
        "occurredAt": wire_time(at),
        "customerHash": "",
        "requestId": "",
        "data": data,
    }


def notice(kind: str = "raised", **changes: Any) -> Notice:
    return Notice.of(alert_event(kind, **changes))


class Receivers:
    """Slack and PagerDuty, with what they have received."""

    def __init__(self, slack: Simulator, pagerduty: Simulator) -> None:
        self.slack = slack
        self.pagerduty = pagerduty

    def begin_again(self) -> Receivers:
        for one, path in ((self.slack, "/messages"), (self.pagerduty, "/events")):
            one.clear_traps()
            one.call("DELETE", path)
            one.reset_requests()
        return self

    @property
    def variables(self) -> dict[str, str]:
        return {
            "SLACK_WEBHOOK_URL": f"{self.slack.url}{HOOK}",
            "PAGERDUTY_URL": self.pagerduty.url,
            "PAGERDUTY_ROUTING_KEY": ROUTING_KEY,
        }

    @property
    def messages(self) -> list[dict[str, Any]]:
        """On Slack: {read, links, mentions, body}."""
        return list(self.slack.call("GET", "/messages")["messages"])

    @property
    def headlines(self) -> list[str]:
        return [message["read"].partition("\n")[0].strip("*") for message in self.messages]

    @property
    def incidents(self) -> list[tuple[str, str]]:
        """At PagerDuty: key and state."""
        return [(one["dedupKey"], one["state"]) for one in self.pagerduty.call("GET", "/incidents")["incidents"]]

    @property
    def events(self) -> list[tuple[str, str]]:
        """At PagerDuty: what was sent and what became of it."""
        found = self.pagerduty.call("GET", "/events")["events"]
        return [(one["event"]["event_action"], one["outcome"]) for one in found]


@contextmanager
def receivers(folder: Path) -> Iterator[Receivers]:
    """In real time they would take a message a second: these take any number."""
    with (
        Simulator("slack", folder, per_second=100_000) as slack,
        Simulator("pagerduty", folder, per_minute=100_000) as pagerduty,
    ):
        yield Receivers(slack, pagerduty)


class Desk:
    """Where alerts are delivered: a platform of its own, whose clock is moved and waits for nobody."""

    def __init__(self, project: str, receivers: Receivers, **changes: str) -> None:
        self.receivers = receivers
        self.clock = SteppingClock()
        self.variables = environment(project, **{**receivers.variables, **changes})
        self.platform = self.instance()
        self.delivering = self.of(self.platform)

    def instance(self) -> Platform:
        """Another instance of the same function."""
        return Platform(Settings.load(self.variables), self.clock, Ids(self.clock))

    def of(self, platform: Platform) -> Delivering:
        return Delivering(platform, channels(platform))

    def deliver(self, kind: str = "raised", **changes: Any) -> dict[str, Any]:
        event = alert_event(kind, self.clock.now(), **changes)
        self.delivering.deliver(event)
        return event

    def retry(self) -> int:
        return self.delivering.retry(1000)

    def later(self, *, every: float = 2, **length: float) -> None:
        """Time goes on, and the job runs every two minutes, or so many."""
        until = self.clock.at + timedelta(**length)
        while self.clock.at < until:
            self.clock.advance(minutes=every)
            self.retry()

    def states(self, channel: str) -> list[str]:
        """Of all deliveries, in the order of their alerts."""
        return [found["channels"][channel]["state"] for found in self.deliveries()]

    def reasons(self, channel: str) -> list[str]:
        return [found["channels"][channel]["reason"] for found in self.deliveries()]

    def deliveries(self) -> Sequence[dict[str, Any]]:
        found = documents(self.platform.firestore)
        return sorted((d for path, d in found.items() if path.startswith("alert_deliveries/")), key=lambda d: d["at"])
