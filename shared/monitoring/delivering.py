"""Alerts on their way to people: recorded, logged, and sent to each channel until it has them.

Failure policy: a channel that does not answer delays its own notices, which `retry` sends with growing pauses until it
has them; one that refuses a notice for good is told by the log (`alert_refused`), and the other channels go on. Where
no channel is configured an alert is in the log and in `alert_deliveries` only, and the log says so.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared.monitoring.deliveries import Deliveries, Delivery, OnChannel, Thread, is_due
from shared.monitoring.errors import ChannelRefused
from shared.monitoring.notices import Notice
from shared.monitoring.order import DELIVERED, PENDING, REFUSED, SKIPPED, SUPERSEDED, Reached, pause, plan
from shared.monitoring.ports import Channel
from shared.platform.contention import until_unchanged
from shared.platform.context import Platform
from shared.platform.errors import Unavailable
from shared.platform.outbox import Outgoing

SEVERITIES = {"critical": logging.CRITICAL, "warning": logging.WARNING}
GONE = "the channel is not configured any more"
EVENTS = {REFUSED: "alert_refused", SKIPPED: "alert_skipped", SUPERSEDED: "alert_superseded"}

log = logging.getLogger(__name__)


class Delivering:
    """Threads may share one."""

    def __init__(self, platform: Platform, channels: Sequence[Channel]) -> None:
        self._platform = platform
        self._channels = {channel.name: channel for channel in channels}
        self._deliveries = Deliveries(platform)

    def deliver(self, event: dict[str, Any]) -> None:
        """Once this returns it cannot be lost: it is delivered, or recorded and tried again by `retry`.

        Raises `Unavailable` when it could not be recorded, ValueError and KeyError for what is no alert.
        """
        notice = Notice.of(event)
        if self._deliveries.record(notice, list(self._channels)):
            self._log(notice)
        self._work(notice.dedup_key, set())

    def retry(self, seconds: float) -> int:
        """Go on with every alert that waits, for so many seconds; how many were gone on with. Raises `Unavailable`.

        A channel that was silent once is not asked again in the same run: each notice would wait for it as long.
        """
        until = self._platform.clock.monotonic() + seconds
        silent: set[str] = set()
        worked = 0
        for key in self._deliveries.due():
            if self._platform.clock.monotonic() >= until:
                break
            self._work(key, silent)
            worked += 1
        return worked

    def _work(self, key: str, silent: set[str]) -> None:
        """Send what is due of one alert. Somebody else who has it will see what is new before letting go."""
        clock, ids = self._platform.clock, self._platform.ids
        thread = until_unchanged(lambda: self._deliveries.take(key), clock, ids)
        while thread is not None:
            for name in self._waited_for(key):
                thread = self._on_channel(thread, name, silent)
            if self._deliveries.release(thread):
                return
            thread = self._deliveries.again(thread)

    def _waited_for(self, key: str) -> list[str]:
        """Names of channels, in the order of their configuration."""
        found = {name for one in self._deliveries.pending(key) for name, on in one.channels.items() if _waits(on)}
        return [*(name for name in self._channels if name in found), *sorted(found - self._channels.keys())]

    def _on_channel(self, thread: Thread, name: str, silent: set[str]) -> Thread:
        waiting = {
            one.notice.event_id: one
            for one in self._deliveries.pending(thread.key)
            if name in one.channels and _waits(one.channels[name])
        }
        channel = self._channels.get(name)
        if channel is None:
            gone = [_settle(one, name, REFUSED, GONE) for one in waiting.values()]
            _tell(gone, name)
            return self._deliveries.save(thread, gone)
        planned = plan(
            [one.notice for one in waiting.values()], thread.reached.get(name, Reached()), closes=channel.closes
        )
        settled = [_settle(waiting[event_id], name, *why) for event_id, why in planned.settled.items()]
        if settled or planned.reached != thread.reached.get(name, Reached()):
            thread = self._deliveries.save(thread.on(name, planned.reached), settled)
            _tell(settled, name)
        if planned.send is None or name in silent:
            return thread
        delivery = waiting[planned.send.event_id]
        if not is_due(delivery.channels[name], self._platform.clock.now()):
            return thread
        return self._send(thread, channel, delivery, planned.send, silent)

    def _send(self, thread: Thread, channel: Channel, delivery: Delivery, notice: Notice, silent: set[str]) -> Thread:
        """Noted before it is sent: after a crash it is known that it may have arrived."""
        name, now = channel.name, self._platform.clock.now()
        tries = delivery.channels[name].tries + 1
        trying = OnChannel(tries=tries, due_at=now + pause(tries), reason="no answer yet")
        before = thread.reached.get(name, Reached())
        reached = replace(before, open=before.open or notice.opens)
        thread = self._deliveries.save(thread.on(name, reached), [delivery.on(name, trying)])
        try:
            outgoing: Sequence[Outgoing] = channel.deliver(notice)
        except Unavailable as error:
            silent.add(name)
            asked = timedelta(seconds=float(error.headers.get("Retry-After", 0)))
            later = replace(trying, due_at=now + pause(tries, asked), reason=error.sentence)
            log.warning("alert_delayed", extra={**_about(notice, name), "tries": tries, "reason": error.sentence})
            return self._deliveries.save(thread, [delivery.on(name, later)])
        except ChannelRefused as refused:
            log.error("alert_refused", extra={**_about(notice, name), "reason": refused.reason})
            ended = OnChannel(state=REFUSED, tries=tries, reason=refused.reason)
            thread = thread.on(name, before.settled(notice, delivered=False))
            return self._deliveries.save(thread, [delivery.on(name, ended)])
        log.info("alert_delivered", extra=_about(notice, name))
        return self._deliveries.save(
            thread.on(name, reached.settled(notice, delivered=True)),
            [delivery.on(name, OnChannel(state=DELIVERED, tries=tries))],
            outgoing,
        )

    def _log(self, notice: Notice) -> None:
        level = SEVERITIES.get(notice.severity, logging.ERROR) if notice.opens else logging.INFO
        told = {"title": notice.title, "text": notice.message, "value": notice.value, "threshold": notice.threshold}
        log.log(level, "alert", extra={**_about(notice, ",".join(self._channels)), **told})
        if not self._channels:
            log.warning("alert_without_channel", extra=_about(notice, ""))


def _waits(on: OnChannel) -> bool:
    return on.state == PENDING


def _settle(delivery: Delivery, channel: str, state: str, reason: str) -> Delivery:
    return delivery.on(channel, OnChannel(state=state, tries=delivery.channels[channel].tries, reason=reason))


def _tell(settled: Sequence[Delivery], channel: str) -> None:
    for one in settled:
        on = one.channels[channel]
        log.warning(EVENTS[on.state], extra={**_about(one.notice, channel), "reason": on.reason})


def _about(notice: Notice, channel: str) -> dict[str, str]:
    return {"eventId": notice.event_id, "dedupKey": notice.dedup_key, "kind": notice.kind, "channel": channel}
