"""GET /api/bigquery/products"""

from __future__ import annotations

from shared.analytics import cursors
from shared.analytics.answers import about
from shared.analytics.products import PRODUCTS
from shared.analytics.schemas import ProductsAnswer, ProductsQuery
from shared.runtime import cached
from shared.runtime.declare import SERVICE, endpoint
from shared.runtime.request import Answer, Request


@endpoint(
    "GET /api/bigquery/products",
    auth=SERVICE,
    query=ProductsQuery,
    responds={200: ProductsAnswer},
    cached=True,
    publishes=("cache-refresh",),
    reads=(
        "analytics.lightspeed_products",
        "analytics.square_items",
        "analytics.square_order_lines",
    ),
)
def handle(request: Request) -> Answer:
    """Items that are for sale, newest first, and what sells best."""
    wanted = request.query
    if wanted["cursor"]:
        cursors.decode(wanted["cursor"])  # a wrong one is the caller's mistake, not a failed load
    params = {"source": wanted["source"], "limit": str(wanted["limit"]), "cursor": wanted["cursor"]}
    found = cached.look_up(request, PRODUCTS, params)
    return cached.answer(request, found, about(found))
