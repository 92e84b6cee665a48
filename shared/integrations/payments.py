"""The gateway, and the domains that take money through it, put together."""

from __future__ import annotations

from shared.integrations.authorizenet import connect
from shared.memberships.billing import Billing
from shared.memberships.models import OWNER as MEMBERSHIPS
from shared.payments.follow_up import FollowUp
from shared.payments.ports import Owner
from shared.payments.service import Payments
from shared.platform.context import Platform
from shared.raffles.models import OWNER as RAFFLES
from shared.raffles.sales import Sales


def follow_up(platform: Platform) -> FollowUp:
    payments = Payments(platform, connect(platform))
    owners: dict[str, Owner] = {MEMBERSHIPS: Billing(platform, payments), RAFFLES: Sales(platform, payments)}
    return FollowUp(payments, owners, platform.clock)
