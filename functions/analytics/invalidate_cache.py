"""POST /api/bigquery/cache/invalidate"""

from __future__ import annotations

from shared.analytics.schemas import InvalidatedAnswer
from shared.analytics.service import CacheService
from shared.runtime.declare import ADMIN, endpoint
from shared.runtime.request import Answer, Request


@endpoint("POST /api/bigquery/cache/invalidate", auth=ADMIN, responds={200: InvalidatedAnswer}, idempotent=True)
def handle(request: Request) -> Answer:
    """Forget every cached value, for all instances."""
    CacheService(request.platform).invalidate()
    return Answer(200, {})
