"""Subscriber: load a cached value anew, as a message on `cache-refresh` asks."""

from __future__ import annotations

from shared.analytics.dashboard import DASHBOARD
from shared.analytics.historical import HISTORICAL
from shared.analytics.products import PRODUCTS
from shared.compliance.service import METRICS
from shared.integrations.square_views import SQUARE_CATALOG, SQUARE_TRANSACTIONS
from shared.platform.cache.cache import Cache
from shared.platform.cache.refreshes import asked_for
from shared.runtime.declare import subscriber
from shared.runtime.request import Delivery
from shared.verification.statistics import STATISTICS

VIEWS = {
    view.name: view
    for view in (DASHBOARD, HISTORICAL, PRODUCTS, STATISTICS, METRICS, SQUARE_CATALOG, SQUARE_TRANSACTIONS)
}


@subscriber(
    "cache-refresh",
    optional_secrets=("SQUARE_ACCESS_TOKEN",),
    publishes=("cache-refresh",),
    reads=(
        "analytics.lightspeed_products",
        "analytics.lightspeed_transactions",
        "analytics.square_items",
        "analytics.square_order_lines",
        "analytics.square_payments",
        "commerce.age_verification_attempts",
        "commerce.product_coas",
    ),
)
def handle(delivery: Delivery) -> None:
    """A value that is fresh already is left as it is: asked twice, loaded once."""
    view, params = asked_for(delivery.data, VIEWS)
    Cache.on(delivery.platform).refresh(view, params)
