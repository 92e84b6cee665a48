"""GET /api/age-verification/statistics"""

from __future__ import annotations

from shared.runtime.declare import ADMIN, endpoint
from shared.runtime.request import Answer, Request
from shared.verification.schemas import StatisticsAnswer, StatisticsQuery
from shared.verification.statistics import VerificationStatistics


@endpoint(
    "GET /api/age-verification/statistics",
    auth=ADMIN,
    query=StatisticsQuery,
    responds={200: StatisticsAnswer},
    reads=("commerce.age_verification_attempts",),
)
def handle(request: Request) -> Answer:
    """Attempts and their outcomes over the last days, from BigQuery."""
    statistics = VerificationStatistics.on(request.platform).last(request.query["days"])
    return Answer(200, {"statistics": statistics, "timestamp": request.platform.clock.now()})
