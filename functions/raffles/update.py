"""PUT /api/raffles/{raffle_id}"""

from __future__ import annotations

from shared.raffles import answers
from shared.raffles.administration import Administration
from shared.raffles.schemas import LegalBasisAnswer, NoRaffleAnswer, RaffleRecordAnswer, UpdateRaffleRequest
from shared.runtime.declare import ADMIN, endpoint
from shared.runtime.request import Answer, Request


@endpoint(
    "PUT /api/raffles/{raffle_id}",
    auth=ADMIN,
    body=UpdateRaffleRequest,
    responds={200: RaffleRecordAnswer, 404: NoRaffleAnswer, 409: LegalBasisAnswer},
    secrets=("VERIFICATION_KEY",),
    publishes=("emails", "raffle-events"),
)
def handle(request: Request) -> Answer:
    """Change what buyers have not paid for; activate, or complete; record the legal basis."""
    raffle = Administration.on(request.platform).update(
        request.path["raffle_id"], request.body, request.principal.subject, request.request_id
    )
    return Answer(200, {"raffle": answers.record(raffle)})
