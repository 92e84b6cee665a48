"""What may happen to a membership, and what follows. Pure: days, cents and values in, values out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any

from shared.memberships.calendar import months_after, period_of
from shared.memberships.models import (
    ACTIVE,
    CANCELLED,
    EXPIRED,
    FIRST,
    GRACE,
    PAST_DUE,
    RENEWAL,
    RETRY_DAYS,
    TRANSITIONS,
    UPGRADE,
    Membership,
    Past,
)
from shared.memberships.tiers import NAMES, TIERS
from shared.payments.models import Method
from shared.values.cents import half_up, share
from shared.values.days import day_of, midnight

REFUNDED = "Payment refunded"


@dataclass(frozen=True)
class Now:
    """The moment, and the store's zone: the same one for a whole decision."""

    moment: datetime
    zone: str

    @property
    def day(self) -> date:
        return day_of(self.moment, self.zone)


@dataclass(frozen=True)
class Proration:
    """Of what was paid for the period `used` is the old tier's; `credit`, the rest, and `charge` pay the new one.

    used + credit is all that the old tier was given; credit + charge is what the new tier takes. Cents.
    """

    charge: int
    used: int
    credit: int
    days_left: int
    days: int


def offer(tier: str) -> dict[str, Any]:
    """A tier, as the fields of a membership say it."""
    return {"tier": tier, "price": TIERS[tier].price, "discount": TIERS[tier].discount}


def change(membership: Membership, status: str, now: Now, **values: object) -> Membership:
    """Raises ValueError for a change of status that cannot be."""
    if (membership.status, status) not in TRANSITIONS:
        raise ValueError(f"A membership that is {membership.status} cannot become {status}.")
    return replace(membership, status=status, updated_at=now.moment, **values)  # type: ignore[arg-type]


# --- who has what


def is_over(membership: Membership | None) -> bool:
    """Whether a new subscription may take its place."""
    return membership is None or membership.status in (CANCELLED, EXPIRED)


def entitled(membership: Membership | None, now: Now) -> bool:
    """Whether the discount applies at this moment."""
    if membership is None or membership.status == EXPIRED:
        return False
    if membership.status == CANCELLED:
        return membership.access_until is not None and now.moment < membership.access_until
    # A renewal that the job is late with costs nobody the discount; one that was declined has its days of grace.
    since = membership.first_declined_on or membership.period_end
    return now.day <= since + GRACE


def paid(membership: Membership | None, now: Now) -> bool:
    """Whether today is a day that was paid for: what raffle entries need; grace is not enough."""
    return entitled(membership, now) and membership is not None and now.day < membership.period_end


def discount(subtotal: Decimal, percent: int) -> tuple[int, int]:
    """(discount, total) in cents of a subtotal in dollars."""
    with localcontext(prec=100):
        cents = subtotal * 100
        off = half_up(cents * percent / 100)
        return off, half_up(cents) - off


# --- what happens


def begun(
    *,
    ids: tuple[str, str],
    tier: str,
    method_type: str,
    before: Membership | None,
    now: Now,
) -> Membership:
    """A new subscription, as it is once its first month is paid. `ids`: the membership's and the subscription's.

    What a cancelled membership has paid for and not used is put on top, as days of the new tier: none of it is lost,
    and no day is paid for twice.
    """
    today, price = now.day, TIERS[tier].price
    credit = left_over(before, now)
    month = (months_after(today, 1) - today).days
    if before and credit and before.tier == tier:
        anchor = before.period_end
    else:
        anchor = today + timedelta(days=share(credit, month, price))
    end = months_after(anchor, 1)
    return Membership(
        id=ids[0],
        subscription_id=ids[1],
        status=ACTIVE,
        **offer(tier),
        start_date=today,
        anchor=anchor,
        period_start=today,
        period_end=end,
        paid_by=charge_id(ids[1], today, FIRST),
        base_tier=tier,
        value=price + credit,
        valued_on=today,
        created_at=now.moment,
        updated_at=now.moment,
        method_type=method_type,
        due_on=end,
    )


def left_over(before: Membership | None, now: Now) -> int:
    """Cents that were paid for days that a cancelled membership still has."""
    if before is None or before.status != CANCELLED or not paid(before, now):
        return 0
    return share(before.value, (before.period_end - now.day).days, (before.period_end - before.valued_on).days)


def charge_id(subscription: str, period_start: date, kind: str) -> str:
    return f"{subscription}:{period_start.isoformat()}:{kind}"


def upgrade_id(membership: Membership, tier: str) -> str:
    """Of the charge for an upgrade to the tier in the running period: there is one at most, since tiers only rise."""
    return charge_id(membership.subscription_id, membership.period_start, f"{UPGRADE}_{tier}")


def renewed(membership: Membership, tier: str, now: Now) -> Membership:
    """The membership once the period that is due is paid. Of several that were missed only the running one is owed."""
    start = membership.period_end
    end = period_of(membership.anchor, start)[1]
    if end <= now.day:
        start, end = period_of(membership.anchor, now.day)
    return change(
        membership,
        ACTIVE,
        now,
        **offer(tier),
        period_start=start,
        period_end=end,
        paid_by=charge_id(membership.subscription_id, start, RENEWAL),
        base_tier=tier,
        upgrades=(),
        value=TIERS[tier].price,
        valued_on=start,
        first_declined_on=None,
        declines=0,
        due_on=end,
    )


def renewal_due(membership: Membership | None, now: Now) -> bool:
    return (
        membership is not None
        and membership.status in (ACTIVE, PAST_DUE)
        and membership.due_on is not None
        and membership.due_on <= now.day
    )


def declined(membership: Membership, now: Now) -> Membership:
    """After a renewal was declined: past due, to be tried again 1, 3, 5 and 7 days after the first time, then over."""
    first = membership.first_declined_on or now.day
    declines = membership.declines + 1
    tries = [first + timedelta(days=days) for days in RETRY_DAYS[declines - 1 :]]
    coming = [day for day in tries if day > now.day]
    if not coming:
        return change(
            membership, EXPIRED, now, first_declined_on=first, declines=declines, due_on=None, ended_at=now.moment
        )
    return change(membership, PAST_DUE, now, first_declined_on=first, declines=declines, due_on=coming[0])


def prorated(membership: Membership, tier: str, now: Now, *, whole_difference: bool = False) -> Proration:
    """What the change to a higher tier costs today; nothing when no day of the period is left."""
    # Of a period with days on top, the month at its end: prices are a month's.
    month = (membership.period_end - period_of(membership.anchor, membership.period_end - timedelta(days=1))[0]).days
    left = max(0, (membership.period_end - now.day).days)
    difference = TIERS[tier].price - membership.price
    charge = share(difference, left, month)
    if whole_difference and left:
        charge = max(charge, difference)
    credit = share(membership.value, left, (membership.period_end - membership.valued_on).days)
    return Proration(charge, membership.value - credit, credit, left, month)


def upgraded(membership: Membership, tier: str, proration: Proration, now: Now) -> Membership:
    return change(
        membership,
        ACTIVE,
        now,
        **offer(tier),
        value=proration.credit + proration.charge,
        valued_on=now.day,
    )


def cancelled(membership: Membership, reason: str, now: Now) -> Membership:
    """By the customer: what is paid stays, what is not paid ends now."""
    until = midnight(membership.period_end, now.zone)
    ends = until if membership.status == ACTIVE and until > now.moment else now.moment
    return change(
        membership,
        CANCELLED,
        now,
        cancel_date=now.day,
        cancel_reason=reason,
        access_until=ends,
        ended_at=now.moment,
        due_on=day_of(ends, now.zone),
    )


def lapsed(membership: Membership, now: Now) -> Membership:
    """A cancelled one whose paid days are over."""
    return change(membership, EXPIRED, now, due_on=None)


def taken_back(membership: Membership, charge: str, cents: int, now: Now) -> Membership | None:
    """After all the money of a charge has gone back; None: it concerns no running period.

    The period's own: the membership ends, at once or with the days that earlier money has paid for. An upgrade's: the
    tier is the highest that is still paid for.
    """
    if membership.status == EXPIRED:
        return None
    if charge == membership.paid_by:
        ends = max(now.moment, midnight(min(membership.anchor, membership.period_end), now.zone))
        return change(
            membership,
            CANCELLED,
            now,
            cancel_date=membership.cancel_date or now.day,
            cancel_reason=membership.cancel_reason or REFUNDED,
            access_until=ends,
            ended_at=membership.ended_at or now.moment,
            value=max(0, membership.value - cents),
            period_end=day_of(ends, now.zone),
            due_on=day_of(ends, now.zone),
        )
    if charge not in membership.upgrades:
        return None
    upgrades = tuple(paid for paid in membership.upgrades if paid != charge)
    tier = max((membership.base_tier, *map(tier_of, upgrades)), key=NAMES.index)
    return replace(
        membership,
        **offer(tier),
        value=max(0, membership.value - cents),
        upgrades=upgrades,
        updated_at=now.moment,
    )


def tier_of(upgrade: str) -> str:
    """The tier that a charge for an upgrade pays for, from its id: `...:upgrade_GOLD`, `...:upgrade_GOLD_2`."""
    return upgrade.rpartition(":")[2].split("_")[1]


def paying(membership: Membership) -> tuple[str, ...]:
    """The charges that the current tier is paid by: the period's, and that of an upgrade to it."""
    return (membership.paid_by, *(paid for paid in membership.upgrades if tier_of(paid) == membership.tier))


def started_late(result: Membership, before: Membership | None, now: Now) -> Membership:
    """A first month that was paid some days after it was asked for begins when it was paid."""
    ids = (result.id, result.subscription_id)
    begin = begun(ids=ids, tier=result.tier, method_type=result.method_type, before=before, now=now)
    return replace(begin, paid_by=result.paid_by, method=result.method)


def with_upgrade(result: Membership, charge: str) -> Membership:
    """`result` of an upgrade, which this charge pays for."""
    return replace(result, upgrades=(*result.upgrades, charge))


def with_card(membership: Membership, method: Method | None, now: Now) -> Membership:
    return replace(membership, method=method or membership.method, updated_at=now.moment)


def past_of(membership: Membership, now: Now) -> Past:
    """What is kept of one that another takes the place of."""
    return Past(
        id=membership.id,
        tier=membership.tier,
        price=membership.price,
        status=membership.status,
        created_at=membership.created_at,
        ended_at=membership.ended_at or now.moment,
    )
