"""POST /api/age-verification/verify"""

from __future__ import annotations

from shared.runtime.declare import SIGNED_IN, endpoint, in_body
from shared.runtime.request import Answer, Request
from shared.verification.models import Claim, Verified
from shared.verification.schemas import RefusedAnswer, TooManyAttemptsAnswer, VerifiedAnswer, VerifyRequest
from shared.verification.service import VerificationService


@endpoint(
    "POST /api/age-verification/verify",
    auth=SIGNED_IN,
    owner=in_body("customer_id"),
    body=VerifyRequest,
    responds={200: VerifiedAnswer, 400: RefusedAnswer, 429: TooManyAttemptsAnswer},
    idempotent=True,
    secrets=("VERIFICATION_KEY", "AGE_TOKEN_KEY"),
    publishes=("verification-events",),
    min_instances=1,
)
def handle(request: Request) -> Answer:
    """Check that a customer is old enough, and remember it for a year."""
    outcome = VerificationService.on(request.platform).verify(
        request.body["customer_id"],
        Claim.of(request.body),
        request.body.get("email", request.principal.email),
        request.request_id,
    )
    return Answer(200 if isinstance(outcome, Verified) else 400, request.stamped(outcome))
