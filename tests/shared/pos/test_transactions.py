"""The last week's sales."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from shared.pos.transactions import Sale, last_days, takings
from tests.factories.sync import payment

ZONE = "America/Chicago"


def test_seven_store_days_and_today_is_the_last() -> None:
    days = last_days(datetime(2026, 7, 1, 17, tzinfo=UTC), ZONE)
    assert len(days) == 7
    assert days[0][0] == datetime(2026, 6, 25, 5, tzinfo=UTC)
    assert days[-1] == (datetime(2026, 7, 1, 5, tzinfo=UTC), datetime(2026, 7, 2, 5, tzinfo=UTC))
    assert all(end == start for (_, end), (start, _) in pairwise(days))


@pytest.mark.parametrize(
    ("now", "first", "end", "hours"),
    [
        # The clocks go back on 1 November, forward on 8 March.
        ("2026-11-03T12:00:00Z", "2026-10-28T05:00:00Z", "2026-11-04T06:00:00Z", 25),
        ("2026-03-10T12:00:00Z", "2026-03-04T06:00:00Z", "2026-03-11T05:00:00Z", 23),
        # It is still yesterday in the store.
        ("2026-07-02T04:59:59Z", "2026-06-25T05:00:00Z", "2026-07-02T05:00:00Z", 24),
    ],
)
def test_days_are_the_stores(now: str, first: str, end: str, hours: int) -> None:
    days = last_days(datetime.fromisoformat(now), ZONE)
    assert (days[0][0], days[-1][1]) == (datetime.fromisoformat(first), datetime.fromisoformat(end))
    lengths = {end.astimezone(UTC) - start.astimezone(UTC) for start, end in days}
    assert lengths == {timedelta(hours=24), timedelta(hours=hours)}


def test_the_newest_version_counts_once() -> None:
    old = payment("p-1", amount=1, updated_at="2026-06-30T11:00:00.000Z")
    new = payment("p-1", amount=1000, refunded_amount=250)
    for payments in ([old, new], [new, old], [new, new]):
        found = takings(payments)
        assert (found.total, found.count, found.average) == (750, 1, 750)
        assert found.recent == [Sale("p-1", 750, "COMPLETED", "2026-06-30T12:00:00.000Z")]


@pytest.mark.parametrize(
    ("amounts", "average"),
    [([], 0), ([1, 2], 2), ([1, 1, 2], 1), ([100, 101], 101), ([-1, -2], -2)],
    ids=str,
)
def test_the_average_is_rounded_half_up(amounts: list[int], average: int) -> None:
    found = takings(payment(f"p-{number}", amount=cents) for number, cents in enumerate(amounts))
    assert (found.average, found.count) == (average, len(amounts))


def test_the_newest_twenty_five() -> None:
    times = [f"2026-06-{day:02}T12:00:00.000Z" for day in range(1, 31)]
    found = takings(payment(f"p-{number}", created_at=at) for number, at in enumerate(times))
    assert (found.count, len(found.recent)) == (30, 25)
    assert [sale.created for sale in found.recent] == times[:4:-1]
    together = takings(payment(name) for name in ("p-2", "p-1", "p-3"))
    assert [sale.id for sale in together.recent] == ["p-1", "p-2", "p-3"]


@pytest.mark.parametrize("status", ["APPROVED", "PENDING", "CANCELED", "FAILED"])
def test_what_is_not_completed_is_no_sale(status: str) -> None:
    assert takings([payment(status=status)]).count == 0
