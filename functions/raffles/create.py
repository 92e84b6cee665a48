"""POST /api/raffles"""

from __future__ import annotations

from shared.raffles import answers
from shared.raffles.administration import Administration, Draft
from shared.raffles.schemas import CreateRaffleRequest, RaffleRecordAnswer
from shared.runtime.declare import ADMIN, endpoint
from shared.runtime.request import Answer, Request


@endpoint(
    "POST /api/raffles",
    auth=ADMIN,
    body=CreateRaffleRequest,
    responds={201: RaffleRecordAnswer},
    idempotent=True,
    secrets=("VERIFICATION_KEY",),
    publishes=("emails", "raffle-events"),
)
def handle(request: Request) -> Answer:
    """Make a draft, with the commitment to its secret seed."""
    raffle = Administration.on(request.platform).create(Draft(**request.body), request.request_id)
    return Answer(201, {"raffle": answers.record(raffle)})
