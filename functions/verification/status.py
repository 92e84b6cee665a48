"""GET /api/age-verification/status/{customer_id}"""

from __future__ import annotations

from shared.runtime.declare import SIGNED_IN, endpoint, in_path
from shared.runtime.request import Answer, Request
from shared.verification.schemas import NoVerificationAnswer, StatusAnswer
from shared.verification.status import StatusService


@endpoint(
    "GET /api/age-verification/status/{customer_id}",
    auth=SIGNED_IN,
    owner=in_path("customer_id"),
    responds={200: StatusAnswer, 404: NoVerificationAnswer},
    secrets=("AGE_TOKEN_KEY",),
    min_instances=1,
)
def handle(request: Request) -> Answer:
    """Whether a customer is verified, since when and until when."""
    status = StatusService.on(request.platform).status(request.path["customer_id"])
    return Answer(200, request.stamped(status))
