"""What is remembered of SQL: trees stay as they were parsed, and another text's names are never in an answer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
UNCHANGED = """
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


NAMES = """
from local import bigquery_once
from bqemulator.jobs import executor
from bqemulator.scripting import interpreter
from bqemulator.sql.translator import SQLTranslator
from sqlglot import Dialect, errors, parse_one

plain = SQLTranslator.translate, executor.rewrite_table_refs, Dialect.parse
bigquery_once.apply_patches()
IDS = "01KWF9Z62GN22CZMFGH3SZ9PDB", "01KWF9Z62GN22CZMFGH3SZ9PDC", "ABCDEFGHJKMNPQRSTVWXYZABCD"
PROJECTS = "t-0123456789ab", "t-ba9876543210", "livhana-local", "t-a00000000000"
TEXTS = (
    "MERGE `analytics.p` T USING (SELECT id, n FROM `staging.p_batch_{id}` WHERE TRUE QUALIFY ROW_NUMBER() OVER "
    "(PARTITION BY id ORDER BY n DESC) = 1) S ON T.id = S.id WHEN MATCHED THEN UPDATE SET n = S.n "
    "WHEN NOT MATCHED THEN INSERT (id, n) VALUES (S.id, S.n)",
    "SELECT '{id}' AS job, COUNT(*) AS n FROM {quoted}.analytics.p_{id} AS p_{id} WHERE p_{id}.id != '{id} {other}'",
    "SELECT AVG(n) AS n, 123456789012 AS big, '{project}' AS `{id}` FROM `{project}.staging.p_batch_{id}`",
    "SELECT n FROM analytics.p_batch_{id} JOIN staging.p_batch_{other} USING (id) -- {id}",
    "SELECT UPPER('t-abcdef012345'), LOWER('{id}'), SHA256('abcdefabcdef'), 0xabcdefabcdef1 FROM analytics.p",
)

def shapes():
    for text in TEXTS:
        for project in PROJECTS:
            for id in IDS:
                for other in IDS:
                    yield project, id, text.format(id=id, other=other, project=project, quoted=f"`{project}`")

def kinds(id):
    columns = {"id": "STRING", "n": "INT64"}
    return {"analytics": {"p": columns, f"p_batch_{id}": columns}, "staging": {f"p_batch_{id}": columns}}

seen = 0
for project, id, sql in shapes():
    for schema in (None, kinds(id)):
        theirs = plain[0](SQLTranslator(), sql, schema=schema)
        ours = SQLTranslator().translate(sql, schema=schema)
        assert type(ours) is type(theirs) and str(ours) == str(theirs), (sql, ours, theirs)
        assert executor.rewrite_table_refs is interpreter.rewrite_table_refs
        assert executor.rewrite_table_refs(ours.value, project) == plain[1](theirs.value, project), sql
    (fresh,) = plain[2](Dialect.get_or_raise("bigquery"), sql)
    tree = parse_one(sql, read="bigquery")
    assert tree == fresh and tree.sql("bigquery") == fresh.sql("bigquery"), sql
    seen += 1
for id in IDS:
    try:
        parse_one(f"SELECT FROM WHERE p_{id} (", read="bigquery")
    except errors.ParseError as error:
        assert id in str(error), error
    else:
        raise AssertionError("no error")
assert bigquery_once._translated.cache_info().hits > seen
print("same", seen)
"""


def run(program: str) -> str:
    """What it prints last. In a process of its own: the change to the parser is for all that a process does."""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_what_is_kept_is_as_it_was_parsed() -> None:
    assert run(UNCHANGED) == "unchanged"


def test_a_text_that_differs_in_made_up_names_alone_is_answered_with_its_own() -> None:
    assert run(NAMES) == "same 180"
