"""Subscriber: copy Square and Lightspeed into BigQuery, as a message on `sync-requests` asks."""

from __future__ import annotations

from shared.integrations.sources import connect
from shared.pos.requests import SyncRequest
from shared.pos.service import SyncService
from shared.runtime.declare import Schedule, subscriber
from shared.runtime.request import Delivery


# One run at a time in an instance, which then has all of its memory and all of the provider's pace.
@subscriber(
    "sync-requests",
    schedules=(
        Schedule("sync_square", "*/15 * * * *", {"source": "square", "mode": "incremental"}),
        Schedule("sync_lightspeed", "*/15 * * * *", {"source": "lightspeed", "mode": "incremental"}),
        # Late changes: what was made, or changed, in the last 14 days each night, 90 days each week.
        Schedule("reread_square", "20 3 * * 1-6", {"source": "square", "mode": "full", "from": "P14D"}),
        Schedule("reread_lightspeed", "50 3 * * 1-6", {"source": "lightspeed", "mode": "full", "from": "P14D"}),
        Schedule("reread_square_weekly", "20 3 * * 0", {"source": "square", "mode": "full", "from": "P90D"}),
        Schedule("reread_lightspeed_weekly", "50 3 * * 0", {"source": "lightspeed", "mode": "full", "from": "P90D"}),
    ),
    memory="512Mi",
    concurrency=1,
    max_instances=3,
    timeout_seconds=540,
    ack_deadline_seconds=600,
    optional_secrets=("SQUARE_ACCESS_TOKEN", "LIGHTSPEED_CLIENT_SECRET", "LIGHTSPEED_REFRESH_TOKEN"),
    secrets=("VERIFICATION_KEY",),
    publishes=("alerts", "sync-events", "sync-requests"),
    writes=(
        "analytics.lightspeed_products",
        "analytics.lightspeed_transactions",
        "analytics.square_items",
        "analytics.square_order_lines",
        "analytics.square_payments",
        "commerce.customers",
        "commerce.sync_rejects",
    ),
    stages=True,
)
def handle(delivery: Delivery) -> None:
    """Read what is asked for, load it, compare. Raises `Unavailable` to be called again."""
    SyncService(delivery.platform, connect).handle(SyncRequest.of(delivery.id, delivery.data))
