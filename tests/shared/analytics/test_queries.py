"""Every `.sql` file: what it reads, what it is given, and what its job may cost."""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from functions.analytics.refresh_cache import VIEWS
from local.provision import create_tables, warehouse
from shared.analytics.answers import QUERIES, values
from shared.platform import tables
from shared.platform.context import Platform
from shared.platform.settings import Settings
from tests.factories.environment import environment
from tests.factories.recording_bigquery import Asked, RecordingBigQuery, recording_bigquery

ROOT = Path(__file__).parents[3]
# Asked by a job, not for a cached figure: its own tests are in tests/shared/verification/.
ASKED_BY_JOBS = {"customer_addresses"}
FILES = {
    str(path.relative_to(ROOT)): path
    for path in sorted(ROOT.glob("shared/**/queries/*.sql"))
    if path.stem not in ASKED_BY_JOBS
}
# What a view that takes parameters is asked for.
PARAMS: dict[str, dict[str, str]] = {
    "dashboard": {"source": "all"},
    "historical": {"source": "all"},
    "products": {"source": "all", "limit": "200", "cursor": ""},
    "verification_statistics": {"days": "365"},
    "square_catalog": {"source": "mock"},
    "square_transactions": {"source": "mock"},
}
# What a statement may compare texts with: kinds and states of our own, and formats.
WORDS = {"square", "lightspeed", "all", "COMPLETED", "completed", " ", "MONTH"}
OF_TIME = ("CURRENT_", "NOW(", "INTERVAL", "TIMESTAMP '", "DATE '", "TIMESTAMP_SUB", "DATE_SUB")
GIGABYTE = 1_000_000_000


def tree(name: str) -> exp.Expression:
    found = sqlglot.parse(FILES[name].read_text(encoding="utf-8"), dialect="bigquery")
    assert len(found) == 1, "one statement a file"
    assert found[0] is not None
    return found[0]


def conditions(select: exp.Select) -> Iterator[exp.Expression]:
    where = select.args.get("where")
    if where:
        yield from where.this.flatten() if isinstance(where.this, exp.And) else [where.this]


def bounds(select: exp.Select, column: str) -> set[type[exp.Expression]]:
    """How the column is compared with parameters, in conditions that all have to hold."""
    return {
        type(condition)
        for condition in conditions(select)
        if isinstance(condition, exp.GTE | exp.LT)
        and isinstance(condition.this, exp.Column)
        and condition.this.name == column
        and isinstance(condition.expression, exp.Parameter)
    }


def parameters(sql: str) -> set[str]:
    return set(re.findall(r"@(\w+)", re.sub(r"--.*", "", sql)))


def test_there_are_queries() -> None:
    assert len(FILES) >= 7


def test_no_two_have_one_name() -> None:
    """The name is the job's label, and what an estimate is kept by."""
    assert max(Counter(path.stem for path in FILES.values()).values()) == 1


@pytest.mark.parametrize("name", FILES)
def test_tables_that_are_partitioned_are_read_between_two_parameters(name: str) -> None:
    declared = tables.declared()
    read = [found for found in tree(name).find_all(exp.Table) if found.db]
    assert read, "a query reads a table"
    for table in read:
        schema = declared[f"{table.db}.{table.name}"]
        select = table.find_ancestor(exp.Select)
        assert isinstance(select, exp.Select)
        if "partitioning" in schema:
            assert bounds(select, schema["partitioning"]["field"]) == {exp.GTE, exp.LT}, f"{table.name} is read whole"


@pytest.mark.parametrize("name", FILES)
def test_time_and_whoever_is_meant_come_as_parameters(name: str) -> None:
    sql = tree(name)
    assert {text.this for text in sql.find_all(exp.Literal) if text.is_string} <= WORDS
    written = sql.sql(dialect="bigquery").upper()
    assert [word for word in OF_TIME if word in written] == []


@pytest.mark.parametrize("name", FILES)
def test_columns_are_named(name: str) -> None:
    assert [star for star in tree(name).find_all(exp.Star) if not isinstance(star.parent, exp.Count)] == []


# --- as jobs


@pytest.fixture(scope="module")
def asked() -> Iterator[list[Asked]]:
    """What BigQuery was asked when every view was loaded from empty tables; a failed one fails here."""
    project = f"t-{uuid.uuid4().hex[:12]}"
    with pytest.MonkeyPatch.context() as patch, recording_bigquery() as proxy:
        create_tables(warehouse(proxy.behind, project))
        platform = behind(proxy, project, patch)
        for name, view in VIEWS.items():
            view.load(platform, PARAMS.get(name, {}))
        yield proxy.asked


def behind(proxy: RecordingBigQuery, project: str, patch: pytest.MonkeyPatch) -> Platform:
    patch.setenv("BIGQUERY_EMULATOR_HOST", proxy.url)
    platform = Platform.start(Settings.load(environment(project)))
    assert platform.bigquery.project == project  # made now, while the variable says so
    return platform


def jobs(asked: list[Asked], name: str) -> list[Asked]:
    sql = FILES[name].read_text(encoding="utf-8")
    return [job for job in asked if job.sql == sql]


@pytest.mark.parametrize("name", FILES)
def test_each_is_run_on_empty_tables_with_a_limit_and_a_label(asked: list[Asked], name: str) -> None:
    found = jobs(asked, name)
    assert {job.dry_run for job in found} == {True, False}, "it is asked what it costs, and run"
    assert {job.labels["source"] for job in found} == {FILES[name].stem}
    assert re.fullmatch(r"[a-z0-9_-]{1,63}", FILES[name].stem), "BigQuery takes no other label"
    assert all(0 < job.maximum_bytes_billed <= GIGABYTE for job in found if not job.dry_run)


@pytest.mark.parametrize("name", FILES)
def test_each_gets_the_parameters_that_it_names_and_no_other(asked: list[Asked], name: str) -> None:
    named = parameters(FILES[name].read_text(encoding="utf-8"))
    assert named
    assert all(set(job.parameters) == named for job in jobs(asked, name))


def test_no_parameter_is_made_for_nobody(platform: Platform) -> None:
    given = set(values(platform, {"source": "all"})[1])
    named = {name for path in QUERIES.glob("*.sql") for name in parameters(path.read_text(encoding="utf-8"))}
    assert given - named == set()
    assert named - given == {"after_time", "after_id", "rows"}, "the place of a page, which only a page has"


def test_what_is_run_is_what_the_files_say(asked: list[Asked]) -> None:
    """Nothing is written into a statement: what differs is a parameter."""
    assert {job.sql for job in asked} == {path.read_text(encoding="utf-8") for path in FILES.values()}
