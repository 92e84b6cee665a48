"""GET /api/raffles/{raffle_id}"""

from __future__ import annotations

from shared.raffles import answers, lookup
from shared.raffles.reading import RaffleReader
from shared.raffles.schemas import NoRaffleAnswer, RaffleAnswer
from shared.runtime.declare import PUBLIC, endpoint
from shared.runtime.request import Answer, Request


@endpoint(
    "GET /api/raffles/{raffle_id}",
    auth=PUBLIC,
    reserved=("stats",),
    responds={200: RaffleAnswer, 404: NoRaffleAnswer},
    secrets=("VERIFICATION_KEY",),
)
def handle(request: Request) -> Answer:
    """One raffle, with its winner once it is drawn; who that is, for admins only."""
    raffle = RaffleReader.on(request.platform).get(request.path["raffle_id"])
    buyers = lookup.picked(request.platform, raffle) if request.principal.role == "admin" else []
    return Answer(200, {"raffle": answers.detail(raffle, buyers)})
