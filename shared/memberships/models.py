"""What a membership is. Pure; money is whole cents, days are days of the store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from shared.payments.models import Method

ACTIVE, PAST_DUE, CANCELLED, EXPIRED = "active", "past_due", "cancelled", "expired"
# Kinds of charges; an upgrade's also names the tier. A renewal that the customer pays with a new card after ours was
# declined is pending as RECOVERY.
FIRST, RENEWAL, UPGRADE = "first", "renewal", "upgrade"
RECOVERY = "recovery"
# The owner that our charges name.
OWNER = "memberships"

# Days after the first decline on which a renewal is tried again; the discount stays until the last of them is over.
RETRY_DAYS = (1, 3, 5, 7)
GRACE = timedelta(days=RETRY_DAYS[-1])
# Whoever works on a charge is given so long before others find out themselves what became of it.
LEASE = timedelta(seconds=60)

# From → to. None: there is no membership, or a new one takes the place of one that is over.
TRANSITIONS = frozenset(
    {
        (None, ACTIVE),
        (ACTIVE, ACTIVE),  # renewed, upgraded
        (ACTIVE, PAST_DUE),
        (ACTIVE, CANCELLED),
        (PAST_DUE, PAST_DUE),  # another try was declined
        (PAST_DUE, ACTIVE),
        (PAST_DUE, CANCELLED),
        (PAST_DUE, EXPIRED),
        (CANCELLED, CANCELLED),  # its money went back
        (CANCELLED, EXPIRED),  # the paid days are over
    }
)


@dataclass(frozen=True)
class Tier:
    """`price`: cents a month. `discount`: percent."""

    name: str
    price: int
    discount: int
    benefits: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Membership:
    """One subscription.

    Paid is [period_start, period_end); `period_end` is also the next billing day. `anchor`: the day whose day of the
    month the periods begin on. `paid_by`: the charge of the running period; `upgrades`: those of its upgrades, from
    `base_tier`.
    `value`, since `valued_on`: the cents that the current tier takes of what was paid for the period.
    `first_declined_on`, `declines`: of a renewal that is being tried again. `due_on`: when the job has to look at it.
    `ended_at`: when it stopped counting as a member's. `claim`: hash of the request that bought it and never heard.
    """

    id: str
    subscription_id: str
    tier: str
    status: str
    price: int
    discount: int
    start_date: date
    anchor: date
    period_start: date
    period_end: date
    paid_by: str
    base_tier: str
    value: int
    valued_on: date
    created_at: datetime
    updated_at: datetime
    method: Method | None = None
    method_type: str = ""
    upgrades: tuple[str, ...] = ()
    cancel_date: date | None = None
    cancel_reason: str = ""
    access_until: datetime | None = None
    ended_at: datetime | None = None
    first_declined_on: date | None = None
    declines: int = 0
    due_on: date | None = None
    claim: str = ""


@dataclass(frozen=True, kw_only=True)
class Pending:
    """A charge that is under way, and `result`, the membership that its payment makes.

    Nothing else may change the membership meanwhile. `contact`: the sealed address of a new subscription.
    """

    charge_id: str
    kind: str
    result: Membership
    lease_until: datetime
    fingerprint: str = ""
    contact: bytes = b""
    contact_key: str = ""
    request_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Past:
    """A membership that another one took the place of."""

    id: str
    tier: str
    price: int
    status: str
    created_at: datetime
    ended_at: datetime


@dataclass(frozen=True, kw_only=True)
class Member:
    """All of a customer: `memberships/{customer_hash}`. `contact`: sealed {customerId, email}, under `contact_key`."""

    customer_hash: str
    membership: Membership | None = None
    pending: Pending | None = None
    past: tuple[Past, ...] = ()
    contact: bytes = b""
    contact_key: str = ""
