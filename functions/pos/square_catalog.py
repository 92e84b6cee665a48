"""GET /api/square/catalog"""

from __future__ import annotations

from shared.integrations.square_views import SQUARE_CATALOG, about_catalog, params
from shared.pos.square_schemas import SquareCatalogAnswer
from shared.runtime import cached
from shared.runtime.declare import SIGNED_IN, endpoint
from shared.runtime.request import Answer, Request


@endpoint(
    "GET /api/square/catalog",
    auth=SIGNED_IN,
    responds={200: SquareCatalogAnswer},
    cached=True,
    optional_secrets=("SQUARE_ACCESS_TOKEN",),
    publishes=("cache-refresh",),
)
def handle(request: Request) -> Answer:
    """Square's items that are for sale, with stock; the last good answer when Square fails."""
    found = cached.look_up(request, SQUARE_CATALOG, params(request.platform))
    return cached.answer(request, found, about_catalog(found, for_staff=request.principal.role != "customer"))
