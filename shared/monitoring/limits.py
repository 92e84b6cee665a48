"""What the rate limits have let through and refused, over all instances, since somebody last began to count anew.

Instances only ever add (docs/metrics.md). Beginning anew writes down what there is, in `rate_limit_statistics/base`,
and from then on that is taken off: whatever is counted meanwhile is in the figures before it or in those after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.monitoring.figures import MetricsReader, together
from shared.platform import firestore
from shared.platform.contention import until_unchanged
from shared.platform.context import Platform
from shared.values.shares import per_cent

COLLECTION, DOCUMENT = "rate_limit_statistics", "base"
HITS, BLOCKS = "rate_limit_hits", "rate_limit_blocks"


@dataclass(frozen=True)
class Tier:
    """`limit` requests in `window` seconds."""

    limit: int
    window: int


class LimitStatistics:
    """`tiers`: those that there are, by name."""

    def __init__(self, platform: Platform, tiers: Mapping[str, Tier]) -> None:
        self._platform = platform
        self._tiers = tiers

    def read(self) -> dict[str, Any]:
        """As `LimitStatisticsAnswer`. Raises `Unavailable`."""
        now, base = self._platform.clock.now(), firestore.read(self._document)
        totals, began = self._totals()
        before = base.data["counts"] if base else {}
        # What an instance had counted, and was killed before it wrote it, may be in the base only.
        counted = {name: max(0, number - before.get(name, 0)) for name, number in totals.items()}
        since: datetime = base.data["since"] if base else began or now
        stats = {
            "total_hits": counted.get(HITS, 0),
            "total_blocks": counted.get(BLOCKS, 0),
            "block_rate": per_cent(counted.get(BLOCKS, 0), counted.get(HITS, 0)),
            "since": since,
            "uptime": max(0, int((now - since).total_seconds())),
        }
        tiers = {name: {**vars(tier), **_of_tier(counted, name)} for name, tier in self._tiers.items()}
        return {"stats": stats, "tiers": tiers, "timestamp": now}

    def reset(self) -> datetime:
        """Count anew from now on; since when. Raises `Unavailable`."""
        return until_unchanged(self._reset, self._platform.clock, self._platform.ids)

    def _reset(self) -> datetime:
        seen, now = firestore.read(self._document), self._platform.clock.now()
        batch = self._platform.firestore.batch()
        firestore.put(batch, self._document, {"since": now, "counts": self._totals()[0]}, seen)
        firestore.commit(batch)
        return now

    def _totals(self) -> tuple[dict[str, int], datetime | None]:
        """What was counted of limits since the beginning, and when that was."""
        measured = [one for one in MetricsReader(self._platform).totals().values() if HITS in one.counts]
        all_together = together(measured)
        found = {name: number for name, number in all_together.counts.items() if name.startswith((HITS, BLOCKS))}
        return found, all_together.since

    @property
    def _document(self) -> Any:
        return self._platform.firestore.collection(COLLECTION).document(DOCUMENT)


def _of_tier(counted: Mapping[str, int], name: str) -> dict[str, Any]:
    hits, blocks = counted.get(f"{HITS}_{name}", 0), counted.get(f"{BLOCKS}_{name}", 0)
    return {"hits": hits, "blocks": blocks, "block_rate": per_cent(blocks, hits)}
