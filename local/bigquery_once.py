"""The local BigQuery reads an SQL text once: what it was parsed and translated to is remembered.

bqemulator parses each statement some twenty times, once for each of its checks and rewrites: most of what a query of a
small table took. A stack or a test run asks the same few hundred questions again and again.
"""

from __future__ import annotations

import json
import sys
from functools import lru_cache
from typing import Any

from bqemulator.catalog import ddl_sync
from bqemulator.domain.errors import DomainError
from bqemulator.domain.result import Err, Ok
from bqemulator.jobs import executor, routine_ddl
from bqemulator.sql import catalog_schema
from bqemulator.sql.translator import SQLTranslator
from sqlglot import Dialect
from sqlglot.expressions import Expr

# A tree takes about a hundred times the room of its text.
TREES, TRANSLATIONS = 200, 1000
# They look at a tree and change nothing: of all that is done for a query, copies for them were a quarter.
LOOKERS = frozenset(
    function.__code__
    for function in (
        catalog_schema.build_catalog_schema,
        ddl_sync._detect_catalog_drop,
        ddl_sync._detect_create_schema,
        ddl_sync._detect_plain_create_table,
        ddl_sync._detect_plain_create_view,
        executor._capture_dml_snapshots,
        executor._parse_for_classification,
        executor._reject_dml_on_immutable,
        routine_ddl.detect_drop_routine,
    )
)
_parse = Dialect.parse
_translate = SQLTranslator.translate


def parse_once(dialect: Dialect, sql: str, **options: Any) -> list[Expr | None]:
    """Trees of the caller's own, who may change them; `LOOKERS` get those that are kept."""
    if dialect.settings or any(value is not None for value in options.values()):
        return _parse(dialect, sql, **options)
    trees = _parsed(type(dialect), sql)
    # Between the caller and this function stands `parse_one`.
    if sys._getframe(2).f_code in LOOKERS:
        return trees
    return [tree.copy() if tree else None for tree in trees]


@lru_cache(TREES)
def _parsed(dialect: type[Dialect], sql: str) -> list[Expr | None]:
    return _parse(dialect(), sql)


def translate_once(_: SQLTranslator, sql: str, *, schema: Any = None, caller: Any = None) -> Any:
    """A translation follows from the text, the types of the columns and the caller's name alone."""
    try:
        return Ok(_translated(sql, json.dumps(schema), caller))
    except DomainError as error:
        return Err(error)


@lru_cache(TRANSLATIONS)
def _translated(sql: str, schema: str, caller: Any) -> Any:
    return _translate(SQLTranslator(), sql, schema=json.loads(schema), caller=caller).unwrap()


def apply_patches() -> None:
    """Change bqemulator and its parser in this process. Idempotent."""
    dialect: Any = Dialect
    dialect.parse = parse_once
    SQLTranslator.translate = translate_once
