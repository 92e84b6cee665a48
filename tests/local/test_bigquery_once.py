"""Trees of SQL that are kept for many readers stay as they were parsed, whatever is asked and changed with them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# In a process of its own: the change to the parser is for all that a process does.
PROGRAM = """
from local import bigquery_once
bigquery_once.apply_patches()
from bqemulator.catalog import ddl_sync
from bqemulator.jobs import executor, routine_ddl
from sqlglot import Dialect, parse_one

for sql in (
    "SELECT id, SUM(amount) AS cents FROM `analytics.p` WHERE created_at > '2026-01-01' GROUP BY id",
    "MERGE `analytics.p` T USING `staging.s` S ON T.id = S.id WHEN MATCHED THEN UPDATE SET n = S.n "
    "WHEN NOT MATCHED THEN INSERT (id, n) VALUES (S.id, S.n)",
    "CREATE OR REPLACE VIEW `analytics.v` AS SELECT * FROM `analytics.p`",
    "CREATE TABLE `analytics.t` (id STRING, n INT64)",
    "CREATE SCHEMA `p`.`d`",
    "DROP TABLE `analytics.t`",
    "DELETE FROM `analytics.p` WHERE id IN ('a', 'b')",
):
    ddl_sync._detect_catalog_drop(sql)
    ddl_sync._detect_create_schema(sql, "p")
    ddl_sync._detect_plain_create_table(sql)
    ddl_sync._detect_plain_create_view(sql)
    executor.classify_statement_type(sql)
    routine_ddl.detect_drop_routine(sql, "p")
    # The caller's own: it may do with it what it likes.
    parse_one(sql, read="bigquery").set("this", "changed")
    (kept,) = bigquery_once._parsed(type(Dialect.get_or_raise("bigquery")), sql)
    (fresh,) = bigquery_once._parse(Dialect.get_or_raise("bigquery"), sql)
    assert kept == fresh and kept.sql() == fresh.sql(), sql
    assert "changed" not in repr(kept), sql
print("unchanged")
"""


def test_what_is_kept_is_as_it_was_parsed() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["unchanged"]), done.stderr
