"""GET /api/raffles/{raffle_id}/audit"""

from __future__ import annotations

from shared.raffles import answers
from shared.raffles.reading import RaffleReader
from shared.raffles.schemas import AuditAnswer, AuditQuery, NoRaffleAnswer
from shared.runtime.declare import PUBLIC, endpoint
from shared.runtime.request import Answer, Request


@endpoint(
    "GET /api/raffles/{raffle_id}/audit",
    auth=PUBLIC,
    query=AuditQuery,
    responds={200: AuditAnswer, 404: NoRaffleAnswer},
)
def handle(request: Request) -> Answer:
    """What anyone needs to check the draw; the ledger, and a ticket's receipt, when they are asked for."""
    found = RaffleReader.on(request.platform).audit(
        request.path["raffle_id"], with_ledger=request.query["ledger"] == "true", ticket=request.query["ticket"]
    )
    return Answer(200, answers.audit(found))
