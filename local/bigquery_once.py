"""The local BigQuery reads an SQL text once: what it was parsed and translated to is remembered.

bqemulator parses each statement some twenty times, once for each of its checks and rewrites: most of what a query of a
small table took. A stack or a test run asks the same few hundred questions again and again, of staging tables and
projects whose names differ by a made-up part: what is remembered is of the text without it (`Form`).
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from bqemulator.catalog import ddl_sync
from bqemulator.domain.errors import DomainError
from bqemulator.domain.result import Ok
from bqemulator.jobs import executor, routine_ddl
from bqemulator.scripting import interpreter
from bqemulator.sql import catalog_schema
from bqemulator.sql.translator import SQLTranslator
from sqlglot import Dialect
from sqlglot.errors import SqlglotError
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
# Ids as ours, and hexadecimal ones.
MADE_UP = re.compile(
    r"(?<![0-9A-Za-z])(?:(?=[0-9]*[A-Z])[0-9A-HJKMNP-TV-Z]{26}|(?=[0-9]*[a-f])[0-9a-f]{12,})(?![0-9A-Za-z])"
)
BETWEEN = "\0"
_parse = Dialect.parse
_translate = SQLTranslator.translate
_qualify = executor.rewrite_table_refs


@dataclass(frozen=True)
class Form:
    """A text in which each made-up name is a stand-in, the same one in every text that differs in these names alone."""

    text: str
    names: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, text: str) -> Form:
        """Stand-ins are as long as the names and of the same letters, so that they are read and written like them."""
        made_up = dict.fromkeys(MADE_UP.findall(text))
        stand_ins = {name: _stand_in(name, number) for number, name in enumerate(made_up)}
        if any(stand_in.lower() in text.lower() for stand_in in stand_ins.values()):
            return cls(text, ())
        replaced = MADE_UP.sub(lambda found: stand_ins[found[0]], text)
        return cls(replaced, tuple((stand_in, name) for name, stand_in in stand_ins.items()))

    def restore(self, text: str) -> str:
        for stand_in, name in self.names:
            text = text.replace(stand_in, name)
        if any(stand_in.lower() in text.lower() for stand_in, _ in self.names):
            raise ValueError(f"A name was not only copied: {text}")
        return text


def _stand_in(name: str, number: int) -> str:
    return ("A" if name.isupper() else "a") + f"{number:0{len(name) - 1}d}"


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
    form = Form.of(sql)
    try:
        trees = _parsed_form(dialect, form.text)
        return [_renamed(tree.copy(), form) if tree else None for tree in trees] if form.names else trees
    except (SqlglotError, ValueError):
        # An error quotes the text, which must be the one that was sent.
        return _parse(dialect(), sql)


@lru_cache(TREES)
def _parsed_form(dialect: type[Dialect], text: str) -> list[Expr | None]:
    return _parse(dialect(), text)


def _renamed(tree: Expr, form: Form) -> Expr:
    for node in tree.walk():
        for key, value in node.args.items():
            if isinstance(value, str):
                node.set(key, form.restore(value))
        if node.comments:
            node.comments = [form.restore(comment) for comment in node.comments]
    return tree


def translate_once(_: SQLTranslator, sql: str, *, schema: Any = None, caller: Any = None) -> Any:
    """A translation follows from the text, the types of the columns and the caller's name alone."""
    form = Form.of(sql + BETWEEN + json.dumps(schema))
    try:
        return Ok(form.restore(_translated(form.text, caller)))
    except (DomainError, ValueError):
        return _translate(SQLTranslator(), sql, schema=schema, caller=caller)


@lru_cache(TRANSLATIONS)
def _translated(asked: str, caller: Any) -> str:
    sql, _, schema = asked.rpartition(BETWEEN)
    translated: str = _translate(SQLTranslator(), sql, schema=json.loads(schema), caller=caller).unwrap()
    return translated


def qualify_once(sql: str, project: str) -> str:
    """Where a table is follows from the text and the project's name alone."""
    form = Form.of(sql + BETWEEN + project)
    try:
        return form.restore(_qualified(form.text))
    except (DomainError, ValueError):
        return str(_qualify(sql, project))


@lru_cache(TRANSLATIONS)
def _qualified(asked: str) -> str:
    sql, _, project = asked.rpartition(BETWEEN)
    qualified: str = _qualify(sql, project)
    return qualified


def apply_patches() -> None:
    """Change bqemulator and its parser in this process. Idempotent."""
    dialect: Any = Dialect
    dialect.parse = parse_once
    SQLTranslator.translate = translate_once
    executor.rewrite_table_refs = interpreter.rewrite_table_refs = qualify_once
