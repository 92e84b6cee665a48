"""GET /api/age-verification/status"""

from __future__ import annotations

from shared.runtime.declare import SIGNED_IN, endpoint
from shared.runtime.request import Answer, Request
from shared.verification.schemas import NoVerificationAnswer, StatusAnswer
from shared.verification.status import StatusService


@endpoint(
    "GET /api/age-verification/status",
    auth=SIGNED_IN,
    responds={200: StatusAnswer, 404: NoVerificationAnswer},
    headers={"X-Age-Verification": "An age token: ask for the customer it names."},
    secrets=("AGE_TOKEN_KEY",),
)
def handle(request: Request) -> Answer:
    """The caller's own status, or that of the customer whom an age token names."""
    status = StatusService.on(request.platform).own_status(
        request.principal.subject,
        request.headers["X-Age-Verification"],
        may_ask_for_others=request.principal.role != "customer",
    )
    return Answer(200, request.stamped(status))
