"""GET /api/age-verification/policy"""

from __future__ import annotations

from shared.platform.errors import Invalid
from shared.runtime.declare import SIGNED_IN, endpoint
from shared.runtime.request import Answer, Request
from shared.verification.rules import explain
from shared.verification.schemas import PolicyAnswer, PolicyQuery


@endpoint(
    "GET /api/age-verification/policy",
    auth=SIGNED_IN,
    query=PolicyQuery,
    responds={200: PolicyAnswer},
)
def handle(request: Request) -> Answer:
    """Which rule applies in a state on a day, and why."""
    try:
        view = explain(request.query["state"], request.query.get("date"), request.platform.clock.now())
    except LookupError:
        raise Invalid("state must be the USPS code of a state, DC or a territory.", field="state") from None
    return Answer(200, {"policy": view})
