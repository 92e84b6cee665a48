"""What a function's code needs, read from the modules that it can reach by imports, lazy ones included."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from typing import Any

import grimp

from shared.platform.settings import Settings
from shared.runtime import manifest
from shared.runtime.declare import DEAD_LETTERS
from tests.infra import sources
from tools.cloud import INFRA, REPOSITORY

SECRETS = {f.name: f.metadata["env"] for f in fields(Settings) if f.metadata["secret"]}
# What serves a function; runtime/serve.py chooses between them by the declaration.
ROOTS = {"http": "shared.runtime.http", "subscriber": "shared.runtime.messages", "job": "shared.runtime.messages"}
CONTEXT = "shared.platform.context"
# Whoever names a customer, or keeps an answer, needs the key that the context holds.
HASH_KEY, HASHES = "CUSTOMER_HASH_KEY", {"customer_hash", "idempotency"}
TOPIC = re.compile(r"(?:[A-Z]+_)*TOPIC")
# shared/platform/bigquery.py: a load job.
LOADS = "bigquery.load"
READS = re.compile(r"\b(?:FROM|JOIN)\s+`(\w+\.\w+)`")


def heard() -> set[str]:
    return manifest.heard(manifest.declared_functions())


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph("functions", "shared", exclude_type_checking_imports=True, cache_dir=None)


def reachable(entry: dict[str, Any]) -> dict[str, ast.Module]:
    """Module → tree, of the function's module, of what serves it, and of all that they import."""
    own = "functions." + entry["entryPoint"].replace("_", ".", 1)
    roots = {own, ROOTS[entry["kind"]]}
    names = roots.union(*(_graph().find_upstream_modules(root) for root in roots))
    return {name: sources.modules()[name] for name in names}


def secrets(entry: dict[str, Any]) -> set[str]:
    """`settings.<secret>` and `.require("<SECRET>")`, whether the function can do without it or not."""
    return {secret for name in reachable(entry) if name != CONTEXT for secret in _secrets_of(name)}


def publishes(entry: dict[str, Any]) -> set[str]:
    """TOPIC and ..._TOPIC of each module that makes messages; every topic of the project for who relays the outbox.

    Who publishes again what was given up may do so to every topic that somebody listens to but the one for it.
    """
    trees = reachable(entry)
    if any(_calls(tree, "carry_out") for name, tree in trees.items() if name.startswith("functions.")):
        return heard() - {DEAD_LETTERS}
    relays = any(_calls(tree, "relay") for name, tree in trees.items() if name.startswith("functions."))
    names = sources.modules() if relays else trees
    return {text for name in names for key, text in sources.constants(name).items() if TOPIC.fullmatch(key)}


def reads(entry: dict[str, Any]) -> set[str]:
    """Tables in a FROM or JOIN of a text in the code or of a .sql file that the code names."""
    return {table for text in _texts(entry) for table in READS.findall(text)}


def writes(entry: dict[str, Any]) -> set[str]:
    """Who stages writes the tables of all streams; else who inserts by infra/schemas those that record events."""
    if stages(entry):
        return {table for name in reachable(entry) for table in _streams_of(name)}
    inserts = any(re.search(r"\bINSERT\b", text) for text in _texts(entry))
    by_schema = any('/ "schemas"' in _unparsed(name) for name in reachable(entry))
    return set(_recorded()) if inserts and by_schema else set()


def stages(entry: dict[str, Any]) -> bool:
    """Whether rows are loaded into tables that the code makes."""
    return any(_loads(name) for name in reachable(entry))


# What one module holds is read once: most functions can reach most of them.


@cache
def _secrets_of(name: str) -> set[str]:
    constants = sources.constants(name)
    return {secret for node in ast.walk(sources.modules()[name]) for secret in _secrets(node, constants)}


@cache
def _unparsed(name: str) -> str:
    return ast.unparse(sources.modules()[name]).replace("'", '"')


@cache
def _loads(name: str) -> bool:
    nodes = ast.walk(sources.modules()[name])
    return any(isinstance(n, ast.Call) and ast.unparse(n.func) == LOADS for n in nodes)


@cache
def _streams_of(name: str) -> set[str]:
    """`table=` of each `Stream(...)`."""
    nodes = ast.walk(sources.modules()[name])
    calls = [n for n in nodes if isinstance(n, ast.Call) and _last(n.func) == "Stream"]
    tables = [given.value for call in calls for given in call.keywords if given.arg == "table"]
    return {_text(table, sources.constants(name)) for table in tables}


@cache
def _texts_of(name: str) -> set[str]:
    """Texts in the code, and in the .sql files that it names."""
    nodes = ast.walk(sources.modules()[name])
    found = {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    folder = (REPOSITORY / name.replace(".", "/")).parent
    files = [path for text in found if text.endswith(".sql") for path in folder.rglob(text)]
    return found.union(path.read_text() for path in files)


def _recorded() -> Iterator[str]:
    for path in sorted((INFRA / "schemas").glob("*.json")):
        if json.loads(path.read_text()).get("events"):
            yield path.stem


def _texts(entry: dict[str, Any]) -> Iterator[str]:
    for name in reachable(entry):
        yield from _texts_of(name)


def _secrets(node: ast.AST, constants: dict[str, str]) -> Iterator[str]:
    if isinstance(node, ast.Attribute):
        of = _last(node.value)
        # `attempt.customer_hash` is a field of an attempt, `platform.customer_hash` makes one.
        if of == "platform" and node.attr in HASHES:
            yield HASH_KEY
        if of == "settings" and node.attr in SECRETS:
            yield SECRETS[node.attr]
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("settings.require"):
        yield _text(node.args[0], constants)


def _text(node: ast.expr, constants: dict[str, str]) -> str:
    """Raises KeyError for what is no constant: then it cannot be seen which secret the code wants."""
    return str(node.value) if isinstance(node, ast.Constant) else constants[ast.unparse(node)]


def _last(node: ast.expr) -> str:
    return ast.unparse(node).rpartition(".")[2].lstrip("_")


def _calls(tree: ast.Module, method: str) -> bool:
    calls = [n.func for n in ast.walk(tree) if isinstance(n, ast.Call)]
    return any(isinstance(called, ast.Attribute) and called.attr == method for called in calls)
