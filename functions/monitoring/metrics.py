"""GET /api/monitoring/metrics"""

from __future__ import annotations

from datetime import timedelta

from shared.monitoring.figures import MetricsReader
from shared.monitoring.overview import overview
from shared.monitoring.schemas import MetricsAnswer, MetricsQuery
from shared.runtime.declare import ADMIN, endpoint
from shared.runtime.request import Answer, Request


@endpoint("GET /api/monitoring/metrics", auth=ADMIN, query=MetricsQuery, responds={200: MetricsAnswer})
def handle(request: Request) -> Answer:
    """What all functions measured in the last minutes: requests, errors, latencies, queries, cache, syncs, limits."""
    until = request.platform.clock.now()
    since = until - timedelta(minutes=request.query["minutes"])
    figures = overview(MetricsReader(request.platform).read(since, until))
    return Answer(200, {**figures, "since": since, "until": until, "timestamp": until})
