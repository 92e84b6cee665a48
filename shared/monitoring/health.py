"""What `GET /health` says: from what syncs and the cache last left in Firestore, as of some seconds ago."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.monitoring.snapshots import Snapshot
from shared.platform.cache.models import DEGRADED, LIVE, MOCK
from shared.platform.cache.store import CacheStore
from shared.platform.context import Platform

# The thread that looks does not know for whom.
FUNCTION = "monitoring_health"
FRESH_SECONDS = 30.0
PROVIDERS = ("square", "lightspeed")


@dataclass(frozen=True)
class Looked:
    """`mode` None: there is no cached figure yet. `errors`: stable codes, newest trouble first; nobody's words."""

    mode: str | None
    last_refresh: datetime | None
    errors: tuple[str, ...]
    providers: Mapping[str, str]


class HealthService:
    """`sources` gives every source as the sync's status page has it."""

    def __init__(self, platform: Platform, sources: Callable[[], list[dict[str, Any]]]) -> None:
        self._platform = platform
        self._sources = sources
        self.snapshot = Snapshot(self._look, platform.clock, FRESH_SECONDS)

    @classmethod
    def on(cls, platform: Platform, sources: Callable[[], list[dict[str, Any]]]) -> HealthService:
        return platform.once(cls, lambda: cls(platform, sources))

    def health(self) -> dict[str, Any]:
        """As `ServiceHealthAnswer`. Waits for nothing: until there is a first snapshot, nothing is known to be bad."""
        looked = self.snapshot.latest() or Looked(LIVE, None, (), {})
        errors = ("store_unavailable", *looked.errors) if self.snapshot.failing else looked.errors
        providers = {name: looked.providers.get(name, MOCK) for name in PROVIDERS}
        return {
            "version": self._platform.settings.version,
            "timestamp": self._platform.clock.now(),
            "big_query": {
                "enabled": True,
                "mode": DEGRADED if errors else looked.mode or LIVE,
                "last_refresh": looked.last_refresh,
                "last_error": errors[0] if errors else None,
                "cache_backend": "firestore",
            },
            **{name: {"enabled": mode == LIVE, "mode": mode} for name, mode in providers.items()},
        }

    def _look(self) -> Looked:
        with self._platform.metrics.serving(FUNCTION):
            return self._looked()

    def _looked(self) -> Looked:
        head = CacheStore(self._platform.firestore, self._platform.clock).newest()
        sources = self._sources()
        streams = [stream for source in sources for stream in source["streams"]]
        times = [stream["finishedAt"] for stream in streams] + [head.checked_at if head else None]
        failed = ("refresh_failed",) if head and head.failures else ()
        codes = sorted({str(stream["lastError"]["code"]) for stream in streams if stream["lastError"]})
        return Looked(
            mode=head.mode if head else None,
            last_refresh=max((time for time in times if time), default=None),
            errors=(*failed, *codes),
            providers={source["source"]: source["mode"] or MOCK for source in sources},
        )
