"""What can go wrong when money is taken.

Failure
├── PaymentDeclined      402   the bank or the gateway said no: `error` is the gateway's own sentence
├── PaymentUnderReview   402   taken, but somebody has to look at it first
└── GatewayUnavailable   503   it does not answer; nothing was charged
    └── PaymentUnknown         it was asked to charge and did not answer: we go on asking what became of it
"""

from __future__ import annotations

from shared.payments.models import CODE_UNAVAILABLE, DECLINED, HELD, Charge
from shared.platform.errors import Failure, Unavailable


class PaymentDeclined(Failure):
    status = 402
    code = "payment_declined"


class PaymentUnderReview(Failure):
    status = 402
    code = "payment_under_review"

    def __init__(self) -> None:
        super().__init__(
            "The payment is being reviewed by the payment provider. Nothing more is to be done: it takes effect as "
            "soon as it is released, and is not charged otherwise."
        )


class GatewayUnavailable(Unavailable):
    code = "gateway_unavailable"

    def __init__(self, sentence: str = "") -> None:
        super().__init__(
            sentence or "The payment provider does not answer. Nothing was charged. Try again in a moment.",
            headers={"Retry-After": "10"},
        )


class PaymentUnknown(GatewayUnavailable):
    code = "payment_unknown"

    def __init__(self) -> None:
        super().__init__(
            "The payment provider did not say whether the payment went through. We are finding out; it cannot be "
            "charged twice. Send the same request again in a few minutes."
        )


def failure_of(charge: Charge) -> Exception:
    """What the caller is told of a charge that is not paid."""
    if charge.state == HELD:
        return PaymentUnderReview()
    if charge.state == DECLINED and charge.code == CODE_UNAVAILABLE:
        return GatewayUnavailable()
    if charge.state == DECLINED:
        return PaymentDeclined(charge.reason or "The payment was declined.", reason=charge.code or "declined")
    return PaymentUnknown()
