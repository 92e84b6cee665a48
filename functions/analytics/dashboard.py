"""GET /api/bigquery/dashboard"""

from __future__ import annotations

from shared.analytics.answers import about
from shared.analytics.dashboard import DASHBOARD
from shared.analytics.schemas import DashboardAnswer, SourceQuery
from shared.runtime import cached
from shared.runtime.declare import SERVICE, endpoint
from shared.runtime.request import Answer, Request


@endpoint(
    "GET /api/bigquery/dashboard",
    auth=SERVICE,
    query=SourceQuery,
    responds={200: DashboardAnswer},
    cached=True,
    publishes=("cache-refresh",),
    reads=(
        "analytics.lightspeed_transactions",
        "analytics.square_items",
        "analytics.square_order_lines",
        "analytics.square_payments",
    ),
)
def handle(request: Request) -> Answer:
    """Revenue of today, the week, the month and the year, best sellers and the newest sales."""
    found = cached.look_up(request, DASHBOARD, {"source": request.query["source"]})
    return cached.answer(request, found, about(found))
