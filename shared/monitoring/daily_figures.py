"""What rules over days look back to: `daily_figures/{kind}-{day}`, a UTC day each, for two months.

`metrics`: what each quarter of an hour has cost, and how many charges failed. Reading a day of metrics each time would
cost more than all the rest. `memberships`: the day's first revenue, and the newest figures: making them reads every
member, so they are made every four hours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.monitoring.models import Cost, Slice
from shared.platform import firestore
from shared.platform.context import Platform
from shared.values import leases

if TYPE_CHECKING:
    from google.cloud.firestore import DocumentReference

COLLECTION = "daily_figures"
KEPT = timedelta(days=60)
LENGTH = timedelta(minutes=15)
# A check that begins a little early finds the figures of four hours ago too old all the same.
FRESH = timedelta(hours=3, minutes=55)
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class MembershipFigures:
    """Cents; memberships that ended in the last 30 days, of how many."""

    mrr: int
    lost: int
    before: int


class DailyFigures:
    """Written without being read first: two that write at once write the same. Raises `Unavailable`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def slices(self, since: datetime, until: datetime) -> dict[datetime, Slice]:
        """Those that are kept, by their beginnings in [since, until)."""
        found: dict[datetime, Slice] = {}
        for offset in range((until.date() - since.date()).days + 1):
            day = since.date() + timedelta(days=offset)
            for begin, numbers in self._read("metrics", day).get("slices", {}).items():
                found[_begin(day, begin)] = Slice(Cost(*numbers[:3]), *numbers[3:])
        return {begin: one for begin, one in found.items() if since <= begin < until}

    def keep(self, slices: Mapping[datetime, Slice]) -> None:
        batch = self._platform.firestore.batch()
        for begin, one in slices.items():
            numbers = [one.cost.bigquery, one.cost.firestore, one.cost.calls, one.charges, one.failures]
            document = {"slices": {f"{begin:%H%M}": numbers}, "expireAt": begin + KEPT}
            batch.set(self._document("metrics", begin.date()), document, merge=True)
        if slices:
            firestore.commit(batch)

    def memberships(self, now: datetime, make: Callable[[], MembershipFigures]) -> MembershipFigures:
        """The newest, made anew when they are four hours old."""
        kept = self._read("memberships", now.date())
        if kept and leases.younger(kept["at"], FRESH, now):
            return MembershipFigures(kept["mrrCents"], kept["lost"], kept["before"])
        made = make()
        first = {} if kept else {"firstMrrCents": made.mrr}
        newest = {"mrrCents": made.mrr, "lost": made.lost, "before": made.before, "at": now, "expireAt": now + KEPT}
        batch = self._platform.firestore.batch()
        batch.set(self._document("memberships", now.date()), {**newest, **first}, merge=True)
        firestore.commit(batch)
        return made

    def mrr_a_week_ago(self, now: datetime) -> int | None:
        """The first of that day, in cents; None when none was kept."""
        found: int | None = self._read("memberships", (now - WEEK).date()).get("firstMrrCents")
        return found

    def _read(self, kind: str, day: date) -> dict[str, Any]:
        seen = firestore.read(self._document(kind, day))
        return seen.data if seen else {}

    def _document(self, kind: str, day: date) -> DocumentReference:
        return self._platform.firestore.collection(COLLECTION).document(f"{kind}-{day.isoformat()}")


def _begin(day: date, text: str) -> datetime:
    return datetime(day.year, day.month, day.day, int(text[:2]), int(text[2:]), tzinfo=UTC)


def slice_begin(moment: datetime) -> datetime:
    """Of the slice that the moment is in."""
    return moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)
