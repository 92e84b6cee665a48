"""Whether the services that everything stands on answer: all asked at once, none waited for longer than the others."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait

from shared.monitoring.models import DOWN, UP, Dependency, Readiness
from shared.platform import bigquery, firestore
from shared.platform.context import Platform
from shared.platform.errors import Unavailable

# Every endpoint may publish to it, and to no other topic for certain.
PROBED_TOPIC = "security-events"

log = logging.getLogger(__name__)

# Called with the seconds it may take; raises when the service did not answer well.
Check = Callable[[float], None]


class Probe:
    """One service's check. Who asks while one is running waits for that one: a service that hangs costs one thread."""

    def __init__(self, name: str, check: Check) -> None:
        self._check = check
        self._lock = threading.Lock()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=f"probe-{name}")
        self._running: Future[None] | None = None

    def ask(self, seconds: float) -> Future[None]:
        with self._lock:
            if self._running is None or self._running.done():
                self._running = self._worker.submit(self._check, seconds)
            return self._running


class ReadinessService:
    """Asks Firestore, BigQuery and Pub/Sub."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._probes = {name: Probe(name, check) for name, check in checks.items()}

    @classmethod
    def on(cls, platform: Platform) -> ReadinessService:
        # Each client is made on its probe's thread: what hangs while it is made (credentials) holds up nobody else.
        return platform.once(
            cls,
            lambda: cls(
                {
                    "firestore": lambda seconds: firestore.probe(platform.firestore, seconds),
                    "bigquery": lambda seconds: bigquery.probe(platform.bigquery, seconds),
                    "pubsub": lambda seconds: platform.publisher.probe(PROBED_TOPIC, seconds),
                }
            ),
        )

    def check(self, seconds: float) -> Readiness:
        """After at most `seconds`. Failure policy: whatever has not answered by then, or answered badly, is down."""
        asked = {name: probe.ask(seconds) for name, probe in self._probes.items()}
        # A service's own time-outs do not bound a name look-up, or an answer that comes drop by drop.
        wait(asked.values(), timeout=seconds)
        return Readiness(**{name: _state(name, answer) for name, answer in asked.items()})


def _state(name: str, answer: Future[None]) -> Dependency:
    error = answer.exception() if answer.done() else TimeoutError()
    if error is None:
        return UP
    reason = error.sentence if isinstance(error, Unavailable) else type(error).__name__
    told = {"dependency": name, "reason": reason, "metric": "dependency_down"}
    log.warning("dependency_down", exc_info=error, extra=told)
    return DOWN
