"""POST /api/age-verification/resubmit"""

from __future__ import annotations

from shared.runtime.declare import SIGNED_IN, endpoint, in_body
from shared.runtime.request import Answer, Request
from shared.verification.models import Claim, Verified
from shared.verification.schemas import RefusedAnswer, ResubmitRequest, TooManyAttemptsAnswer, VerifiedAnswer
from shared.verification.service import VerificationService


@endpoint(
    "POST /api/age-verification/resubmit",
    auth=SIGNED_IN,
    owner=in_body("customer_id"),
    body=ResubmitRequest,
    responds={200: VerifiedAnswer, 400: RefusedAnswer, 429: TooManyAttemptsAnswer},
    idempotent=True,
    secrets=("VERIFICATION_KEY", "AGE_TOKEN_KEY"),
    publishes=("verification-events",),
)
def handle(request: Request) -> Answer:
    """Verify anew whatever is on record; success supersedes the record, failure leaves it."""
    outcome = VerificationService.on(request.platform).verify(
        request.body["customer_id"],
        Claim.of(request.body),
        request.body.get("email", request.principal.email),
        request.request_id,
        new_record=True,
    )
    return Answer(200 if isinstance(outcome, Verified) else 400, request.stamped(outcome))
