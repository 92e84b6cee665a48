"""GET /api/raffles"""

from __future__ import annotations

from shared.raffles import answers
from shared.raffles.reading import RaffleReader
from shared.raffles.schemas import RafflesAnswer
from shared.runtime.declare import PUBLIC, endpoint
from shared.runtime.request import Answer, Request


@endpoint("GET /api/raffles", auth=PUBLIC, responds={200: RafflesAnswer})
def handle(request: Request) -> Answer:
    """What is on sale, or sold out and not drawn yet."""
    found = [answers.public(raffle) for raffle in RaffleReader.on(request.platform).listed()]
    return Answer(200, {"raffles": found, "count": len(found)})
