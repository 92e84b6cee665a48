"""The wire shapes of memberships. Inside `membership` names are snake_case: storefronts depend on it."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from shared.memberships.models import ACTIVE, CANCELLED, EXPIRED, PAST_DUE
from shared.memberships.tiers import NAMES
from shared.platform.wire import ErrorAnswer, Money, WireDate, WireTime, customer_id_field

MOST = 1_000_000
WRITTEN = re.compile(r"[0-9]{1,20}(\.[0-9]{0,20})?|\.[0-9]{1,20}|-0+(\.0*)?")
METRICS = ("mrr", "churn", "ltv")


class TierName(fields.String):
    """In any case; the code sees upper case."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return super()._deserialize(value, attr, data, **kwargs).upper()


class Dollars(fields.String):
    """An amount in a query string, written out: `150`, `19.99`. The code sees a Decimal."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        amount = Decimal(value) if WRITTEN.fullmatch(value) else None
        if amount is None or amount > MOST:
            raise ValidationError(f"must be an amount in dollars from 0 to {MOST:,}.")
        return amount


def _is_tier(name: str) -> None:
    # Not OneOf, which would say in the API document that there is one way to write it.
    if name not in NAMES:
        raise ValidationError("must be BRONZE, SILVER or GOLD.")


def _any_case(name: str) -> str:
    return "".join(f"[{letter}{letter.lower()}]" for letter in name)


def _tier(name: str) -> TierName:
    return TierName(
        required=True,
        data_key=name,
        validate=_is_tier,
        metadata={
            "example": "SILVER",
            "description": "In any case.",
            "pattern": f"^({'|'.join(map(_any_case, NAMES))})$",
        },
    )


class PaymentMethodShape(Schema):
    """How it is paid: the token that the gateway's own form gave, or the id of a card that is stored there."""

    id = fields.String(
        validate=validate.Length(1, 64),
        metadata={"description": "`payment_method_id` of a membership. Used without a token only."},
    )
    type = fields.String(required=True, validate=validate.Length(1, 40), metadata={"example": "card"})
    token = fields.String(
        validate=validate.Length(1, 8192),
        metadata={"description": "`dataValue` of Accept.js. Good for one use.", "example": "tok_visa"},
    )
    last4 = fields.String(
        validate=validate.Regexp(r"[0-9]{4}\Z", error="must be four digits."), metadata={"example": "4242"}
    )


class SubscribeRequest(Schema):
    """Who joins, at which tier, and how it is paid."""

    customer_id = customer_id_field()
    email = fields.Email(required=True, validate=validate.Length(max=254), metadata={"example": "member@example.com"})
    tier = _tier("tier")
    payment_method = fields.Nested(
        PaymentMethodShape,
        required=True,
        data_key="paymentMethod",
        metadata={"example": {"type": "card", "token": "tok_visa"}},
    )


class UpgradeRequest(Schema):
    """The tier to change to."""

    SOLE_MISSING = {("newTier",): "newTier is required"}  # noqa: RUF012 - a constant for the validation

    new_tier = _tier("newTier")


class PreviewQuery(Schema):
    """`preview=true`: what would be charged; nothing is changed."""

    preview = fields.String(
        load_default="false", validate=validate.OneOf(["true", "false"], error="must be true or false.")
    )


class CancelRequest(Schema):
    """Why, in the customer's own words."""

    reason = fields.String(load_default="", allow_none=True, validate=validate.Length(max=500))


class SubtotalQuery(Schema):
    """What the discount is taken off."""

    SOLE_MISSING = {("subtotal",): "subtotal query parameter is required"}  # noqa: RUF012 - as above

    subtotal = Dollars(required=True, metadata={"description": f"Dollars, at most {MOST:,}.", "example": "150.00"})


class ExplainQuery(Schema):
    """`explain`: also list what a number is made of."""

    explain = fields.String(
        load_default="", validate=validate.OneOf(METRICS, error=f"must be one of {', '.join(METRICS)}.")
    )


class MembershipShape(Schema):
    """A membership. `price`: dollars a month."""

    id = fields.String(required=True)
    customer_id = fields.String(required=True)
    email = fields.String(required=True)
    tier = fields.String(required=True, validate=validate.OneOf(NAMES))
    status = fields.String(required=True, validate=validate.OneOf([ACTIVE, PAST_DUE, CANCELLED, EXPIRED]))
    price = Money(required=True)
    discount_percent = fields.Integer(required=True)
    subscription_id = fields.String(required=True)
    payment_method_id = fields.String(
        required=True, allow_none=True, metadata={"description": "Null until the gateway has stored the card."}
    )
    start_date = WireDate(required=True)
    next_billing_date = WireDate(
        required=True, allow_none=True, metadata={"description": "Null when no renewal follows."}
    )
    cancel_date = WireDate(required=True, allow_none=True)
    cancel_reason = fields.String(required=True, allow_none=True)
    access_until = WireTime(
        required=True, allow_none=True, metadata={"description": "Of a cancelled one: when access ends."}
    )
    created_at = WireTime(required=True)
    updated_at = WireTime(required=True)


class MembershipWithBenefitsShape(MembershipShape):
    """And what its tier gives."""

    benefits = fields.List(fields.String(), required=True)


class MembershipAnswer(Schema):
    """The membership that there is now."""

    success = fields.Constant(True, required=True)
    membership = fields.Nested(MembershipShape, required=True)


class MembershipWithBenefitsAnswer(Schema):
    """The customer's newest membership."""

    success = fields.Constant(True, required=True)
    membership = fields.Nested(MembershipWithBenefitsShape, required=True)


class CancelledAnswer(MembershipAnswer):
    """No renewal follows; access and discount run to `access_until`."""

    message = fields.Constant("Membership cancelled successfully", required=True)


class ProrationShape(Schema):
    """Dollars: used + credit is what the old tier was given, credit + charge what the new one takes."""

    used = Money(required=True)
    credit = Money(required=True)
    charge = Money(required=True)
    days_left = fields.Integer(required=True, data_key="daysLeft")
    days = fields.Integer(required=True)


class UpgradedAnswer(MembershipAnswer):
    """The membership in its new tier, and what that cost; of a preview, as they would be."""

    prorated_charge = Money(required=True, data_key="proratedCharge")
    proration = fields.Nested(ProrationShape, required=True)
    preview = fields.Boolean(required=True)


class DiscountAnswer(Schema):
    """Dollars. Without a discount the amounts are 0 and `tier` is null."""

    success = fields.Constant(True, required=True)
    has_discount = fields.Boolean(required=True, data_key="hasDiscount")
    discount_amount = Money(required=True, data_key="discountAmount")
    discount_percent = fields.Integer(required=True, data_key="discountPercent")
    final_total = Money(required=True, data_key="finalTotal")
    tier = fields.String(required=True, allow_none=True)


class PaymentFailedAnswer(ErrorAnswer):
    """`payment_declined`: nothing is charged and nothing changes. `payment_under_review`: wait."""

    reason = fields.String(metadata={"description": "declined or invalid_card_data."})


class NoMembershipAnswer(ErrorAnswer):
    """There is none, or none that this could be done to."""


class PaymentInProgressAnswer(ErrorAnswer):
    """Another request of the same customer, or with the same Idempotency-Key, is still running."""


class TierCountsShape(Schema):
    """Active members by tier."""

    BRONZE = fields.Integer(required=True)
    SILVER = fields.Integer(required=True)
    GOLD = fields.Integer(required=True)


class TierMoneyShape(Schema):
    """Dollars by tier."""

    BRONZE = Money(required=True)
    SILVER = Money(required=True)
    GOLD = Money(required=True)


class MembershipStatsShape(Schema):
    """Dollars. What each number means: docs/memberships.md."""

    monthly_recurring_revenue = Money(required=True, data_key="monthlyRecurringRevenue")
    active_members = fields.Integer(required=True, data_key="activeMembers")
    churn_rate = fields.String(required=True, data_key="churnRate", metadata={"example": "5.26%"})
    tier_distribution = fields.Nested(TierCountsShape, required=True, data_key="tierDistribution")
    lifetime_value_by_tier = fields.Nested(TierMoneyShape, required=True, data_key="lifetimeValueByTier")
    generated_at = WireTime(required=True, data_key="generatedAt")


class ExplainedPartShape(Schema):
    """One membership, or one tier, that a number is made of; what does not apply is left out."""

    membership_id = fields.String(data_key="membershipId")
    tier = fields.String()
    price = Money()
    group = fields.String(metadata={"description": "Of churn: lost or before."})
    started_at = WireTime(data_key="startedAt")
    ended_at = WireTime(data_key="endedAt", allow_none=True)
    months = fields.String(metadata={"description": "Of a lifetime value: months that are expected."})
    value = Money()


class ExplanationShape(Schema):
    """`total` is what the parts add up to: dollars for mrr, lost / before for churn, nothing for ltv."""

    metric = fields.String(required=True)
    definition = fields.String(required=True)
    total = fields.String(required=True, allow_none=True)
    parts = fields.List(fields.Nested(ExplainedPartShape), required=True)


class MembershipStatsAnswer(Schema):
    """The figures; with `explain`, what one of them is made of."""

    success = fields.Constant(True, required=True)
    stats = fields.Nested(MembershipStatsShape, required=True)
    explain = fields.Nested(ExplanationShape)
