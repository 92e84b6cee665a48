"""GET /health"""

from __future__ import annotations

from shared.integrations.streams import STREAMS
from shared.monitoring.health import HealthService
from shared.monitoring.schemas import ServiceHealthAnswer
from shared.pos.status import StatusService
from shared.runtime.declare import PUBLIC, endpoint
from shared.runtime.request import Answer, Request


# One instance, which counts its callers itself: so the limit holds, and nobody waits for Firestore to hear of it.
@endpoint(
    "GET /health",
    auth=PUBLIC,
    responds={200: ServiceHealthAnswer},
    tier="health",
    limited_here=True,
    concurrency=16,
    max_instances=1,
)
def handle(request: Request) -> Answer:
    """That the service runs, and what is known of BigQuery, Square and Lightspeed. Asks nobody."""
    platform = request.platform
    service = HealthService.on(platform, lambda: StatusService(platform).overview(STREAMS)["sources"])
    return Answer(200, service.health())
