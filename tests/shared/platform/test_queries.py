"""Sets of queries: priced once a day by a dry run, paid for before anything is run, each with its own parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from google.cloud.firestore import Client

from shared.platform.budget import COLLECTION, BudgetSpent
from shared.platform.context import Platform
from shared.platform.errors import Unavailable
from shared.platform.ids import Ids
from shared.platform.queries import LEAST_BYTES_A_TABLE, Queries, Query
from shared.platform.settings import Settings
from tests.factories.clock import TestClock
from tests.factories.environment import environment
from tests.factories.recording_bigquery import RecordingBigQuery, recording_bigquery

GIB = 1024**3
VALUES = {"one": ("INT64", 1), "two": ("INT64", 2), "end": ("TIMESTAMP", TestClock().at)}
Start = Callable[..., Platform]


@pytest.fixture
def bigquery() -> Iterator[RecordingBigQuery]:
    with recording_bigquery() as proxy:
        yield proxy


@pytest.fixture
def start(project: str, clock: TestClock, bigquery: RecordingBigQuery, monkeypatch: pytest.MonkeyPatch) -> Start:
    """`start(BIGQUERY_DAILY_BYTES="1000")`: an instance."""
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", bigquery.url)
    return lambda **changes: Platform(Settings.load(environment(project, **changes)), clock, Ids(clock))


@pytest.fixture
def query(tmp_path: Path) -> Callable[..., Query]:
    def make(name: str, sql: str, most: int = 1_000_000) -> Query:
        file = tmp_path / f"{name}.sql"
        file.write_text(sql)
        return Query(file, most)

    return make


def spent(project: str) -> int:
    found = Client(project=project).collection(COLLECTION).document("2026-07-01").get()
    return int(found.get("bytes")) if found.exists else 0


def test_rows_of_each_in_their_order_with_the_parameters_that_it_names(
    start: Start, query: Callable[..., Query], bigquery: RecordingBigQuery
) -> None:
    queries = [query("first", "SELECT @one AS n, @one AS again", 5_000), query("second", "SELECT @two AS n", 7_000)]
    assert Queries.on(start()).run(queries, VALUES) == [[{"n": 1, "again": 1}], [{"n": 2}]]
    assert {job.labels["source"]: (dict(job.parameters), job.maximum_bytes_billed) for job in bigquery.run()} == {
        "first": ({"one": "1"}, 5_000),
        "second": ({"two": "2"}, 7_000),
    }


def test_a_name_within_a_name_is_another(
    start: Start, query: Callable[..., Query], bigquery: RecordingBigQuery
) -> None:
    (rows,) = Queries.on(start()).run([query("q", "SELECT @one_more AS n")], {**VALUES, "one_more": ("INT64", 3)})
    assert rows == [{"n": 3}]
    assert [dict(job.parameters) for job in bigquery.run()] == [{"one_more": "3"}]


def test_a_query_is_priced_once_a_day(
    start: Start, query: Callable[..., Query], bigquery: RecordingBigQuery, clock: TestClock
) -> None:
    """A dry run is free, and takes its time."""
    queries, running = [query("a", "SELECT 1 AS n"), query("b", "SELECT 2 AS n")], Queries.on(start())
    for _ in range(3):
        running.run(queries, VALUES)
    assert (len(bigquery.dry()), len(bigquery.run())) == (2, 6)
    clock.advance(days=1)
    running.run(queries, VALUES)
    assert (len(bigquery.dry()), len(bigquery.run())) == (4, 8)


def test_what_a_dry_run_says_is_paid_for(
    start: Start, query: Callable[..., Query], bigquery: RecordingBigQuery, project: str
) -> None:
    bigquery.dry_run_bytes = 3 * GIB
    Queries.on(start()).run([query("a", "SELECT 1 AS n"), query("b", "SELECT 2 AS n")], VALUES)
    assert spent(project) == 6 * GIB


def test_a_table_costs_ten_mebibytes_at_least(
    start: Start, query: Callable[..., Query], project: str, tables: None
) -> None:
    sql = "SELECT COUNT(*) AS n FROM `analytics.square_items` JOIN `analytics.lightspeed_products` USING (id)"
    assert Queries.on(start()).run([query("a", sql)], VALUES) == [[{"n": 0}]]
    assert spent(project) == 2 * LEAST_BYTES_A_TABLE


def test_beyond_the_budget_no_query_is_run_by_any_instance(
    start: Start, query: Callable[..., Query], bigquery: RecordingBigQuery, project: str, clock: TestClock
) -> None:
    bigquery.dry_run_bytes = GIB
    queries = [query("a", "SELECT 1 AS n"), query("b", "SELECT 2 AS n")]
    first, second = (Queries.on(start(BIGQUERY_DAILY_BYTES=str(3 * GIB))) for _ in range(2))
    first.run(queries, VALUES)
    for instance in (first, second):
        with pytest.raises(BudgetSpent):
            instance.run(queries, VALUES)
    assert (len(bigquery.run()), spent(project)) == (2, 2 * GIB)
    second.run(queries[:1], VALUES)  # which fits
    clock.advance(days=1)
    second.run(queries, VALUES)
    assert len(bigquery.run()) == 5


def test_a_statement_that_fails_is_unavailable(start: Start, query: Callable[..., Query]) -> None:
    with pytest.raises(Unavailable) as failure:
        Queries.on(start()).run([query("a", "SELECT n FROM `analytics.nowhere`")], VALUES)
    assert "nowhere" not in failure.value.sentence
