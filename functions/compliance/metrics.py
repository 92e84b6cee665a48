"""GET /api/compliance/metrics"""

from __future__ import annotations

from dataclasses import replace

from shared.compliance.schemas import ComplianceAnswer
from shared.compliance.service import METRICS, metrics
from shared.platform.clock import wire_time
from shared.runtime import cached
from shared.runtime.declare import ADMIN, endpoint
from shared.runtime.request import Answer, Request


@endpoint(
    "GET /api/compliance/metrics",
    auth=ADMIN,
    responds={200: ComplianceAnswer},
    cached=True,
    publishes=("cache-refresh",),
    reads=(
        "analytics.lightspeed_products",
        "analytics.square_items",
        "commerce.age_verification_attempts",
        "commerce.product_coas",
    ),
)
def handle(request: Request) -> Answer:
    """Age verifications of a year, certificates of what is for sale, and the score of both."""
    found = cached.look_up(request, METRICS, {})
    about = {"success": True, "metrics": metrics(found), "timestamp": wire_time(request.platform.clock.now())}
    return cached.answer(request, replace(found, value=b"{}"), about)
