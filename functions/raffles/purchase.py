"""POST /api/raffles/{raffle_id}/purchase"""

from __future__ import annotations

from shared.integrations.authorizenet import connect
from shared.memberships.reading import MembershipReader
from shared.payments.models import Token
from shared.raffles import answers
from shared.raffles.models import Buyer
from shared.raffles.schemas import (
    AgeUnverifiedAnswer,
    NoRaffleAnswer,
    PurchaseAnswer,
    PurchaseRequest,
    TicketsUnpaidAnswer,
)
from shared.raffles.service import RaffleService, Wanted
from shared.runtime.declare import SIGNED_IN, endpoint, in_body
from shared.runtime.request import Answer, Request
from shared.verification.reading import VerificationReader


# Most of a purchase is waiting for the gateway: many at once, which share the commits of their raffle.
@endpoint(
    "POST /api/raffles/{raffle_id}/purchase",
    auth=SIGNED_IN,
    owner=in_body("customer_id"),
    body=PurchaseRequest,
    responds={201: PurchaseAnswer, 402: TicketsUnpaidAnswer, 403: AgeUnverifiedAnswer, 404: NoRaffleAnswer},
    idempotent=True,
    refuses_card_data=True,
    concurrency=64,
    max_instances=3,
    memory="512Mi",
    timeout_seconds=60,
    optional_secrets=("AUTHORIZE_NET_API_LOGIN_ID", "AUTHORIZE_NET_TRANSACTION_KEY"),
    secrets=("VERIFICATION_KEY",),
    publishes=("emails", "payment-events", "raffle-events"),
)
def handle(request: Request) -> Answer:
    """Buy tickets: they are reserved, paid, and then the buyer's."""
    platform, body, customer_id = request.platform, request.body, request.body["customer_id"]
    tier = MembershipReader.on(platform).paid_tier(customer_id)
    bought = RaffleService.on(platform, connect).purchase(
        Wanted(
            raffle_id=request.path["raffle_id"],
            buyer=Buyer(customer_id, body["customer_email"], body["customer_name"]),
            count=body["num_tickets"],
            token=Token(body["payment_method"]["token"]),
            verified=VerificationReader.on(platform).is_verified(customer_id),
            bonus_paid_by=tier.charges if tier and tier.name == "GOLD" else (),
            key=request.idempotency_key,
            request_id=request.request_id,
        )
    )
    return Answer(201, answers.bought(bought))
