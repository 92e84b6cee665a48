"""POST /api/monitoring/rate-limit/stats/reset"""

from __future__ import annotations

from shared.monitoring.limits import LimitStatistics
from shared.monitoring.schemas import LimitsResetAnswer
from shared.runtime.declare import ADMIN, endpoint
from shared.runtime.request import Answer, Request


@endpoint("POST /api/monitoring/rate-limit/stats/reset", auth=ADMIN, responds={200: LimitsResetAnswer}, idempotent=True)
def handle(request: Request) -> Answer:
    """Count the requests that meet a rate limit anew from now on. The limits themselves stay as they are."""
    return Answer(200, {"since": LimitStatistics(request.platform, {}).reset()})
