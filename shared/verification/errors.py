"""What can go wrong in age verification, beyond a refused claim (which is an answer, not an error).

Failure
├── TooManyAttempts   429   three failed attempts in 24 hours
├── NoVerification    404   nothing is stored for this customer
└── AgeTokenInvalid   400   X-Age-Verification is forged, expired or malformed
"""

from __future__ import annotations

from datetime import datetime
from math import ceil
from typing import Any

from shared.platform.clock import wire_time
from shared.platform.errors import Invalid, NotFound, TooMany
from shared.verification.models import MAX_ATTEMPTS


class TooManyAttempts(TooMany):
    code = "too_many_attempts"

    def __init__(self, reset_at: datetime, now: datetime) -> None:
        super().__init__(
            "Too many verification attempts",
            message=f"You have used all attempts ({MAX_ATTEMPTS} per 24 hours). Try again after {wire_time(reset_at)}.",
            attempts=MAX_ATTEMPTS,
            maxAttempts=MAX_ATTEMPTS,
            attemptsRemaining=0,
            resetAt=wire_time(reset_at),
            nextStep="Wait until resetAt, check your details against your ID, and try again.",
            headers={"Retry-After": str(max(1, ceil((reset_at - now).total_seconds())))},
        )


class NoVerification(NotFound):
    code = "not_verified"

    def __init__(self, customer_id: str) -> None:
        fields: dict[str, Any] = {
            "verified": False,
            "message": "No verification found for this customer",
            "customerId": customer_id,
        }
        super().__init__("No verification found for this customer", **fields)


class AgeTokenInvalid(Invalid):
    code = "age_token_invalid"

    def __init__(self, sentence: str, code: str = "age_token_invalid") -> None:
        super().__init__(sentence, code=code, field="X-Age-Verification")
