"""GET /api/monitoring/rate-limit/stats"""

from __future__ import annotations

from shared.monitoring.limits import LimitStatistics, Tier
from shared.monitoring.schemas import LimitStatisticsAnswer
from shared.platform.permits import WINDOW_SECONDS
from shared.runtime.declare import ADMIN, endpoint
from shared.runtime.rate_limits import limits
from shared.runtime.request import Answer, Request


@endpoint("GET /api/monitoring/rate-limit/stats", auth=ADMIN, responds={200: LimitStatisticsAnswer})
def handle(request: Request) -> Answer:
    """How many requests met a rate limit, and how many were refused, by tier and in all, since the last reset."""
    tiers = {name: Tier(limit, WINDOW_SECONDS) for name, limit in limits(request.platform.settings).items()}
    return Answer(200, LimitStatistics(request.platform, tiers).read())
