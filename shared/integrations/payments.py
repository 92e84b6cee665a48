"""The gateway, and the domains that take money through it, put together."""

from __future__ import annotations

from shared.integrations.authorizenet import connect
from shared.memberships.billing import Billing
from shared.memberships.models import OWNER
from shared.payments.follow_up import FollowUp
from shared.payments.service import Payments
from shared.platform.context import Platform


def follow_up(platform: Platform) -> FollowUp:
    payments = Payments(platform, connect(platform))
    return FollowUp(payments, {OWNER: Billing(platform, payments)}, platform.clock)
