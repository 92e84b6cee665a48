"""GET /api/square/transactions"""

from __future__ import annotations

from shared.integrations.square_views import SQUARE_TRANSACTIONS, about_transactions, params
from shared.pos.square_schemas import SquareTransactionsAnswer, SquareUnavailableAnswer
from shared.runtime import cached
from shared.runtime.declare import SERVICE, endpoint
from shared.runtime.request import Answer, Request


@endpoint(
    "GET /api/square/transactions",
    auth=SERVICE,
    responds={200: SquareTransactionsAnswer, 502: SquareUnavailableAnswer},
    cached=True,
    optional_secrets=("SQUARE_ACCESS_TOKEN",),
    publishes=("cache-refresh",),
)
def handle(request: Request) -> Answer:
    """Revenue and sales of the last seven store days, from Square itself."""
    found = cached.look_up(request, SQUARE_TRANSACTIONS, params(request.platform))
    return cached.answer(request, found, about_transactions(found))
