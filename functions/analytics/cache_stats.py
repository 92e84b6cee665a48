"""GET /api/bigquery/cache-stats"""

from __future__ import annotations

from shared.analytics.schemas import CacheStatisticsAnswer
from shared.analytics.service import CacheService
from shared.monitoring.figures import MetricsReader, together
from shared.platform.cache.models import COUNTED
from shared.runtime.declare import ADMIN, endpoint
from shared.runtime.request import Answer, Request


@endpoint("GET /api/bigquery/cache-stats", auth=ADMIN, responds={200: CacheStatisticsAnswer})
def handle(request: Request) -> Answer:
    """How often the cache was asked and what came of it, over all instances."""
    measured = MetricsReader(request.platform).totals().values()
    totals = together(one for one in measured if not one.counts.keys().isdisjoint(COUNTED.values()))
    return Answer(200, CacheService(request.platform).statistics(totals.counts, totals.since))
