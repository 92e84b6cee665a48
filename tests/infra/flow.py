"""What a function's variables may hold after a statement with branches."""

from __future__ import annotations

import ast

from tests.infra.index_rules import Query

STATEMENTS = (ast.If, ast.For, ast.While, ast.With, ast.Try)
Queries = frozenset[Query]
NONE: Queries = frozenset()
# Variable → what it may hold.
Held = dict[str, Queries]


def either(outcomes: list[Held]) -> Held:
    names = {name for held in outcomes for name in held}
    return {name: NONE.union(*(held.get(name, NONE) for held in outcomes)) for name in names}


def taken(statement: ast.stmt) -> bool:
    """Whether one of its branches runs in any case."""
    return isinstance(statement, ast.With) or (isinstance(statement, ast.If) and bool(statement.orelse))


def branches_of(statement: ast.stmt) -> list[list[ast.stmt]]:
    handlers = [handler.body for handler in getattr(statement, "handlers", [])]
    bodies = [getattr(statement, name, []) for name in ("body", "orelse", "finalbody")]
    return [branch for branch in (*bodies, *handlers) if branch]
