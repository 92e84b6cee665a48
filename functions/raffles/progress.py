"""GET /api/raffles/{raffle_id}/progress"""

from __future__ import annotations

from shared.raffles import answers
from shared.raffles.reading import RaffleReader
from shared.raffles.schemas import NoRaffleAnswer, ProgressAnswer
from shared.runtime.declare import PUBLIC, endpoint
from shared.runtime.request import Answer, Request


@endpoint(
    "GET /api/raffles/{raffle_id}/progress",
    auth=PUBLIC,
    responds={200: ProgressAnswer, 404: NoRaffleAnswer},
)
def handle(request: Request) -> Answer:
    """How far the sale is."""
    raffle = RaffleReader.on(request.platform).get(request.path["raffle_id"])
    return Answer(200, answers.progress(raffle, request.platform.clock.now()))
