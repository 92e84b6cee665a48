"""When a value may be served, when it is loaded anew, and when a failed load is tried again."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from enum import Enum

from shared.platform.cache.models import Head, Params, View
from shared.values import leases

# A load that takes longer may be begun by somebody else too; both are right.
LEASE = timedelta(seconds=12)
FIRST_RETRY = timedelta(seconds=5)
LONGEST_RETRY = timedelta(seconds=60)


class Verdict(Enum):
    FRESH = "fresh"
    STALE = "stale"
    OLD = "old"  # there is a value, but only for want of a better one
    ABSENT = "absent"


def judge(head: Head | None, view: View, now: datetime) -> Verdict:
    """A value from the future (the clock was moved back) is old: nobody knows how long it would be taken for fresh."""
    if head is None or not head.etag or head.checked_at is None:
        return Verdict.ABSENT
    age = now - head.checked_at
    if head.invalid or age < -view.fresh_for:
        return Verdict.OLD
    if age <= view.fresh_for:
        return Verdict.FRESH
    return Verdict.STALE if age <= view.fresh_for + view.stale_for else Verdict.OLD


def still_right(head: Head | None, version: str | None) -> bool:
    """Whether the data is the data that the value was made from."""
    return head is not None and bool(head.etag) and not head.invalid and version is not None and head.version == version


def leased(head: Head | None, now: datetime) -> bool:
    return head is not None and head.lease_until is not None and leases.ahead(head.lease_until, LEASE, now)


def resting(head: Head | None, now: datetime) -> bool:
    """A load has just failed: the source is left alone for a while."""
    if head is None or not head.etag or head.retry_at is None:
        return False
    return leases.ahead(head.retry_at, LONGEST_RETRY, now)


def rest_after(failures: int) -> timedelta:
    """How long to leave the source alone after so many failed loads in a row."""
    return min(LONGEST_RETRY, FIRST_RETRY * (1 << min(failures - 1, 10)))


def age_seconds(head: Head, now: datetime) -> int:
    return max(0, int((now - head.checked_at).total_seconds())) if head.checked_at else 0


def key_of(view: View, params: Params) -> str:
    """The entry's name: readable, and any parameter may hold any text."""
    text = json.dumps(params, sort_keys=True)
    return f"{view.name}-{hashlib.sha256(text.encode()).hexdigest()[:24]}"


def etag_of(value: bytes) -> str:
    return hashlib.sha256(value).hexdigest()[:24]
