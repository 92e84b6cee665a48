"""The Cloud Scheduler of the local stack: publishes what is due to topics of jobs and subscribers, in store time."""

from __future__ import annotations

import logging
from datetime import datetime
from zoneinfo import ZoneInfo

from local.background import Background
from local.cron import is_due
from shared.platform.clock import Clock
from shared.platform.errors import Unavailable
from shared.platform.pubsub import Publisher
from shared.runtime.manifest import declared_functions, schedules

log = logging.getLogger(__name__)


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
        for scheduled in schedules(declared_functions()):
            if is_due(scheduled.cron, local):
                try:
                    self._publisher.publish(scheduled.topic, [scheduled.message()])
                except Unavailable:
                    log.warning("job_not_published", extra={"job": scheduled.name})
