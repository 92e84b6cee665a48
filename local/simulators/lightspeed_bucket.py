"""Lightspeed's rate limits: a leaky bucket, and a limiter of bursts in fixed seconds."""

from __future__ import annotations

import json
import math
import threading
import time
from dataclasses import dataclass

from local.simulators.lightspeed_query import ENTITIES
from local.simulators.messages import Request

COUNTING_COST = 10.0


@dataclass
class Limits:
    """`size` in drips, `drip` a second, `burst` requests a second."""

    size: float = 90
    drip: float = 1
    burst: int = 20


class Bucket:
    """Threads share it. Real seconds: a clock that is moved must not fill or empty it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._level = 0.0
        self._at = time.monotonic()
        self._second = 0
        self._sent = 0

    def admit(self, cost: float, limits: Limits) -> tuple[str, int] | None:
        """None, or which limiter refuses and for how many seconds. What overflows first is let through."""
        with self._lock:
            self._leak(limits)
            self._sent += 1
            if self._sent > limits.burst:
                return "api-burst-limiter", 1
            if self._level >= limits.size:
                excess = self._level - limits.size
                return "api-leaky-bucket", max(1, math.ceil(excess / limits.drip))
            self._level += cost
            return None

    def headers(self, cost: float, limits: Limits) -> dict[str, str]:
        with self._lock:
            self._leak(limits)
            return {
                "X-LS-API-Bucket-Level": f"{round(self._level, 2):g}/{limits.size:g}",
                "X-LS-API-Burst-Level": f"{self._sent}/{limits.burst}",
                "X-LS-API-Drip-Rate": f"{limits.drip:g}",
                "X-LS-Api-Request-Cost": f"{cost:g}",
            }

    def _leak(self, limits: Limits) -> None:
        now = time.monotonic()
        self._level = max(0.0, self._level - (now - self._at) * limits.drip)
        self._at = now
        if int(now) != self._second:
            self._second, self._sent = int(now), 0


def cost_of(request: Request) -> float:
    """In drips: relations of a list cost twice as much, each `or` one more, a count ten."""
    told, path = request.arguments, request.path
    if told.get("count") == "1":
        return COUNTING_COST
    name = path.rpartition("/")[2].removesuffix(".json")
    entity = ENTITIES.get(name) or ENTITIES.get(path.split("/")[-2])
    alternatives = told["or"].count("|") + 1 if "or" in told else 0
    if entity is None:
        return 1.0
    relations = sum(drips for relation, drips in entity.relations.items() if _asked(relation, told))
    return round(1 + relations * (2 if name in ENTITIES else 1) + min(alternatives, 10), 2)


def _asked(relation: str, told: dict[str, str]) -> bool:
    wanted = told.get("load_relations", "")
    return wanted == "all" or json.dumps(relation) in wanted
