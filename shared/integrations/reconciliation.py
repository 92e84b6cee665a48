"""The comparison with the gateway, put together. Apart from payments.py: whoever imports it may raise alerts."""

from __future__ import annotations

from shared.integrations.authorizenet import connect
from shared.integrations.payments import follow_up
from shared.payments.reconcile import Reconciliation
from shared.payments.service import Payments
from shared.platform.context import Platform


def reconciliation(platform: Platform) -> Reconciliation:
    return Reconciliation(platform, Payments(platform, connect(platform)), follow_up(platform))
