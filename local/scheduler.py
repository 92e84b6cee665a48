"""The Cloud Scheduler of the local stack: publishes to the topics of due jobs, in store time."""

from __future__ import annotations

import json
import logging
from datetime import datetime
from zoneinfo import ZoneInfo

from local.background import Background
from local.cron import is_due
from shared.platform.clock import Clock
from shared.platform.errors import Unavailable
from shared.platform.pubsub import Message, Publisher
from shared.runtime.declare import Job
from shared.runtime.manifest import declared_functions

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
        for function in declared_functions():
            declared = function.declaration
            if isinstance(declared, Job) and is_due(declared.schedule, local):
                message = Message(json.dumps({}), {"job": function.deployed_name})
                try:
                    self._publisher.publish(declared.topics[0], [message])
                except Unavailable:
                    log.warning("job_not_published", extra={"job": function.name})
