"""Subscriber: every event becomes rows in BigQuery, once each, chained by hash."""

from __future__ import annotations

from shared.audit.service import AuditService
from shared.runtime.declare import subscriber
from shared.runtime.request import Delivery


# Few instances, because the rows of a day are links of one chain that they race for; within one, messages queue.
@subscriber(
    "verification-events",
    "security-events",
    "sync-events",
    "membership-events",
    "payment-events",
    "raffle-events",
    "mail-events",
    "alerts",
    concurrency=8,
    max_instances=3,
    timeout_seconds=60,
    writes=(
        "commerce.age_verification_attempts",
        "commerce.age_verification_expiries",
        "commerce.age_verifications",
        "commerce.alerts",
        "commerce.mail_deliveries",
        "commerce.memberships",
        "commerce.payment_reconciliations",
        "commerce.payments",
        "commerce.raffle_tickets",
        "commerce.raffle_transactions",
        "commerce.raffles",
        "commerce.security_events",
        "commerce.sync_runs",
    ),
)
def handle(delivery: Delivery) -> None:
    """Record one event. Raises `Unavailable` to be called again."""
    AuditService.on(delivery.platform).record(delivery.data)
