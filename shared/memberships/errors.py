"""What can go wrong with a membership, beyond what can go wrong with a payment (shared/payments/errors.py).

Failure
├── AlreadyMember      400   there is an active membership
├── NotHigher          400   an upgrade to the same or a lower tier
├── UnknownCard        400   paymentMethod.id is no stored card of this customer
├── NoMembership       404   nothing was ever bought
├── NoActiveMembership 404   nothing that could be upgraded or cancelled
└── InProgress         409   another request for this customer is being paid
"""

from __future__ import annotations

from shared.platform.errors import Conflict, Invalid, NotFound


class AlreadyMember(Invalid):
    code = "already_member"

    def __init__(self) -> None:
        super().__init__("Customer already has an active membership")


class NotHigher(Invalid):
    code = "tier_not_higher"

    def __init__(self, tier: str) -> None:
        super().__init__("New tier must be higher than current tier", field="newTier", currentTier=tier)


class UnknownCard(Invalid):
    code = "unknown_payment_method"

    def __init__(self) -> None:
        super().__init__(
            "paymentMethod.id is no stored card of this customer. Send a token of the payment form.",
            field="paymentMethod.id",
        )


class NoMembership(NotFound):
    code = "no_membership"

    def __init__(self) -> None:
        super().__init__("No membership found for this customer")


class NoActiveMembership(NotFound):
    code = "no_active_membership"

    def __init__(self) -> None:
        super().__init__("No active membership found for this customer")


class InProgress(Conflict):
    code = "payment_in_progress"

    def __init__(self) -> None:
        super().__init__(
            "Another request for this customer is being paid. Try again in a moment.", headers={"Retry-After": "5"}
        )
