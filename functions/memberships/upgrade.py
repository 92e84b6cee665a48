"""PUT /api/memberships/{customer_id}/upgrade"""

from __future__ import annotations

from shared.integrations.authorizenet import connect
from shared.memberships import answers
from shared.memberships.schemas import (
    NoMembershipAnswer,
    PaymentFailedAnswer,
    PaymentInProgressAnswer,
    PreviewQuery,
    UpgradedAnswer,
    UpgradeRequest,
)
from shared.memberships.service import MembershipService
from shared.runtime.declare import SIGNED_IN, endpoint, in_path
from shared.runtime.request import Answer, Request


@endpoint(
    "PUT /api/memberships/{customer_id}/upgrade",
    auth=SIGNED_IN,
    owner=in_path("customer_id"),
    body=UpgradeRequest,
    query=PreviewQuery,
    responds={
        200: UpgradedAnswer,
        402: PaymentFailedAnswer,
        404: NoMembershipAnswer,
        409: PaymentInProgressAnswer,
    },
    idempotent=True,
    refuses_card_data=True,
    timeout_seconds=60,
    optional_secrets=("AUTHORIZE_NET_API_LOGIN_ID", "AUTHORIZE_NET_TRANSACTION_KEY"),
    secrets=("VERIFICATION_KEY",),
    publishes=("emails", "membership-events", "payment-events"),
)
def handle(request: Request) -> Answer:
    """Change to a higher tier: the difference for the rest of the period is charged first. Or preview it."""
    service = MembershipService.on(request.platform, connect)
    customer_id, tier = request.path["customer_id"], request.body["new_tier"]
    preview = request.query["preview"] == "true"
    if preview:
        found, proration, email = service.preview(customer_id, tier)
    else:
        found, proration, email = service.upgrade(customer_id, tier, request.request_id)
    return Answer(
        200,
        {
            "membership": answers.membership(found, customer_id, email),
            "prorated_charge": proration.charge,
            "proration": vars(proration),
            "preview": preview,
        },
    )
