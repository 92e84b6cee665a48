"""GET /api/age-verification/statistics"""

from __future__ import annotations

from shared.platform.clock import wire_time
from shared.runtime import cached
from shared.runtime.declare import ADMIN, endpoint
from shared.runtime.request import Answer, Request
from shared.verification.schemas import StatisticsAnswer, StatisticsQuery
from shared.verification.statistics import STATISTICS


@endpoint(
    "GET /api/age-verification/statistics",
    auth=ADMIN,
    query=StatisticsQuery,
    responds={200: StatisticsAnswer},
    cached=True,
    publishes=("cache-refresh",),
    reads=("commerce.age_verification_attempts",),
)
def handle(request: Request) -> Answer:
    """Attempts and their outcomes over the last days, from BigQuery."""
    found = cached.look_up(request, STATISTICS, {"days": str(request.query["days"])})
    return cached.answer(request, found, {"success": True, "timestamp": wire_time(request.platform.clock.now())})
