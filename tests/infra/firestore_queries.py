"""Every Firestore query that a module makes, read from its source: calls are followed, nothing is run.

A query is what begins with `.collection(...)` and ends with `.stream()`, `.get()` or an aggregation. It may be kept in
a variable of the function that begins it. What cannot be followed raises `NotUnderstood`: write it more plainly.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from tests.infra.flow import NONE, STATEMENTS, Held, Queries, branches_of, either, taken
from tests.infra.index_rules import ASCENDING, DESCENDING, Query

ENDS = {"stream", "get", "on_snapshot", "list_documents"}
NARROWS = {"limit", "limit_to_last", "start_after", "start_at", "end_before", "end_at", "select"}
# In these a query is looked at or ended, and goes nowhere.
UNTOUCHED = (ast.Compare, ast.comprehension, ast.withitem)
# Turns of a loop after which nothing new comes, or something new with every turn.
ROUNDS = 4


class NotUnderstood(Exception):
    """A query that cannot be read from the source. The text names the line."""


class Module:
    """`constants`: what names of the module stand for, imported ones included."""

    def __init__(self, tree: ast.Module, constants: Mapping[str, str]) -> None:
        self._constants = constants
        functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
        self._filters = {f.name: f for f in functions if _makes_filter(f)}
        self.found: set[Query] = set()
        for function in functions:
            _Function(self, function).follow()

    def text(self, node: ast.expr, given: Mapping[str, str] | None = None) -> str:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        name = ast.unparse(node)
        found = (given or {}).get(name) or self._constants.get(name)
        if found is None:
            raise NotUnderstood(f"line {node.lineno}: {name} is no constant text")
        return found

    def filter(self, call: ast.Call) -> tuple[str, str]:
        """(field, operator) of `FieldFilter(...)`, or of a function of this module that returns one."""
        name = ast.unparse(call.func).rpartition(".")[2]
        if name == "FieldFilter":
            return self.text(call.args[0]), self.text(call.args[1])
        maker = self._filters.get(name)
        if maker is None:
            raise NotUnderstood(f"line {call.lineno}: {name} makes no filter that can be read")
        given = {
            parameter.arg: value.value
            for parameter, value in zip(maker.args.args, call.args, strict=False)
            if isinstance(value, ast.Constant) and isinstance(value.value, str)
        }
        made = next(n for n in ast.walk(maker) if isinstance(n, ast.Call) and ast.unparse(n.func) == "FieldFilter")
        return self.text(made.args[0], given), self.text(made.args[1], given)


class _Function:
    """Goes through one function's statements in order, knowing which variable holds which queries."""

    def __init__(self, module: Module, function: ast.FunctionDef) -> None:
        self._module = module
        self._body = function.body
        self._held: Held = {}

    def follow(self) -> None:
        self._statements(self._body)

    def _statements(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            if isinstance(statement, ast.Assign | ast.AnnAssign):
                self._assign(statement)
            elif isinstance(statement, STATEMENTS):
                self._branches(statement)
            elif isinstance(statement, ast.FunctionDef | ast.ClassDef):
                for name in (n for n in ast.walk(statement) if isinstance(n, ast.Name)):
                    self._refuse(self._visit(name), statement)
            else:
                for child in ast.iter_child_nodes(statement):
                    self._refuse(self._visit(child), statement)

    def _assign(self, statement: ast.Assign | ast.AnnAssign) -> None:
        queries = self._visit(statement.value) if statement.value else NONE
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for target in targets:
            if isinstance(target, ast.Name):
                self._held[target.id] = queries
            elif queries and not isinstance(target, ast.Tuple):
                self._refuse(queries, statement)

    def _branches(self, statement: ast.stmt) -> None:
        """Every branch from the same start, loops until nothing is new; afterwards a variable holds any of them."""
        for name, value in ast.iter_fields(statement):
            if name not in ("body", "orelse", "finalbody", "handlers"):
                for node in value if isinstance(value, list) else [value]:
                    if isinstance(node, ast.AST):
                        self._refuse(self._visit(node), statement)
        loops = isinstance(statement, ast.For | ast.While)
        for _ in range(ROUNDS if loops else 1):
            start = self._held
            self._held = either([*self._outcomes(statement, start), *([] if taken(statement) else [start])])
            if self._held == start:
                return
        if loops:
            raise NotUnderstood(f"line {statement.lineno}: a query that grows with each turn of the loop")

    def _outcomes(self, statement: ast.stmt, start: Held) -> Iterator[Held]:
        """What variables hold after each branch. In a `try` each part may follow the one before it."""
        for branch in branches_of(statement):
            self._held = dict(start)
            self._statements(branch)
            yield self._held
            if isinstance(statement, ast.Try):
                start = either([start, self._held])

    def _visit(self, node: ast.AST) -> Queries:
        """The queries that an expression is; whatever ends inside it is found."""
        if isinstance(node, ast.Name):
            return self._held.get(node.id, NONE)
        if isinstance(node, ast.IfExp):
            self._visit(node.test)
            return self._visit(node.body) | self._visit(node.orelse)
        if isinstance(node, ast.BoolOp):
            return NONE.union(*(self._visit(value) for value in node.values))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            return self._call(node, node.func)
        for child in ast.iter_child_nodes(node):
            queries = self._visit(child)
            if not isinstance(node, UNTOUCHED):
                self._refuse(queries, node)
        return NONE

    def _call(self, call: ast.Call, function: ast.Attribute) -> Queries:
        for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
            self._refuse(self._visit(argument), call)
        if function.attr == "collection":
            return frozenset({Query(self._module.text(call.args[0]))})
        if function.attr == "collection_group":
            raise NotUnderstood(
                f"line {call.lineno}: infra/firestore.json has no word for indexes over collection groups"
            )
        queries = self._visit(function.value)
        return NONE.union(*(self._next(query, call, function.attr) for query in queries))

    def _next(self, query: Query, call: ast.Call, method: str) -> Queries:
        steps: dict[str, Callable[[Query, ast.Call], Query]] = {
            "where": self._where,
            "order_by": self._order,
            "sum": self._sum,
            "avg": self._sum,
        }
        if method in steps:
            return frozenset({steps[method](query, call)})
        if method in NARROWS or method == "count":
            return frozenset({query})
        if method in ENDS:
            self._module.found.add(query)
            return NONE
        if method in ("document", "add"):
            return NONE
        raise NotUnderstood(f"line {call.lineno}: .{method}() on a query")

    def _where(self, query: Query, call: ast.Call) -> Query:
        values = {keyword.arg: keyword.value for keyword in call.keywords}
        condition = values.get("filter")
        if not isinstance(condition, ast.Call):
            raise NotUnderstood(f"line {call.lineno}: write .where(filter=FieldFilter(field, operator, value))")
        try:
            return query.where(*self._module.filter(condition))
        except ValueError as error:
            raise NotUnderstood(f"line {call.lineno}: {error}") from None

    def _order(self, query: Query, call: ast.Call) -> Query:
        given = [keyword.value for keyword in call.keywords if keyword.arg == "direction"] + call.args[1:]
        direction = ast.unparse(given[0]).rpartition(".")[2].strip("'\"") if given else ASCENDING
        if direction not in (ASCENDING, DESCENDING):
            raise NotUnderstood(f"line {call.lineno}: direction {direction}")
        return query.order_by(self._module.text(call.args[0]), direction)

    def _sum(self, query: Query, call: ast.Call) -> Query:
        return replace(query, summed=query.summed | {self._module.text(call.args[0])})

    def _refuse(self, queries: Queries, node: ast.AST) -> None:
        if queries:
            line = getattr(node, "lineno", "?")
            raise NotUnderstood(f"line {line}: a query leaves the function that begins it; end it there with .stream()")


def _makes_filter(function: ast.FunctionDef) -> bool:
    calls = [n for n in ast.walk(function) if isinstance(n, ast.Return) and isinstance(n.value, ast.Call)]
    return any(ast.unparse(call.value.func) == "FieldFilter" for call in calls if isinstance(call.value, ast.Call))
