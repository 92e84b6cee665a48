"""The wire shapes of age verification. They validate, they dump, and they are the OpenAPI document."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, post_dump, validate

from shared.platform.wire import ErrorAnswer, WholeNumber, WireDate, WireTime, customer_id_field
from shared.verification.jurisdictions import JURISDICTIONS

_STATE = "USPS code of a state, DC or a territory, in either case."


def _text(name: str, description: str, example: str, **documented: Any) -> fields.String:
    """`documented` is for the API document only: the rules judge values, because a wrong one counts as an attempt."""
    return fields.String(
        required=True,
        data_key=name,
        metadata={"description": description, "example": example, "minLength": 1, **documented},
    )


class VerifyRequest(Schema):
    """What a customer states. Wrong types are refused here; wrong values by the rules, and those count as attempts."""

    customer_id = customer_id_field()
    full_name = _text(
        "fullName", "First and last name, letters of any script.", "José Núñez", minLength=2, maxLength=100
    )
    date_of_birth = _text("dateOfBirth", "YYYY-MM-DD", "1990-01-31", format="date")
    id_number_last4 = _text("idNumberLast4", "Last four digits of the number on the ID.", "1234", pattern="^[0-9]{4}$")
    state = _text("state", _STATE, "TX", enum=sorted(JURISDICTIONS))
    email = fields.Email(
        validate=validate.Length(max=254),
        metadata={"description": "For the expiry notice only.", "example": "jose@example.com"},
    )


class ResubmitRequest(VerifyRequest):
    """As verify."""

    SOLE_MISSING = {("customerId",): "customerId is required"}  # noqa: RUF012 - a constant for the validation


class VerifiedAnswer(Schema):
    """A customer who is old enough."""

    success = fields.Constant(True, required=True)
    verification_id = fields.String(required=True, data_key="verificationId")
    verified = fields.Constant(True, required=True)
    method = fields.String(required=True, validate=validate.OneOf(["full_verification", "cache"]))
    reason = fields.String(required=True)
    age = fields.Integer(required=True)
    verified_at = WireTime(required=True, data_key="verifiedAt")
    expires_at = WireTime(required=True, data_key="expiresAt")
    timestamp = WireTime(required=True)
    processing_time = fields.Integer(
        required=True,
        data_key="processingTime",
        metadata={"description": "Whole milliseconds in the function."},
    )
    age_token = fields.String(
        required=True,
        data_key="ageToken",
        metadata={"description": "JWS (ES256), valid for at most 24 hours."},
    )


class RefusedAnswer(ErrorAnswer):
    """The checks failed, or the request was not understood; `method` is there in the first case only."""

    error = fields.String(required=True, attribute="reason", dump_only=True)
    verified = fields.Constant(False)
    verification_id = fields.Constant(None, data_key="verificationId")
    attempt_id = fields.String(data_key="attemptId")
    method = fields.String(validate=validate.OneOf(["input_validation", "age_check", "id_validation"]))
    reason = fields.String()
    field = fields.String(metadata={"description": "The field to correct."})
    missing = fields.List(fields.String(), metadata={"description": "Names of the missing fields."})
    age = fields.Integer(metadata={"description": "For a minor only."})
    verified_at = fields.Constant(None, data_key="verifiedAt")
    expires_at = fields.Constant(None, data_key="expiresAt")
    age_token = fields.Constant(None, data_key="ageToken")
    timestamp = WireTime()
    processing_time = fields.Integer(data_key="processingTime")
    next_step = fields.String(data_key="nextStep")
    attempts_remaining = fields.Integer(data_key="attemptsRemaining")
    reset_at = WireTime(data_key="resetAt", allow_none=True)

    @post_dump
    def without_an_adult_s_age(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {name: value for name, value in data.items() if name != "age" or value is not None}


class TooManyAttemptsAnswer(ErrorAnswer):
    """Three failed attempts in 24 hours (`attempts` is there), or the API's own rate limit (`tier` is there)."""

    message = fields.String(required=True)
    attempts = fields.Integer()
    max_attempts = fields.Integer(data_key="maxAttempts")
    attempts_remaining = fields.Integer(data_key="attemptsRemaining")
    reset_at = fields.String(data_key="resetAt", metadata={"format": "date-time"})
    next_step = fields.String(data_key="nextStep")
    tier = fields.String()
    retry_after = fields.String(data_key="retryAfter")


class StatusAnswer(Schema):
    """What is known of a customer. `verified` is false once expired."""

    success = fields.Constant(True, required=True)
    verified = fields.Boolean(required=True)
    verification_id = fields.String(required=True, data_key="verificationId")
    verified_at = WireTime(required=True, data_key="verifiedAt")
    expires_at = WireTime(required=True, data_key="expiresAt")
    expired = fields.Boolean(required=True)
    age = fields.Integer(required=True, metadata={"description": "At the time of the verification."})
    state = fields.String(required=True)
    method = fields.String(required=True)
    age_token = fields.String(required=True, data_key="ageToken", allow_none=True)


class NoVerificationAnswer(ErrorAnswer):
    """Nothing is stored for this customer."""

    verified = fields.Constant(False)
    message = fields.String()
    customer_id = fields.String(data_key="customerId")


class ErasedAnswer(Schema):
    """Everything personal is gone."""

    success = fields.Constant(True, required=True)
    erased = fields.Constant(True, required=True)
    customer_id = fields.String(required=True, data_key="customerId")


class PolicyQuery(Schema):
    """`date` defaults to today in the state."""

    state = fields.String(
        required=True,
        metadata={"example": "TX", "enum": sorted(JURISDICTIONS), "description": _STATE},
    )
    date = WireDate(metadata={"format": "date", "example": "2026-01-01", "type": "string"})


class PolicyRuleShape(Schema):
    version = fields.String(required=True)
    minimum_age = fields.Integer(required=True, data_key="minimumAge")
    validity_days = fields.Integer(required=True, data_key="validityDays")
    citation = fields.String(required=True)
    in_force_from = WireDate(required=True, data_key="inForceFrom")


class PolicyViewShape(Schema):
    state = fields.String(required=True)
    state_name = fields.String(required=True, data_key="stateName")
    time_zone = fields.String(required=True, data_key="timeZone")
    date = WireDate(required=True)
    rule = fields.Nested(PolicyRuleShape, required=True)
    evidence_class = fields.String(required=True, data_key="evidenceClass")


class PolicyAnswer(Schema):
    """The rule that applies in a state on a day, and why."""

    success = fields.Constant(True, required=True)
    policy = fields.Nested(PolicyViewShape, required=True)


class HealthAnswer(Schema):
    """Whether the store answers."""

    status = fields.String(required=True, validate=validate.OneOf(["healthy", "unhealthy"]))
    service = fields.Constant("age-verification", required=True)
    timestamp = WireTime(required=True)
    storage = fields.Constant("firestore", required=True)


class StatisticsQuery(Schema):
    days = WholeNumber(
        load_default=30,
        validate=validate.Range(min=1, max=365, error="must be a whole number from 1 to 365."),
        metadata={"description": "How many days back, today included."},
    )


class DayShape(Schema):
    date = WireDate(required=True)
    attempts = fields.Integer(required=True)
    successful = fields.Integer(required=True)


class StatisticsShape(Schema):
    total_attempts = fields.Integer(required=True, data_key="totalAttempts")
    successful = fields.Integer(required=True, data_key="successfulVerifications")
    failed = fields.Integer(required=True, data_key="failedVerifications")
    success_rate = fields.String(required=True, data_key="successRate", metadata={"example": "87.33"})
    period = fields.String(required=True, metadata={"example": "30 days"})
    by_method = fields.Dict(fields.String(), fields.Integer(), required=True, data_key="byMethod")
    by_state = fields.Dict(fields.String(), fields.Integer(), required=True, data_key="byState")
    daily = fields.List(fields.Nested(DayShape), required=True)


class StatisticsFigures(Schema):
    """What is cached of them."""

    statistics = fields.Nested(StatisticsShape, required=True)


class StatisticsAnswer(StatisticsFigures):
    """Attempts that were evaluated or turned away; answers from a record are none."""

    success = fields.Constant(True, required=True)
    timestamp = WireTime(required=True)


class JwkShape(Schema):
    kty = fields.String(required=True)
    crv = fields.String(required=True)
    x = fields.String(required=True)
    y = fields.String(required=True)
    kid = fields.String(required=True)
    use = fields.String(required=True)
    alg = fields.String(required=True)


class JwksAnswer(Schema):
    """Public keys of age tokens (RFC 7517)."""

    keys = fields.List(fields.Nested(JwkShape), required=True)
