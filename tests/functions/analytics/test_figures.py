"""Dashboard and history of a synced shop, beside the same figures computed in plain Python from what its tills say."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.factories import figures
from tests.factories.analytics_api import AnalyticsApi
from tests.factories.two_tills import NOW, ODD_SALES, UNCOUNTED_BUYERS, TwoTills

# One shop for all of them, which takes its time.
pytestmark = pytest.mark.xdist_group("two_tills")
ABOUT = {"lastUpdate", "queryTimeMs", "mode", "lastRefresh", "error", "cached"}
SOURCES = ("", "square", "lightspeed")
# Where the clock stands so that a day, or a window of one of the answers, begins or ends at an end of daylight-saving
# time. Two minutes after midnight and not at once: for 90 seconds the answer may be the one from before.
DAYS = {
    "the end of October": "2026-11-01T04:59:30Z",
    "1 November, 01:45": "2026-11-01T06:45:00Z",
    "1 November, 01:45 again": "2026-11-01T07:45:00Z",
    "the last half minute of 25 hours": "2026-11-02T05:59:30Z",
    "2 November": "2026-11-02T06:02:00Z",
    "8 March, 01:30": "2026-03-08T07:30:00Z",
    "8 March, 03:30": "2026-03-08T08:30:00Z",
    "the last half minute of 23 hours": "2026-03-09T04:59:30Z",
    "9 March": "2026-03-09T05:02:00Z",
}
OF_THE_DASHBOARD = {
    "a week from 1 November": "2026-11-08T05:59:30Z",
    "a week from 2 November": "2026-11-08T06:02:00Z",
    "30 days from 1 November": "2026-12-01T05:59:30Z",
    "30 days from 2 November": "2026-12-01T06:02:00Z",
    "365 days from 1 November": "2027-11-01T04:59:30Z",
    "365 days from 2 November": "2027-11-01T05:02:00Z",
}
OF_THE_HISTORY = {
    "180 days from 1 November": "2027-04-30T04:59:30Z",
    "180 days from 2 November": "2027-04-30T05:02:00Z",
    "180 days from 8 March": "2026-09-04T04:59:30Z",
    "180 days from 9 March": "2026-09-04T05:02:00Z",
    "24 months from 1 November": "2028-11-01T04:59:30Z",
    "24 months from 1 December": "2028-11-01T05:02:00Z",
}


def read(answer: TestResponse) -> tuple[dict[str, Any], dict[str, Any]]:
    """The figures, and what is said about them; money is written with two places."""
    assert answer.status_code == 200, answer.text
    body = figures.exact(answer.text)
    assert figures.badly_written(body) == []
    return {n: v for n, v in body.items() if n not in ABOUT}, {n: v for n, v in body.items() if n in ABOUT}


def check_dashboard(synced: TwoTills, api: AnalyticsApi, source: str, at: datetime) -> None:
    """What it says at this moment is what the tills say."""
    synced.stand_at(at)
    found, about = read(api.dashboard({"source": source} if source else {}))
    assert found == figures.dashboard(synced.truth[source], at)
    assert set(about) == ABOUT


def check_history(synced: TwoTills, api: AnalyticsApi, source: str, at: datetime) -> None:
    synced.stand_at(at)
    found, about = read(api.historical({"source": source} if source else {}))
    assert found == figures.historical(synced.truth[source], at)
    assert set(about) == ABOUT


@pytest.fixture(autouse=True)
def back(synced: TwoTills) -> None:
    synced.stand_at(NOW)


@pytest.mark.parametrize("source", SOURCES)
def test_the_figures_are_those_of_the_tills(synced: TwoTills, figures_api: AnalyticsApi, source: str) -> None:
    check_dashboard(synced, figures_api, source, NOW)
    check_history(synced, figures_api, source, NOW)


@pytest.mark.parametrize("moment", DAYS.values(), ids=DAYS)
def test_days_are_the_store_s(synced: TwoTills, figures_api: AnalyticsApi, moment: str) -> None:
    check_dashboard(synced, figures_api, "", datetime.fromisoformat(moment))
    check_history(synced, figures_api, "", datetime.fromisoformat(moment))


@pytest.mark.parametrize("moment", OF_THE_DASHBOARD.values(), ids=OF_THE_DASHBOARD)
def test_weeks_and_years_are_of_whole_store_days(synced: TwoTills, figures_api: AnalyticsApi, moment: str) -> None:
    check_dashboard(synced, figures_api, "", datetime.fromisoformat(moment))


@pytest.mark.parametrize("moment", OF_THE_HISTORY.values(), ids=OF_THE_HISTORY)
def test_the_history_is_of_whole_store_days_and_months(
    synced: TwoTills, figures_api: AnalyticsApi, moment: str
) -> None:
    check_history(synced, figures_api, "", datetime.fromisoformat(moment))


def test_the_tills_have_all_that_the_figures_are_about(synced: TwoTills, figures_api: AnalyticsApi) -> None:
    """Else they would agree about nothing."""
    sales = synced.truth[""].sales
    assert {(s.source, s.counted) for s in sales} == {(t, c) for t in ("square", "lightspeed") for c in (True, False)}
    assert any(s.cents < 0 for s in sales)
    assert any(s.cents == 0 and s.sold for s in sales)
    assert {s.counted and s.sold for s in sales if s.customer in UNCOUNTED_BUYERS} == {False}
    assert any(s.counted and s.sold and s.customer is None for s in sales)
    body = read(figures_api.dashboard())[0]
    assert len(body["recentTransactions"]) == 25
    assert len(body["topProducts"]) == 10
    assert any(found["name"].startswith("Renamed ") for found in body["topProducts"])
    months = [month["month"] for month in read(figures_api.historical())[0]["monthly"]]
    assert months == ["2026-11", "2026-10", "2026-03"]


@pytest.mark.parametrize(
    ("source", "transactions", "revenue", "customers"),
    [("square", 3, "54.99", 0), ("lightspeed", 1, "-12.35", 1), ("", 4, "42.64", 1)],
)
def test_only_what_is_completed_counts_net_of_refunds(
    synced: TwoTills, figures_api: AnalyticsApi, source: str, transactions: int, revenue: str, customers: int
) -> None:
    """By hand, on the day of ODD_SALES."""
    synced.stand_at(datetime.fromisoformat(ODD_SALES) + timedelta(hours=3))
    query = {"source": source} if source else {}
    day = read(figures_api.historical(query))[0]["daily"][0]
    assert day == {
        "date": "2026-03-10",
        "transactions": transactions,
        "revenue": Decimal(revenue),
        "customers": customers,
    }
    assert read(figures_api.dashboard(query))[0]["metrics"]["todayRevenue"] == Decimal(revenue)


def test_a_refund_that_comes_later_is_taken_from_the_day_of_the_sale(
    synced: TwoTills, figures_api: AnalyticsApi
) -> None:
    before = read(figures_api.dashboard())[0]["metrics"]
    sales = [s for s in synced.truth["square"].sales if s.counted and s.cents > 5000]
    part, whole = sorted(sales, key=lambda sale: sale.at)[:2]
    synced.stand_at(NOW + timedelta(hours=1))
    synced.square.change_payment(part.id, refund_cents=1234, silent=True)
    synced.square.change_payment(whole.id, refund_cents=whole.cents, silent=True)
    void = next(s for s in synced.truth["lightspeed"].sales if s.counted and s.cents > 0)
    synced.lightspeed.change("sales", void.id, voided=True)
    synced.read()
    for source in SOURCES:
        check_dashboard(synced, figures_api, source, NOW + timedelta(hours=1, minutes=5))
        check_history(synced, figures_api, source, NOW + timedelta(hours=1, minutes=5))
    after = read(figures_api.dashboard())[0]["metrics"]
    assert (before["yearRevenue"] - after["yearRevenue"]) * 100 == 1234 + whole.cents + void.cents
    # Void is not sold; refunded is.
    assert before["totalTransactions"] - after["totalTransactions"] == 1


def test_at_midnight_today_begins_again_without_new_data(synced: TwoTills, figures_api: AnalyticsApi) -> None:
    midnight = datetime.fromisoformat("2026-11-05T06:00:00Z")
    synced.stand_at(midnight - timedelta(minutes=1))
    before, _ = read(figures_api.dashboard())
    synced.stand_at(midnight + timedelta(minutes=1))
    after, about = read(figures_api.dashboard())
    assert before["metrics"]["todayRevenue"] > 0
    assert (after["metrics"]["todayRevenue"], about["cached"]) == (0, False)
    assert after == figures.dashboard(synced.truth[""], midnight)
    # The same day: nothing has changed, and nothing is asked of BigQuery.
    synced.stand_at(midnight + timedelta(hours=9))
    again, said = read(figures_api.dashboard())
    assert again == after
    assert (said["cached"], said["lastUpdate"]) == (True, about["lastUpdate"])
