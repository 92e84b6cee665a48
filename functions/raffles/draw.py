"""POST /api/raffles/{raffle_id}/draw"""

from __future__ import annotations

from shared.integrations.drand import connect
from shared.raffles import answers
from shared.raffles.drawing import Draws
from shared.raffles.schemas import DrawAnswer, NoRaffleAnswer, OpenReservationsAnswer
from shared.runtime.declare import ADMIN, endpoint
from shared.runtime.request import Answer, Request


@endpoint(
    "POST /api/raffles/{raffle_id}/draw",
    auth=ADMIN,
    responds={200: DrawAnswer, 404: NoRaffleAnswer, 409: OpenReservationsAnswer},
    idempotent=True,
    timeout_seconds=60,
    secrets=("VERIFICATION_KEY",),
    publishes=("emails", "raffle-events"),
)
def handle(request: Request) -> Answer:
    """Close sales, wait for the public randomness that comes after, and draw the winner and ten runner-ups."""
    found = Draws.on(request.platform, connect).draw(request.path["raffle_id"], request.request_id)
    return Answer(200, {"drawing": answers.drawn(found.raffle, found.picked)})
