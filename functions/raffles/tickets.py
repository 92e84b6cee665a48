"""GET /api/raffles/{raffle_id}/tickets/{customer_id}"""

from __future__ import annotations

from shared.raffles import answers
from shared.raffles.reading import RaffleReader
from shared.raffles.schemas import NoRaffleAnswer, TicketsAnswer
from shared.runtime.declare import CUSTOMER_OR_ADMIN, endpoint, in_path
from shared.runtime.request import Answer, Request


@endpoint(
    "GET /api/raffles/{raffle_id}/tickets/{customer_id}",
    auth=CUSTOMER_OR_ADMIN,
    owner=in_path("customer_id"),
    responds={200: TicketsAnswer, 404: NoRaffleAnswer},
)
def handle(request: Request) -> Answer:
    """A customer's tickets, and whether one of them was drawn."""
    found = RaffleReader.on(request.platform).tickets(request.path["raffle_id"], request.path["customer_id"])
    return Answer(200, answers.tickets(found))
