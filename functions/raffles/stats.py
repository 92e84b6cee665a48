"""GET /api/raffles/stats"""

from __future__ import annotations

from shared.raffles import answers
from shared.raffles.reading import RaffleReader
from shared.raffles.schemas import RaffleStatsAnswer
from shared.runtime.declare import ADMIN, endpoint
from shared.runtime.request import Answer, Request


@endpoint("GET /api/raffles/stats", auth=ADMIN, responds={200: RaffleStatsAnswer})
def handle(request: Request) -> Answer:
    """Figures over all raffles."""
    raffles = RaffleReader.on(request.platform).everyone()
    return Answer(200, answers.stats(raffles, request.platform.clock.now()))
