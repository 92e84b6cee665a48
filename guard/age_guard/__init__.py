"""Age check for order services: ``require_age_verification`` for Flask views, ``check_age`` for other code.

Both ask the age verification service and let nothing through unless it answers, without any doubt, that the
customer is verified now. ``AgeGuard`` is the same with explicit settings instead of environment variables.
"""

from age_guard.clock import Clock
from age_guard.environment import check_age, require_age_verification
from age_guard.errors import (
    AgeGuardError,
    AgeVerificationRequired,
    InvalidCustomerId,
    UnableToVerifyAge,
)
from age_guard.guard import AgeGuard
from age_guard.verified import VerifiedAge

__all__ = [
    "AgeGuard",
    "AgeGuardError",
    "AgeVerificationRequired",
    "Clock",
    "InvalidCustomerId",
    "UnableToVerifyAge",
    "VerifiedAge",
    "check_age",
    "require_age_verification",
]
