"""The monthly costs: cron schedules, free tiers, and a table that follows from the data and the declarations."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.cron import runs
from shared.runtime.manifest import declared_functions, entry, schedules
from tools import costs
from tools.prices import PRICES, Book, Price, book_of, read
from tools.usage import drivers, loads, query_gib, used

DECLARED = {function.deployed_name: entry(function) for function in declared_functions()}
DATA: dict[str, Any] = json.loads(PRICES.read_text(encoding="utf-8"), parse_float=Decimal, parse_int=Decimal)
BOOK = read()
JUNE = (2026, 6)


def changed(*path: str, value: Any) -> Book:
    """The book with one value of the data file replaced."""
    data = copy.deepcopy(DATA)
    place = data
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return book_of(data)


def row(name: str, functions: Mapping[str, Any] = DECLARED, book: Book = BOOK) -> tuple[str, ...]:
    return next(found for found in costs.rows(functions, book) if found[0].startswith(name))


# --- schedules


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("* * * * *", 43_200),
        ("*/15 * * * *", 2_880),
        ("*/5 * * * *", 8_640),
        ("0 * * * *", 720),
        ("0 9 * * *", 30),
        ("0,30 8-20/4 * * *", 240),
        ("7/20 0 * * *", 90),
        # June 2026 begins on a Monday: five Mondays and Tuesdays, four of every other day.
        ("0 3 * * 1", 5),
        ("0 3 * * MON-FRI", 22),
        ("0 3 * * sun", 4),
        ("0 3 * * 7", 4),
        ("0 3 * * 0,7", 4),
        ("0 3 1 * *", 1),
        ("0 3 31 * *", 0),
        ("0 3 * JUN *", 30),
        ("0 3 1 1 *", 0),
        ("0 3 15 * 1", 5),
        ("0 3 16 * 1", 6),
        ("0 3 */2 * 1", 3),
    ],
)
def test_runs_in_june(schedule: str, expected: int) -> None:
    assert runs(schedule, *JUNE) == expected


@pytest.mark.parametrize(
    "schedule",
    ["", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "5-1 * * * *",
     "*/0 * * * *", "*/x * * * *", "a * * * *", "1,,2 * * * *", "-1 * * * *", "@daily", "0 0 99 1 *"],
)  # fmt: skip
def test_what_is_no_schedule_is_refused(schedule: str) -> None:
    with pytest.raises(ValueError, match="schedule"):
        runs(schedule, *JUNE)


def some(low: int, high: int) -> st.SearchStrategy[set[int]]:
    return st.sets(st.integers(low, high), min_size=1, max_size=5)


def field(values: set[int]) -> str:
    return ",".join(map(str, sorted(values)))


def minutes_of_june() -> Iterator[tuple[int, int, int, int]]:
    """Minute, hour, date and day of the week of each."""
    for number in range(30 * 24 * 60):
        moment = datetime(*JUNE, 1, tzinfo=UTC) + timedelta(minutes=number)
        yield moment.minute, moment.hour, moment.day, moment.isoweekday() % 7


MINUTES = list(minutes_of_june())


@settings(deadline=None)
@given(some(0, 59), some(0, 23), some(1, 31), some(0, 6))
def test_runs_are_the_minutes_that_fit(minutes: set[int], hours: set[int], dates: set[int], days: set[int]) -> None:
    fitting = [1 for m, h, date, day in MINUTES if m in minutes and h in hours and (date in dates or day in days)]
    assert runs(f"{field(minutes)} {field(hours)} {field(dates)} * {field(days)}", *JUNE) == len(fitting)


@given(st.integers(1, 60), st.integers(1, 24))
def test_a_step_counts_from_the_first_value(minute: int, hour: int) -> None:
    assert runs(f"*/{minute} */{hour} * * *", *JUNE) == 30 * -(-60 // minute) * -(-24 // hour)


def test_the_month_has_thirty_days_and_no_change_of_clocks() -> None:
    assert (BOOK.year, BOOK.month) == JUNE
    assert runs("0 0 * * *", BOOK.year, BOOK.month) == 30


# --- free tiers


def price(free: str, per: str, dollars: str) -> Price:
    return Price(
        name="x",
        block="base",
        service="X",
        unit="x",
        dollars=Decimal(dollars),
        per=Decimal(per),
        free=Decimal(free),
        confirmed=True,
    )


@pytest.mark.parametrize(
    ("quantity", "with_free", "without"),
    [("0", "0", "0"), ("6", "0", "0.36"), ("7", "0.06", "0.42"), ("16", "0.60", "0.96")],
)
def test_only_what_is_beyond_the_free_tier_is_charged(quantity: str, with_free: str, without: str) -> None:
    versions = price("6", "1", "0.06")
    assert versions.cost(Decimal(quantity)) == Decimal(with_free)
    assert versions.cost(Decimal(quantity), free_tier=False) == Decimal(without)


@given(st.integers(0, 10**9), st.integers(0, 10**6))
def test_a_cost_grows_with_use_and_is_never_negative(quantity: int, more: int) -> None:
    reads = price("1500000", "100000", "0.03")
    assert 0 <= reads.cost(Decimal(quantity)) <= reads.cost(Decimal(quantity + more))
    assert reads.cost(Decimal(quantity)) <= reads.cost(Decimal(quantity), free_tier=False)


# --- the data


@pytest.mark.parametrize("name", DATA["prices"])
def test_every_price_says_where_it_is_published_and_when_it_was_checked(name: str) -> None:
    found = DATA["prices"][name]
    assert found["page"].startswith("https://cloud.google.com/")
    assert datetime.fromisoformat(found["checked"]) <= datetime.fromisoformat(DATA["as_of"])
    assert isinstance(found["dollars"], Decimal)
    assert found["per"] > 0
    assert (found["free"] > 0) == bool(found["free_per"])
    assert found["confirmed"] or found["note"]


@pytest.mark.parametrize("group", ["assumptions", "traffic", "default_traffic", "tables", "queries"])
def test_every_assumption_has_a_reason(group: str) -> None:
    assert [name for name, found in DATA[group].items() if not found["reason"].endswith(".")] == []


def test_every_price_has_a_quantity_and_every_quantity_a_price() -> None:
    assert used(BOOK, DECLARED, warm=True).keys() == BOOK.prices.keys()


def test_the_size_of_the_shop() -> None:
    assert BOOK.assumed["payments_held"] == 100_184
    assert drivers(BOOK)["verification"] == 5_000
    checks = [BOOK.traffic[name]["calls"] for name in ("verification-status", "verification-own-status")]
    assert sum(checks) == BOOK.assumed["status_checks"]
    assert BOOK.assumed["syncs_per_hour"] * 24 * 30 == drivers(BOOK)["sync"] / 2 == 2_880
    assert drivers(BOOK)["news"] == drivers(BOOK)["change"] + drivers(BOOK)["sale"]


# --- the functions


@pytest.mark.parametrize("name", DECLARED)
def test_every_declared_function_is_counted(name: str) -> None:
    without = {other: found for other, found in DECLARED.items() if other != name}
    calls = loads(BOOK, DECLARED)[name].calls
    assert calls > 0
    requests = [used(BOOK, functions, warm=True)["run_requests"] for functions in (DECLARED, without)]
    assert requests[0] - requests[1] == pytest.approx(calls)


def test_every_schedule_is_counted_exactly() -> None:
    found = schedules(declared_functions())
    by_function = {name: [s.cron for s in found if s.function.deployed_name == name] for name in DECLARED}
    for name, crons in by_function.items():
        each = BOOK.traffic.get(name, {"driver": "schedule"})
        by_others = 0 if each["driver"] == "schedule" else drivers(BOOK)[each["driver"]] * each["calls"]
        if crons:
            assert loads(BOOK, DECLARED)[name].calls == by_others + sum(runs(cron, *JUNE) for cron in crons)
    assert used(BOOK, DECLARED, warm=True)["scheduler_jobs"] == len(found)


@pytest.mark.parametrize("kind", ["http", "subscriber", "job"])
def test_a_function_that_the_data_do_not_name_has_figures_of_its_kind(kind: str) -> None:
    new = {"kind": kind, "cpu": "1", "memory": "512Mi", "minInstances": 0, "secrets": []}
    if kind == "job":
        new["schedule"] = "0 9 * * *"
    found = loads(BOOK, {**DECLARED, "new-one": new})["new-one"]
    assert (found.calls, found.memory_gib) == (30 if kind == "job" else 1_000, Decimal("0.5"))


def test_a_scheduled_subscriber_is_called_by_its_schedules_and_by_others() -> None:
    each = [{"name": name, "schedule": cron, "data": {}} for name, cron in (("a", "0 * * * *"), ("b", "0 3 * * *"))]
    new = {"kind": "subscriber", "cpu": "1", "memory": "1Gi", "minInstances": 0, "secrets": [], "schedules": each}
    before, after = (used(BOOK, functions, warm=True) for functions in (DECLARED, {**DECLARED, "new-one": new}))
    assert loads(BOOK, {"new-one": new})["new-one"].calls == 1_000 + 720 + 30
    assert after["scheduler_jobs"] - before["scheduler_jobs"] == 2


def test_a_provider_s_secrets_are_counted_as_if_it_were_used() -> None:
    new = {"kind": "subscriber", "cpu": "1", "memory": "1Gi", "minInstances": 0, "secrets": []}
    new["optionalSecrets"] = ["NEW_TOKEN"]
    before, after = (used(BOOK, functions, warm=True) for functions in (DECLARED, {**DECLARED, "new-one": new}))
    assert after["secret_versions"] - before["secret_versions"] == BOOK.assumed["versions_per_secret"]


def test_warm_instances_are_production_only_and_as_declared() -> None:
    kept = sum(found["minInstances"] for found in DECLARED.values())
    month = 30 * 24 * 3600
    assert used(BOOK, DECLARED, warm=True)["run_idle_cpu"] == kept * month
    assert used(BOOK, DECLARED, warm=False)["run_idle_cpu"] == 0
    _, _, staging, production, _ = row("Cloud Run, warm instances")
    assert staging == "$0.00"
    assert Decimal(production.lstrip("$")) == pytest.approx(kept * Decimal("8.10"))


# --- BigQuery


def test_a_query_is_billed_at_least_ten_mebibytes_for_each_table() -> None:
    data = {"part": "audit", "driver": "month", "runs": Decimal(1024), "tables": ["day", "square_items"], "reason": "."}
    assert query_gib(changed("queries", value={"one": data})) == 20


def test_a_table_of_more_than_the_minimum_is_billed_as_it_is() -> None:
    """Ten times the payments, 63 bytes read of each, one query a month."""
    data = copy.deepcopy(DATA)
    data["assumptions"]["payments_held"]["value"] = Decimal(1_001_840)
    one = {"part": "audit", "driver": "month", "runs": Decimal(1), "tables": ["square_payments"], "reason": "."}
    data["queries"] = {"one": one}
    assert query_gib(book_of(data)) * 2**30 == pytest.approx(Decimal(1_001_840) * 63)


def test_analytics_stay_within_their_limit() -> None:
    name, _, staging, production, _ = row("of it BigQuery")
    assert "at most $0.15: met" in name
    assert max(Decimal(cost.lstrip("$")) for cost in (staging, production)) <= Decimal("0.15")


def test_analytics_beyond_their_limit_are_shown() -> None:
    assert (
        "**not met**" in row("of it BigQuery", book=changed("prices", "bigquery_queries", "free", value=Decimal(0)))[0]
    )


# --- the table


def test_the_table_is_what_the_data_say() -> None:
    """Secret Manager by hand: two versions of each secret beyond six, accesses of starting instances beyond 10,000."""
    secrets = {s for found in loads(BOOK, DECLARED).values() for s in found.secrets}
    accesses = used(BOOK, DECLARED, warm=True)["secret_accesses"]
    charged = (2 * len(secrets) - 6) * Decimal("0.06") + (accesses - 10_000) / 10_000 * Decimal("0.03")
    assert row("Secret Manager")[3] == f"${charged:.2f}"
    assert row("Secret Manager")[1].startswith(f"{2 * len(secrets)} versions, ")


def test_totals_are_the_sum_of_their_rows() -> None:
    found = costs.rows(DECLARED, BOOK)
    total = next(index for index, cells in enumerate(found) if cells[0] == "**Total**")
    for column in (2, 3, 4):
        cells = [Decimal(cells[column].lstrip("$")) for cells in found[: total + 1]]
        assert cells[-1] == pytest.approx(sum(cells[:-1]), abs=Decimal("0.005") * total)


@pytest.mark.parametrize("name", DATA["prices"])
def test_changing_a_price_changes_the_table(name: str) -> None:
    book = changed("prices", name, "dollars", value=DATA["prices"][name]["dollars"] * 1_000)
    assert costs.rows(DECLARED, book) != costs.rows(DECLARED, BOOK)


@pytest.mark.parametrize("name", ["verifications", "payments_held", "open_hours", "deployments", "alert_conditions"])
def test_changing_an_assumption_changes_the_table(name: str) -> None:
    book = changed("assumptions", name, "value", value=DATA["assumptions"][name]["value"] * 2)
    assert costs.rows(DECLARED, book) != costs.rows(DECLARED, BOOK)


def test_unconfirmed_prices_are_marked() -> None:
    book = changed("prices", "scheduler_jobs", "confirmed", value=False)
    assert row("Cloud Scheduler")[0] == "Cloud Scheduler"
    assert row("Cloud Scheduler", book=book)[0] == "Cloud Scheduler *"


def test_the_command_prints_the_table_and_with_lines_every_price(capsys: pytest.CaptureFixture[str]) -> None:
    assert costs.main([]) == 0
    printed = capsys.readouterr().out
    assert printed == costs.table()
    assert printed.splitlines()[0] == f"| {' | '.join(costs.COSTS)} |"
    assert len(printed.splitlines()) == 2 + len(costs.rows())
    assert costs.main(["lines"]) == 0
    assert [line.split(" | ")[0][2:] for line in capsys.readouterr().out.splitlines()[2:]] == list(BOOK.prices)


def test_the_page_holds_the_table() -> None:
    page = (PRICES.parents[1] / "docs" / "costs.md").read_text(encoding="utf-8")
    expected = costs.rows(DECLARED)
    assert [line for line in page.splitlines() if line.startswith("| ")][1:] == [
        f"| {' | '.join(cells)} |".replace("|  |", "| |") for cells in expected
    ]
