"""GET /api/monitoring/rate-limit/config"""

from __future__ import annotations

from shared.monitoring.schemas import LimitsConfigAnswer
from shared.platform.permits import WINDOW_SECONDS
from shared.runtime.declare import ADMIN, endpoint
from shared.runtime.rate_limits import limits
from shared.runtime.request import Answer, Request


@endpoint("GET /api/monitoring/rate-limit/config", auth=ADMIN, responds={200: LimitsConfigAnswer})
def handle(request: Request) -> Answer:
    """The tiers of the rate limits: how many requests in how many seconds."""
    tiers = {
        name: {"limit": limit, "window": WINDOW_SECONDS} for name, limit in limits(request.platform.settings).items()
    }
    return Answer(200, {"tiers": tiers, "timestamp": request.platform.clock.now()})
