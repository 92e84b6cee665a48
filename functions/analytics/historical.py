"""GET /api/bigquery/historical"""

from __future__ import annotations

from shared.analytics.answers import about
from shared.analytics.historical import HISTORICAL
from shared.analytics.schemas import HistoricalAnswer, SourceQuery
from shared.runtime import cached
from shared.runtime.declare import SERVICE, endpoint
from shared.runtime.request import Answer, Request


@endpoint(
    "GET /api/bigquery/historical",
    auth=SERVICE,
    query=SourceQuery,
    responds={200: HistoricalAnswer},
    cached=True,
    publishes=("cache-refresh",),
    reads=("analytics.lightspeed_transactions", "analytics.square_payments"),
)
def handle(request: Request) -> Answer:
    """Sales of each day and of each month, newest first."""
    found = cached.look_up(request, HISTORICAL, {"source": request.query["source"]})
    return cached.answer(request, found, about(found))
