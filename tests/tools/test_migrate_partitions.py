"""`python -m tools.migrate_partitions` on the local BigQuery: tables of the shape that the replaced service had."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from google.cloud import bigquery

from local.provision import create_tables
from shared.integrations.square_rows import ORDER_LINES, PAYMENTS
from shared.platform.tables import declared
from tests.factories.stopped_changes import Changes
from tests.factories.warehouse import Warehouse
from tools.migrate_partitions import main
from tools.migration_rows import MONEY, Shape

ROOT = Path(__file__).parents[2]
NAME = "analytics.square_payments"
COPY = f"{NAME}__partitioned"
START = datetime(2024, 7, 1, tzinfo=UTC)
PAYMENT_COLUMNS = {column["name"]: column["type"] for column in declared()[NAME]["columns"]}
PARTITIONED = sorted(name for name, schema in declared().items() if "partitioning" in schema)
# What a migration changes, one call after the other.
STEPS = [
    "create",
    "insert",
    "copy",
    "DELETE square_payments",
    "copy",
    "PATCH square_payments",
    "DELETE square_payments__partitioned",
]
Row = dict[str, Any]
Run = Callable[..., tuple[int, str, str]]


def payment(number: int, **changes: Any) -> Row:
    made = START + timedelta(minutes=10 * number)
    return {
        "id": f"pay_{number:06}",
        "amount": 100 + number % 9000,
        "refunded_amount": number % 7,
        "currency": "USD",
        "status": ("COMPLETED", "CANCELED", "APPROVED")[number % 3],
        "customer_id": f"c-{number % 50}" if number % 4 else None,
        "location_id": f"L{number % 2}",
        "created_at": made.isoformat(),
        "updated_at": (made + timedelta(hours=number % 30)).isoformat(),
        "source_type": "CARD",
        "order_id": f"o-{number}",
        **changes,
    }


class Shop:
    """The project's dataset `analytics`."""

    def __init__(self, project: str) -> None:
        self.warehouse = Warehouse(project)
        self.client = self.warehouse.client
        self.client.create_dataset("analytics", exists_ok=True)

    def make(self, rows: Sequence[Row], name: str = NAME, **types: str | None) -> None:
        """An unpartitioned table. `types`: other types of columns than declared; None: no such column."""
        columns = {name: kind for name, kind in (PAYMENT_COLUMNS | types).items() if kind}
        self.client.create_table(
            bigquery.Table(f"{self.client.project}.{name}", [bigquery.SchemaField(*c) for c in columns.items()])
        )
        self.add(rows, name)

    def add(self, rows: Sequence[Row], name: str = NAME) -> None:
        table = self.client.get_table(name)
        known = {field.name for field in table.schema}
        lines = "\n".join(json.dumps({k: v for k, v in row.items() if k in known}) for row in rows)
        config = bigquery.LoadJobConfig(
            schema=table.schema, source_format="NEWLINE_DELIMITED_JSON", write_disposition="WRITE_APPEND"
        )
        if lines:
            self.client.load_table_from_file(BytesIO(lines.encode()), table.reference, job_config=config).result()

    def tables(self) -> list[str]:
        return sorted(f"analytics.{table.table_id}" for table in self.client.list_tables("analytics"))

    def backups(self) -> list[str]:
        return [name for name in self.tables() if "__backup_" in name]

    def rows(self, name: str = NAME) -> list[Row]:
        return self.warehouse.run(f"SELECT * FROM `{name}` ORDER BY id, updated_at")

    def partitioning(self, name: str = NAME) -> tuple[str | None, list[str] | None]:
        table = self.client.get_table(name)
        return table.time_partitioning and table.time_partitioning.field, table.clustering_fields

    def everything(self) -> dict[str, list[Row]]:
        return {name: self.rows(name) for name in self.tables()}


@pytest.fixture
def shop(project: str) -> Shop:
    return Shop(project)


@pytest.fixture
def changes(monkeypatch: pytest.MonkeyPatch, shop: Shop) -> Changes:
    return Changes(monkeypatch)


@pytest.fixture
def run(project: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Exit status, standard output, standard error."""
    monkeypatch.delenv("PROJECT", raising=False)

    def migrate_partitions(*arguments: str, table: str = NAME) -> tuple[int, str, str]:
        try:
            status = main([table, *arguments])
        except SystemExit as stopped:
            status = int(str(stopped.code))
        written = capsys.readouterr()
        return status, written.out, written.err

    return migrate_partitions


def contents(rows: Sequence[Row]) -> list[Row]:
    """Without columns that are NULL everywhere they were not told."""
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def whole(shop: Shop, rows: list[Row]) -> list[str]:
    """Tables that hold these rows, or more."""
    wanted = {row["id"] for row in rows}
    return [name for name, held in shop.everything().items() if {row["id"] for row in held} >= wanted]


def test_the_shops_size_and_nothing_is_lost(shop: Shop, run: Run) -> None:
    shop.make([payment(number) for number in range(100_184)])
    sums = f"""SELECT COUNT(*) AS n, COUNT(DISTINCT id) AS ids, SUM(amount) AS amount, SUM(refunded_amount) AS refunded,
        COUNT(customer_id) AS customers, MIN(updated_at) AS first, MAX(updated_at) AS last FROM `{NAME}`"""
    days = f"SELECT DATE(created_at) AS day, COUNT(*) AS n FROM `{NAME}` GROUP BY day ORDER BY day"
    before = shop.warehouse.run(sums), shop.warehouse.run(days)

    status, said, errors = run()

    assert (status, errors) == (0, "")
    assert (shop.warehouse.run(sums), shop.warehouse.run(days)) == before
    assert before[0][0]["n"] == 100_184
    assert shop.partitioning() == ("created_at", ["customer_id", "status"])
    assert shop.tables() == [NAME, *shop.backups()]
    assert shop.partitioning(shop.backups()[0]) == (None, None)
    assert f"100,184 rows of 696 days, amount {before[0][0]['amount']:,}" in said
    assert said.count(": equal") == 3
    assert f"DROP TABLE `{shop.client.project}.{shop.backups()[0]}`" in said


def test_the_table_is_as_declared(shop: Shop, run: Run) -> None:
    shop.make([payment(1)])
    assert run()[0] == 0
    found, schema = shop.client.get_table(NAME), declared()[NAME]
    assert [field.to_api_repr() for field in found.schema] == schema["columns"]
    assert found.description == schema["description"]


def test_a_second_run_has_nothing_to_do(shop: Shop, run: Run, changes: Changes) -> None:
    shop.make([payment(1)])
    assert run()[0] == 0
    assert changes.made[-len(STEPS) :] == STEPS
    changes.made.clear()
    status, said, errors = run()
    assert (status, said.split(), errors, changes.made) == (
        0,
        ["nothing", "to", "do:", f"{shop.client.project}.{NAME}", "is", "partitioned", "already"],
        "",
        [],
    )


def test_an_empty_table(shop: Shop, run: Run) -> None:
    shop.make([])
    assert run()[0] == 0
    assert (shop.rows(), shop.partitioning()[0]) == ([], "created_at")


def test_a_dry_run_says_what_would_be_done_and_changes_nothing(shop: Shop, run: Run, changes: Changes) -> None:
    shop.make([payment(1)], loyalty="STRING")
    changes.made.clear()
    status, said, _ = run("--dry-run")
    assert (status, changes.made) == (0, [])
    assert all(part in said for part in ("not partitioned", "in the backup only: loyalty", COPY, "__backup_", "delete"))


@pytest.mark.parametrize("number", range(len(STEPS)))
def test_killed_anywhere_the_rows_are_whole_somewhere_and_the_next_run_completes_it(
    shop: Shop, run: Run, changes: Changes, number: int
) -> None:
    rows = [payment(n) for n in range(40)]
    shop.make(rows)
    before = shop.rows()
    assert changes.dies_before(number, run)
    assert whole(shop, rows)

    status, _, errors = run()

    assert (status, errors) == (0, "")
    assert contents(shop.rows()) == contents(before)
    assert shop.partitioning() == ("created_at", ["customer_id", "status"])
    assert shop.tables() == [NAME, *shop.backups()]
    assert [shop.rows(name) for name in shop.backups()] == [before]
    assert run()[1].startswith("nothing")


@pytest.mark.parametrize("number", [2])
def test_killed_again_and_again(shop: Shop, run: Run, changes: Changes, number: int) -> None:
    rows = [payment(n) for n in range(10)]
    shop.make(rows)
    before = contents(shop.rows())
    assert changes.dies_before(number, run)
    while changes.dies_before(3, run):
        assert whole(shop, rows)
    assert contents(shop.rows()) == before
    assert len(shop.backups()) == 1


@pytest.mark.parametrize("number", [3])
def test_rows_that_come_after_a_kill_are_not_lost(shop: Shop, run: Run, changes: Changes, number: int) -> None:
    shop.make([payment(n) for n in range(10)])
    assert changes.dies_before(number, run)
    shop.add([payment(10)])
    shop.warehouse.run(f"UPDATE `{NAME}` SET status = 'FAILED' WHERE id = 'pay_000003'")
    expected = contents(shop.rows())
    assert run()[0] == 0
    assert (contents(shop.rows()), shop.partitioning()[0]) == (expected, "created_at")
    assert contents(shop.rows(shop.backups()[-1])) == expected


@pytest.mark.parametrize("number", [2])
def test_rows_that_come_while_it_runs_are_not_lost(shop: Shop, run: Run, changes: Changes, number: int) -> None:
    shop.make([payment(n) for n in range(10)])
    changes.made.clear()
    changes.before(number, lambda: shop.add([payment(10)]))
    assert run()[0] == 0
    assert len(shop.rows()) == 11
    assert [len(shop.rows(name)) for name in shop.backups()] == [11]


def test_a_change_between_copy_and_backup_that_no_sum_shows_is_seen(shop: Shop, run: Run, changes: Changes) -> None:
    shop.make([payment(n) for n in range(10)])
    changes.made.clear()
    change = f"UPDATE `{NAME}` SET status = 'FAILED' WHERE id = 'pay_000003'"
    changes.before(2, lambda: shop.warehouse.run(change) and None)
    status, said, _ = run()
    assert (status, shop.rows()[3]["status"]) == (0, "FAILED")
    assert "while it was copied, 1 of 3: copy: " in said
    assert "1 rows missing, 1 others" in said


def test_a_table_that_never_rests_is_left_alone(shop: Shop, run: Run, changes: Changes) -> None:
    shop.make([payment(0)])
    changes.after["insert"] = lambda: shop.add([payment(len(shop.rows()))])
    status, _, errors = run()
    assert status == 1
    assert "keeps changing. Nothing was taken away from it. Pause the sync" in errors
    assert (len(shop.rows()), shop.partitioning()[0], len(shop.backups())) == (4, None, 1)
    changes.after.clear()
    assert run()[0] == 0
    assert (len(shop.rows()), shop.partitioning()[0], len(shop.backups())) == (4, "created_at", 1)


def test_a_table_that_was_made_anew_while_the_name_was_free_gets_the_rows(
    shop: Shop, run: Run, changes: Changes
) -> None:
    shop.make([payment(n) for n in range(10)])
    before = contents(shop.rows())
    assert changes.dies_before(4, run)
    create_tables(shop.client)
    newer = payment(3, status="FAILED", updated_at=(START + timedelta(days=900)).isoformat())
    shop.add([payment(20), newer])
    assert run()[0] == 0
    found = {row["id"]: row for row in shop.rows()}
    assert found.keys() == {*(row["id"] for row in before), "pay_000020"}
    assert found["pay_000003"]["status"] == "FAILED"
    assert COPY not in shop.tables()


def test_a_copy_that_was_spoilt_while_the_name_was_free_is_not_taken(shop: Shop, run: Run, changes: Changes) -> None:
    shop.make([payment(n) for n in range(10)])
    assert changes.dies_before(4, run)
    shop.warehouse.run(f"DELETE FROM `{COPY}` WHERE id = 'pay_000003'")
    status, _, errors = run()
    assert status == 1
    assert "is not what its backup holds: 10 rows of 1 days" in errors
    assert "1 rows missing" in errors
    shop.client.copy_table(shop.backups()[0], NAME).result()
    assert run()[0] == 0
    assert len(shop.rows()) == 10


def test_going_back_to_the_backup_and_migrating_again(shop: Shop, run: Run) -> None:
    shop.make([payment(n) for n in range(10)])
    before = shop.rows()
    assert run()[0] == 0
    shop.client.delete_table(NAME)
    status, _, errors = run()
    assert status == 1
    assert f"copy {shop.client.project}.{shop.backups()[0]} to that name" in errors
    shop.client.copy_table(shop.backups()[0], NAME).result()
    assert (shop.rows(), shop.partitioning()[0]) == (before, None)
    assert run()[0] == 0
    assert (contents(shop.rows()), shop.partitioning()[0]) == (contents(before), "created_at")


REFUSED: dict[str, tuple[list[Row], dict[str, str | None], str]] = {
    "NULL in a required column": (
        [payment(0), payment(1, currency=None), payment(2, created_at=None)],
        {},
        "currency is REQUIRED and NULL in 1 of 3 rows.\n  created_at is REQUIRED and NULL in 1 of 3 rows.",
    ),
    "a required column is missing": (
        [payment(0), payment(1)],
        {"location_id": None},
        "location_id is REQUIRED and the table has no such column: 2 rows would have none.",
    ),
    "dollars": (
        [payment(0, amount=12.5)],
        {"amount": "FLOAT64"},
        (
            "amount is FLOAT64, and declared as whole cents (INT64). If it holds dollars, run this again with "
            "--amount-in-dollars; if it holds cents, make it INT64 first."
        ),
    ),
    "duplicates": (
        [payment(0), payment(1), payment(1, status="FAILED"), payment(1)],
        {},
        (
            "2 of 4 rows have the id of another one. To keep of each the one with the newest updated_at, run this "
            "again with --deduplicate."
        ),
    ),
    "text that is no time": (
        [payment(0), payment(1, updated_at="yesterday")],
        {"updated_at": "STRING"},
        "updated_at cannot be read as TIMESTAMP in 1 of 2 rows.",
    ),
    "a type that does not fit": (
        [payment(0, status=1.5)],
        {"status": "FLOAT64"},
        "status is FLOAT64, declared as STRING: that cannot be cast without loss. Change it first.",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_refuses_before_anything_is_done(shop: Shop, run: Run, changes: Changes, what: str) -> None:
    rows, types, sentence = REFUSED[what]
    shop.make(rows, **types)
    before = shop.everything()
    changes.made.clear()
    status, said, errors = run()
    assert (status, said, changes.made) == (1, "", [])
    assert errors == (
        f"migrate_partitions: {shop.client.project}.{NAME} cannot be migrated as it is; nothing was changed.\n"
        f"  {sentence}\n"
    )
    assert shop.everything() == before


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (
            "analytics.square_refunds",
            f"is no table that infra/schemas declares partitioned. These are: {PARTITIONED[0]}",
        ),
        ("analytics.square_items", "is no table that infra/schemas declares partitioned"),
        (NAME, f"{NAME}: nothing to migrate. make run and make deploy create it partitioned."),
    ],
)
def test_a_table_that_is_not_there_or_not_declared(shop: Shop, run: Run, table: str, sentence: str) -> None:
    status, _, errors = run(table=table)
    assert status == 1
    assert sentence in errors


def test_a_table_with_other_partitions_is_refused(shop: Shop, run: Run) -> None:
    table = bigquery.Table(f"{shop.client.project}.{NAME}", [bigquery.SchemaField("updated_at", "TIMESTAMP")])
    table.time_partitioning = bigquery.TimePartitioning(field="updated_at")
    shop.client.create_table(table)
    status, _, errors = run()
    assert status == 1
    assert "is partitioned, but not by DAY of created_at as declared" in errors


@pytest.mark.parametrize("kind", ["FLOAT64", "NUMERIC", "STRING"])
def test_dollars_become_cents_half_up_when_it_is_wished(shop: Shop, run: Run, kind: str) -> None:
    dollars = ["0.29", "1.005", "2.675", "19.99", "33.325", "0", "-1.005", "386.45", "1.115", "0.1"]
    value = float if kind == "FLOAT64" else str
    shop.make([payment(n, amount=value(text)) for n, text in enumerate(dollars)], amount=kind)
    status, said, errors = run("--amount-in-dollars")
    assert (status, errors) == (0, "")
    assert "dollars become cents, half up: amount" in said
    cents = [int((Decimal(text) * 100).quantize(Decimal(1), ROUND_HALF_UP)) for text in dollars]
    assert [row["amount"] for row in shop.rows()] == cents
    assert [row["refunded_amount"] for row in shop.rows()] == [n % 7 for n in range(10)]


def test_cents_are_not_taken_for_dollars(shop: Shop, run: Run) -> None:
    shop.make([payment(0)])
    status, _, errors = run("--amount-in-dollars")
    assert status == 1
    assert "no column holds dollars, all are whole numbers. Run this again without it." in errors


def test_of_duplicates_the_newest_stays_when_it_is_wished(shop: Shop, run: Run) -> None:
    late = (START + timedelta(days=30)).isoformat()
    shop.make(
        [payment(0), payment(1, status="FAILED", updated_at=late), payment(1), payment(1), payment(2), payment(2)]
    )
    assert run("--deduplicate")[0] == 0
    assert [(row["id"], row["status"]) for row in shop.rows()] == [
        ("pay_000000", "COMPLETED"),
        ("pay_000001", "FAILED"),
        ("pay_000002", "APPROVED"),
    ]
    assert len(shop.rows(shop.backups()[0])) == 6


def test_killed_with_wishes_the_same_command_completes_it(shop: Shop, run: Run, changes: Changes) -> None:
    rows = [payment(0, amount=1.005), payment(1, amount=2.0), payment(1, amount=2.0)]
    shop.make(rows, amount="FLOAT64")
    assert changes.dies_before(4, lambda: run("--deduplicate", "--amount-in-dollars"))
    assert "with --amount-in-dollars" in run()[2]
    assert "with --deduplicate" in run("--amount-in-dollars")[2]
    assert run("--deduplicate", "--amount-in-dollars")[0] == 0
    assert [row["amount"] for row in shop.rows()] == [101, 200]


def test_columns_that_the_old_table_lacks_are_null_and_others_stay_in_the_backup(shop: Shop, run: Run) -> None:
    rows = [payment(0, Amount=7, loyalty="gold", updated_at="2026-07-01T12:00:00Z")]
    old = {"amount": None, "Amount": "INT64", "card_brand": None, "loyalty": "STRING", "updated_at": "STRING"}
    shop.make(rows, **old)
    status, said, errors = run()
    assert (status, errors) == (0, "")
    (row,) = shop.rows()
    assert (row["amount"], row["card_brand"], row["updated_at"]) == (7, None, datetime(2026, 7, 1, 12, tzinfo=UTC))
    assert "they stay in the backup only: loyalty" in said
    assert shop.rows(shop.backups()[0])[0]["loyalty"] == "gold"


def test_every_partitioned_table_has_a_key_and_its_money_is_known() -> None:
    for name in PARTITIONED:
        shape = Shape(declared()[name])
        assert shape.key
        # A column that is called cents was never one of dollars.
        told = {c["name"] for c in shape.schema["columns"] if "cents" in c.get("description", "").lower()}
        assert {column for column in told if not column.endswith("cents")} <= MONEY, name
    assert [Shape(declared()[stream.table]).key for stream in (PAYMENTS, ORDER_LINES)] == [
        ("id",),
        ("order_id", "line_uid"),
    ]
    assert [stream.key for stream in (PAYMENTS, ORDER_LINES)] == [("id",), ("order_id", "line_uid")]


@pytest.mark.parametrize("name", ["analytics.square_order_lines", "commerce.security_events"])
def test_tables_with_other_keys_and_types_migrate_too(shop: Shop, run: Run, name: str) -> None:
    shop.client.create_dataset(name.partition(".")[0], exists_ok=True)
    create_tables(shop.client)
    columns = {c["name"]: c["type"] for c in declared()[name]["columns"]}
    values = {"TIMESTAMP": START.isoformat(), "INTEGER": 3, "NUMERIC": "1.5", "BOOLEAN": True, "FLOAT": 1.5}
    shop.client.delete_table(name)
    table = bigquery.Table(f"{shop.client.project}.{name}", [bigquery.SchemaField(*c) for c in columns.items()])
    shop.client.create_table(table)
    shop.add([{c: values.get(kind, f"text-{n}") for c, kind in columns.items()} for n in range(3)], name)
    before = shop.warehouse.run(f"SELECT * FROM `{name}`")
    assert run(table=name)[0] == 0
    assert sorted(map(str, shop.warehouse.run(f"SELECT * FROM `{name}`"))) == sorted(map(str, before))
    assert shop.partitioning(name)[0] == "created_at"


@pytest.fixture
def refusing() -> Iterator[str]:
    """A BigQuery that refuses everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"error": {"code": 403, "message": "Access Denied: made up"}}).encode()
            self.send_response(403)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_error_of_bigquery_is_told_and_a_run_can_be_repeated(
    run: Run, refusing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", refusing)
    status, said, errors = run()
    assert (status, said) == (2, "")
    assert "Access Denied: made up" in errors
    assert errors.endswith("Run this again: it goes on where it was.\n")


def test_where_it_acts_must_be_clear(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROJECT", "shop-staging")
    assert "PROJECT is set, and BIGQUERY_EMULATOR_HOST too" in run()[2]
    monkeypatch.delenv("PROJECT")
    monkeypatch.delenv("BIGQUERY_EMULATOR_HOST")
    assert run()[2] == "migrate_partitions: Where? Start the local stack (make run), or give PROJECT=.\n"


def test_it_runs_as_a_command_in_the_lean_environment(shop: Shop) -> None:
    shop.make([payment(n) for n in range(3)])
    command = [str(ROOT / ".venv/functions/bin/python"), "-m", "tools.migrate_partitions", NAME]
    environment = {name: value for name, value in os.environ.items() if name != "PROJECT"}
    done = subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "is partitioned by DAY of created_at, clustered by customer_id, status" in done.stdout


def test_help_says_what_it_does_and_how_it_ends(run: Run) -> None:
    status, said, _ = run("--help")
    assert status == 0
    assert all(part in said for part in ("--dry-run", "--deduplicate", "--amount-in-dollars", "Exit status: 0"))
