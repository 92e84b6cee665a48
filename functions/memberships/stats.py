"""GET /api/memberships/stats"""

from __future__ import annotations

from typing import Any

from shared.memberships import answers
from shared.memberships.reading import MembershipReader
from shared.memberships.schemas import ExplainQuery, MembershipStatsAnswer
from shared.runtime.declare import ADMIN, endpoint
from shared.runtime.request import Answer, Request


@endpoint(
    "GET /api/memberships/stats",
    auth=ADMIN,
    query=ExplainQuery,
    responds={200: MembershipStatsAnswer},
    timeout_seconds=60,
)
def handle(request: Request) -> Answer:
    """Recurring revenue, churn and lifetime value, from every membership there is or was."""
    figures, metric = MembershipReader.on(request.platform).figures(), request.query["explain"]
    answer: dict[str, Any] = {"stats": answers.stats(figures)}
    if metric:
        answer["explain"] = answers.explanation(metric, figures)
    return Answer(200, answer)
