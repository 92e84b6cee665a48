"""Memberships, charges and transactions of made-up customers: some that stand for all, and all that there can be."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from shared.memberships import rules
from shared.memberships.figures import Standing
from shared.memberships.models import (
    ACTIVE,
    CANCELLED,
    EXPIRED,
    FIRST,
    PAST_DUE,
    RECOVERY,
    RENEWAL,
    UPGRADE,
    Member,
    Membership,
    Past,
    Pending,
)
from shared.memberships.rules import Now
from shared.memberships.tiers import NAMES, TIERS
from shared.payments.models import (
    DECLINED,
    HELD,
    INTENT,
    PAID,
    PENDING,
    REVERSED,
    SENT,
    UNKNOWN,
    Charge,
    Method,
    Transaction,
)

ZONE = "America/Chicago"
START = date(2026, 7, 1)
NOON = datetime(2026, 7, 1, 17, tzinfo=UTC)
DAY = timedelta(days=1)
STATUSES = (ACTIVE, PAST_DUE, CANCELLED, EXPIRED)
STATES = (INTENT, SENT, UNKNOWN, HELD, PAID, DECLINED, REVERSED)


def midnight(day: date) -> datetime:
    """The store's, as the clock gives it: in UTC."""
    return datetime.combine(day, time(), ZoneInfo(ZONE)).astimezone(UTC)


def on(day: date, hour: int = 12) -> Now:
    """An hour of a store's day."""
    return Now(datetime.combine(day, time(hour), ZoneInfo(ZONE)).astimezone(UTC), ZONE)


def just_before(day: date) -> Now:
    return Now(midnight(day) - timedelta(microseconds=1), ZONE)


def as_begins(day: date) -> Now:
    """The very moment of the store's midnight."""
    return Now(midnight(day), ZONE)


def begun(tier: str = "SILVER", day: date = START, before: Membership | None = None) -> Membership:
    return rules.begun(ids=("MEM_1", "SUB_1"), tier=tier, method_type="card", before=before, now=on(day))


def in_status(status: str, day: date = START) -> Membership:
    """One that began on the day and came to the status as memberships do."""
    new = begun(day=day)
    late = rules.declined(new, on(new.period_end))
    if status == EXPIRED:
        return rules.declined(late, on(new.period_end + 7 * DAY))
    return {ACTIVE: new, PAST_DUE: late, CANCELLED: rules.cancelled(new, "too dear", on(day))}[status]


def upgraded_to(*tiers: str) -> Membership:
    """BRONZE, upgraded on its first day."""
    membership = begun("BRONZE")
    for tier in tiers:
        charge = rules.upgrade_id(membership, tier)
        proration = rules.prorated(membership, tier, on(START))
        membership = rules.with_upgrade(rules.upgraded(membership, tier, proration, on(START)), charge)
    return membership


def standing(**changes: Any) -> Standing:
    values = {
        "id": "MEM_1",
        "tier": "SILVER",
        "price": TIERS[changes.get("tier", "SILVER")].price,
        "active": changes.get("ended_at") is None,
        "started_at": NOON - timedelta(days=60),
        "ended_at": None,
    }
    return Standing(**{**values, **changes})


def charge(**changes: Any) -> Charge:
    values = {
        "id": "SUB_1:2026-07-01:first",
        "owner": "memberships",
        "customer_hash": "c" * 64,
        "kind": FIRST,
        "cents": 9700,
        "state": SENT,
        "attempt": 1,
        "references": ("REFERENCE1",),
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Charge(**{**values, **changes})


def transaction(**changes: Any) -> Transaction:
    values = {"id": "1", "reference": "REFERENCE1", "cents": 9700, "status": PENDING, "submitted_at": NOON}
    return Transaction(**{**values, **changes})


# --- all that there can be (Hypothesis)

# For what takes a while.
FEW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
DATES = st.dates(date(2019, 1, 1), date(2032, 12, 31))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
MOMENTS = st.datetimes(datetime(2019, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
CENTS = st.integers(0, 2**53)
METHODS = st.builds(Method, TEXTS, TEXTS, TEXTS, TEXTS)
UPGRADES = st.builds("{}:{}:upgrade_{}{}".format, TEXTS, DATES, st.sampled_from(NAMES), st.sampled_from(["", "_2"]))
MEMBERSHIPS = st.builds(
    Membership,
    id=TEXTS,
    subscription_id=TEXTS,
    tier=st.sampled_from(NAMES),
    status=st.sampled_from(STATUSES),
    price=CENTS,
    discount=st.integers(0, 100),
    start_date=DATES,
    anchor=DATES,
    period_start=DATES,
    period_end=DATES,
    paid_by=TEXTS,
    base_tier=st.sampled_from(NAMES),
    value=CENTS,
    valued_on=DATES,
    created_at=MOMENTS,
    updated_at=MOMENTS,
    method=st.none() | METHODS,
    method_type=TEXTS,
    upgrades=st.lists(UPGRADES, max_size=3).map(tuple),
    cancel_date=st.none() | DATES,
    cancel_reason=TEXTS,
    access_until=st.none() | MOMENTS,
    ended_at=st.none() | MOMENTS,
    first_declined_on=st.none() | DATES,
    declines=st.integers(0, 5),
    due_on=st.none() | DATES,
    claim=TEXTS,
)
PENDINGS = st.builds(
    Pending,
    charge_id=TEXTS,
    kind=st.sampled_from([FIRST, RENEWAL, UPGRADE, RECOVERY]),
    result=MEMBERSHIPS,
    lease_until=MOMENTS,
    fingerprint=TEXTS,
    contact=st.binary(max_size=8),
    contact_key=TEXTS,
    request_id=TEXTS,
)
PASTS = st.builds(
    Past,
    id=TEXTS,
    tier=st.sampled_from(NAMES),
    price=CENTS,
    status=st.sampled_from(STATUSES),
    created_at=MOMENTS,
    ended_at=MOMENTS,
)
MEMBERS = st.builds(
    Member,
    customer_hash=TEXTS,
    membership=st.none() | MEMBERSHIPS,
    pending=st.none() | PENDINGS,
    past=st.lists(PASTS, max_size=3).map(tuple),
    contact=st.binary(max_size=8),
    contact_key=TEXTS,
)
NUMBERED = st.text("0123456789", min_size=1, max_size=11)
CHARGES = st.builds(
    Charge,
    id=TEXTS,
    owner=TEXTS,
    customer_hash=TEXTS,
    kind=TEXTS,
    cents=CENTS,
    state=st.sampled_from(STATES),
    attempt=st.integers(1, 9),
    references=st.lists(TEXTS, min_size=1, max_size=3).map(tuple),
    created_at=MOMENTS,
    updated_at=MOMENTS,
    sent_at=st.none() | MOMENTS,
    paid_at=st.none() | MOMENTS,
    transaction_id=st.just("") | NUMBERED,
    code=TEXTS,
    reason=TEXTS,
    request_id=TEXTS,
    refund_of=st.just("") | NUMBERED,
    reversals=st.dictionaries(NUMBERED, CENTS, max_size=3),
)
