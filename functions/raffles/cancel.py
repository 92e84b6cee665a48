"""DELETE /api/raffles/{raffle_id}/cancel"""

from __future__ import annotations

from shared.integrations.authorizenet import connect
from shared.raffles import answers
from shared.raffles.cancelling import Cancellations
from shared.raffles.schemas import CancelledRaffleAnswer, CancelRaffleRequest, NoRaffleAnswer
from shared.runtime.declare import ADMIN, endpoint
from shared.runtime.request import Answer, Request

# Of the 60: what is under way then is finished, and the rest goes on as `raffles_refund_purchases`.
SECONDS = 40.0


@endpoint(
    "DELETE /api/raffles/{raffle_id}/cancel",
    auth=ADMIN,
    body=CancelRaffleRequest,
    responds={200: CancelledRaffleAnswer, 404: NoRaffleAnswer},
    concurrency=1,
    memory="512Mi",
    timeout_seconds=60,
    optional_secrets=("AUTHORIZE_NET_API_LOGIN_ID", "AUTHORIZE_NET_TRANSACTION_KEY"),
    secrets=("VERIFICATION_KEY",),
    publishes=("emails", "payment-events", "raffle-events", "raffle-refunds"),
)
def handle(request: Request) -> Answer:
    """Call it off: every purchase is refunded once. Called again, it goes on where it stopped."""
    refunds = Cancellations.on(request.platform, connect).cancel(
        request.path["raffle_id"], request.body["reason"] or "", request.request_id, SECONDS
    )
    return Answer(200, {"refunds": answers.refunds(refunds)})
