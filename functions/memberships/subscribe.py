"""POST /api/memberships/subscribe"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from shared.integrations.authorizenet import connect
from shared.memberships import answers
from shared.memberships.errors import UnknownCard
from shared.memberships.schemas import (
    MembershipAnswer,
    PaymentFailedAnswer,
    PaymentInProgressAnswer,
    SubscribeRequest,
)
from shared.memberships.service import MembershipService, Subscription
from shared.payments.models import Method, Token
from shared.platform.errors import Invalid
from shared.runtime.declare import SIGNED_IN, endpoint, in_body
from shared.runtime.request import Answer, Request

CARD_ID = re.compile(r"pm_([0-9]{1,20})_([0-9]{1,20})")


@endpoint(
    "POST /api/memberships/subscribe",
    auth=SIGNED_IN,
    owner=in_body("customer_id"),
    body=SubscribeRequest,
    responds={201: MembershipAnswer, 402: PaymentFailedAnswer, 409: PaymentInProgressAnswer},
    idempotent=True,
    refuses_card_data=True,
    timeout_seconds=60,
    optional_secrets=("AUTHORIZE_NET_API_LOGIN_ID", "AUTHORIZE_NET_TRANSACTION_KEY"),
    secrets=("VERIFICATION_KEY",),
    publishes=("emails", "membership-events", "payment-events"),
)
def handle(request: Request) -> Answer:
    """Join: the first month is charged at once. With a renewal that was declined: pay it with another card."""
    body = request.body
    found, email = MembershipService.on(request.platform, connect).subscribe(
        Subscription(
            customer_id=body["customer_id"],
            email=body["email"],
            tier=body["tier"],
            funding=_funding(body["payment_method"]),
            method_type=body["payment_method"]["type"],
            request_id=request.request_id,
        )
    )
    return Answer(201, {"membership": answers.membership(found, body["customer_id"], email)})


def _funding(method: Mapping[str, Any]) -> Token | Method:
    if "token" in method:
        return Token(method["token"])
    if "id" not in method:
        raise Invalid(
            "paymentMethod.token: send the token that the payment form gave.",
            code="missing_fields",
            field="paymentMethod.token",
        )
    stored = CARD_ID.fullmatch(method["id"])
    if stored is None:
        raise UnknownCard
    return Method(stored[1], stored[2])
