"""Lightspeed's leaky bucket: a request that would overflow it waits until enough has dripped out.

Source: "Rate limiting" of Lightspeed's developer pages. Levels have decimals ("12.5/90"), and the case of the headers
varies.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock

from shared.integrations.http_client import Pace

LEVEL, BURST = "X-LS-API-Bucket-Level", "X-LS-API-Burst-Level"
DRIP, COST = "X-LS-API-Drip-Rate", "X-LS-Api-Request-Cost"
# The burst limiter counts in fixed windows of a second.
BURST_SECONDS = 1.0


class Bucket:
    """Reads each answer's headers and holds the pace. `parallel` requests may be under way, unseen by an answer."""

    def __init__(self, pace: Pace, parallel: int) -> None:
        self._pace = pace
        self._parallel = parallel
        self._lock = Lock()
        self._dearest = 1.0

    def heed(self, headers: Mapping[str, str]) -> None:
        """`headers` by name in any case. Without them nothing is known, and nothing is held."""
        with self._lock:
            self._dearest = max(self._dearest, _number(headers.get(COST, "")))
        used, size = _level(headers.get(LEVEL, ""))
        drip = _number(headers.get(DRIP, "")) or 1.0
        excess = used + min(size, self._dearest * self._parallel) - size
        if excess > 0:
            self._pace.hold(excess / drip)
        sent, most = _level(headers.get(BURST, ""))
        if most and sent + self._parallel > most:
            self._pace.hold(BURST_SECONDS)


def _level(text: str) -> tuple[float, float]:
    """(used, size), both 0 when the header is missing or is none."""
    used, _, size = text.partition("/")
    return _number(used), _number(size)


def _number(text: str) -> float:
    try:
        return max(0.0, float(text))
    except ValueError:
        return 0.0
