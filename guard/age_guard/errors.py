"""What the guard raises: each error knows its HTTP status and its JSON body."""

from typing import Any, ClassVar


class AgeGuardError(Exception):
    """Base of all refusals.

    ``status``: HTTP status; ``code``: stable code; ``error`` and ``message``: sentences for the person who
    ordered. No text holds a customer id or a token.
    """

    status: ClassVar[int]

    def __init__(self, error: str, *, code: str, message: str) -> None:
        super().__init__(error)
        self.error = error
        self.code = code
        self.message = message

    def as_json(self) -> dict[str, Any]:
        """``{success: false, error, message, code}`` plus the fields of the subclass."""
        return {"success": False, "error": self.error, "message": self.message, "code": self.code}


class InvalidCustomerId(AgeGuardError):
    """400. ``code``: ``customer_id_required``, ``invalid_customer_id`` or ``customer_id_mismatch``."""

    status = 400

    def as_json(self) -> dict[str, Any]:
        return super().as_json() | {"field": "customerId"}


_WHAT_TO_DO = {
    "not_found": "Please verify your age, then place the order again.",
    "not_verified": "Please verify your age, then place the order again.",
    "expired": "Your age verification has expired. Please verify your age again, then place the order.",
}


class AgeVerificationRequired(AgeGuardError):
    """403. ``reason``: ``not_found``, ``not_verified`` or ``expired``; ``verification_url``: where to
    verify."""

    status = 403

    def __init__(self, reason: str, verification_url: str) -> None:
        message = _WHAT_TO_DO[reason]
        super().__init__("Age verification required", code="age_verification_required", message=message)
        self.reason = reason
        self.verification_url = verification_url

    def as_json(self) -> dict[str, Any]:
        return super().as_json() | {
            "requiresVerification": True,
            "verificationUrl": self.verification_url,
        }


_TRY_LATER = "We could not check your age just now, so the order was not placed. Please try again in a minute."
_SIGN_IN = "We could not check your age with this sign-in, so the order was not placed. Please sign in again."


class UnableToVerifyAge(AgeGuardError):
    """500. ``reason``, for logs and not for the customer: ``timed_out``, ``connection_failed``,
    ``status_<code>``, ``unexpected_body``, ``credentials_refused``, ``authorization_malformed`` or
    ``not_configured``."""

    status = 500

    def __init__(self, reason: str) -> None:
        signing_in_helps = reason in {"credentials_refused", "authorization_malformed"}
        message = _SIGN_IN if signing_in_helps else _TRY_LATER
        super().__init__("Unable to verify age", code="unable_to_verify_age", message=message)
        self.reason = reason
