"""GET /health/ready"""

from __future__ import annotations

from shared.monitoring.schemas import ReadyAnswer
from shared.monitoring.service import ReadinessService
from shared.runtime.declare import PUBLIC, endpoint
from shared.runtime.request import Answer, Request

# From the request's arrival, because a silent Firestore has held up the rate limit before the handler is called. The
# tenth of a second to the two that are promised is for the answer itself.
ANSWER_AFTER_SECONDS = 1.9
# Whatever was spent before: less would call a service down that is only as far away as usual.
LEAST_SECONDS = 0.5


@endpoint(
    "GET /health/ready",
    auth=PUBLIC,
    responds={200: ReadyAnswer, 503: ReadyAnswer},
    tier="health",
    queries=True,
)
def handle(request: Request) -> Answer:
    """Whether Firestore, BigQuery and Pub/Sub answer; 503 without Firestore, `degraded` without one of the others."""
    seconds = max(LEAST_SECONDS, ANSWER_AFTER_SECONDS - request.elapsed_ms() / 1000)
    readiness = ReadinessService.on(request.platform).check(seconds)
    status = readiness.status
    return Answer(
        503 if status == "unavailable" else 200,
        {
            **vars(readiness),
            "status": status,
            "timestamp": request.platform.clock.now(),
            "version": request.platform.settings.version,
        },
    )
