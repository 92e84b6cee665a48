"""GET /health/age-verification"""

from __future__ import annotations

from shared.platform import firestore
from shared.platform.errors import Unavailable
from shared.runtime.declare import PUBLIC, endpoint
from shared.runtime.request import Answer, Request
from shared.verification.schemas import HealthAnswer

ANSWER_WITHIN_SECONDS = 1.0


@endpoint(
    "GET /health/age-verification",
    auth=PUBLIC,
    responds={200: HealthAnswer, 503: HealthAnswer},
    tier="health",
)
def handle(request: Request) -> Answer:
    """Whether the store of age verification answers within a second."""
    timestamp = request.platform.clock.now()
    try:
        firestore.probe(request.platform.firestore, ANSWER_WITHIN_SECONDS)
    except Unavailable:
        return Answer(503, {"status": "unhealthy", "timestamp": timestamp})
    return Answer(200, {"status": "healthy", "timestamp": timestamp})
