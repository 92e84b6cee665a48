"""Asking for a refresh by a message: a thread of our own would be frozen once the answer is out."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from typing import Any

from shared.platform.cache.models import Params, View
from shared.platform.clock import Clock
from shared.platform.errors import Unavailable
from shared.platform.pubsub import Message, Publisher

TOPIC = "cache-refresh"
# A refresh that was asked for is given this long before this instance asks again.
PATIENCE_SECONDS = 5.0

log = logging.getLogger(__name__)


class Refreshes:
    """Asks once for each entry, not with each request."""

    def __init__(self, publisher: Publisher, clock: Clock) -> None:
        self._publisher = publisher
        self._clock = clock
        self._guard = threading.Lock()
        self._asked: dict[str, float] = {}

    def ask(self, key: str, view: View, params: Params) -> None:
        """Failure policy: never fails the request; when no message gets through, the value grows old and is loaded."""
        if not self._first(key):
            return
        data = json.dumps({"view": view.name, "params": dict(params)})
        try:
            self._publisher.publish(TOPIC, [Message(data, {"view": view.name})])
        except Unavailable as error:
            log.warning("refresh_not_asked", extra={"view": view.name, "reason": error.sentence})

    def _first(self, key: str) -> bool:
        """Whether nobody has asked a moment ago."""
        with self._guard:
            now = self._clock.monotonic()
            self._asked = {name: moment for name, moment in self._asked.items() if now - moment < PATIENCE_SECONDS}
            if key in self._asked:
                return False
            self._asked[key] = now
            return True


def asked_for(data: Mapping[str, Any], views: Mapping[str, View]) -> tuple[View, Params]:
    """What a message asks for. Raises ValueError for one that no retry makes better; the dead-letter topic keeps it."""
    view, params = views.get(str(data.get("view"))), data.get("params", {})
    if view is None:
        raise ValueError(f"view is {str(data.get('view'))[:40]!r}. Views: {', '.join(sorted(views))}.")
    if not isinstance(params, dict) or not all(isinstance(value, str) for value in params.values()):
        raise ValueError("params must be an object of texts.")
    return view, params
