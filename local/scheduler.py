"""The Cloud Scheduler of the local stack: publishes to the topics of due jobs, in store time."""

from __future__ import annotations

import json
import logging
from datetime import datetime
from zoneinfo import ZoneInfo

from local.background import Background
from shared.platform.clock import Clock
from shared.platform.errors import Unavailable
from shared.platform.pubsub import Message, Publisher
from shared.runtime.declare import Job
from shared.runtime.manifest import declared_functions

RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))

log = logging.getLogger(__name__)


def is_due(schedule: str, local: datetime) -> bool:
    """Whether a unix-cron line (minute hour day month weekday; `*`, lists, ranges, steps) names this minute."""
    now = (local.minute, local.hour, local.day, local.month, local.isoweekday() % 7)
    fields = schedule.split()
    return all(value in _values(field, *bounds) for field, bounds, value in zip(fields, RANGES, now, strict=True))


def _values(field: str, low: int, high: int) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = (f"{low}-{high}" if span == "*" else span).partition("-")
        end = int(last) if last else (high if step else int(first))
        found.update(range(int(first), end + 1, int(step or 1)))
    return found


class Scheduler(Background):
    """Looks once a minute."""

    def __init__(self, publisher: Publisher, clock: Clock, time_zone: str) -> None:
        super().__init__("scheduler")
        self._publisher = publisher
        self._clock = clock
        self._zone = ZoneInfo(time_zone)

    def pause(self) -> float:
        return 60 - self._clock.now().timestamp() % 60

    def step(self) -> None:
        self._publish_due(self._clock.now().astimezone(self._zone))

    def _publish_due(self, local: datetime) -> None:
        for function in declared_functions():
            declared = function.declaration
            if isinstance(declared, Job) and is_due(declared.schedule, local):
                message = Message(json.dumps({}), {"job": function.deployed_name})
                try:
                    self._publisher.publish(declared.topics[0], [message])
                except Unavailable:
                    log.warning("job_not_published", extra={"job": function.name})
