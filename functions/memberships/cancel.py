"""PUT /api/memberships/{customer_id}/cancel"""

from __future__ import annotations

from shared.integrations.authorizenet import connect
from shared.memberships import answers
from shared.memberships.schemas import CancelledAnswer, CancelRequest, NoMembershipAnswer, PaymentInProgressAnswer
from shared.memberships.service import MembershipService
from shared.runtime.declare import SIGNED_IN, endpoint, in_path
from shared.runtime.request import Answer, Request


@endpoint(
    "PUT /api/memberships/{customer_id}/cancel",
    auth=SIGNED_IN,
    owner=in_path("customer_id"),
    body=CancelRequest,
    responds={200: CancelledAnswer, 404: NoMembershipAnswer, 409: PaymentInProgressAnswer},
    refuses_card_data=True,
    timeout_seconds=60,
    optional_secrets=("AUTHORIZE_NET_API_LOGIN_ID", "AUTHORIZE_NET_TRANSACTION_KEY"),
    secrets=("VERIFICATION_KEY",),
    publishes=("emails", "membership-events", "payment-events"),
)
def handle(request: Request) -> Answer:
    """End it: no renewal follows, and what is paid stays to the end of its period."""
    customer_id = request.path["customer_id"]
    found, email = MembershipService.on(request.platform, connect).cancel(
        customer_id, request.body["reason"] or "", request.request_id
    )
    return Answer(200, {"membership": answers.membership(found, customer_id, email)})
