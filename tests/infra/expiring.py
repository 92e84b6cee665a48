"""Which collections are given a time at which Firestore may delete their documents, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Collection

from tests.infra.firestore_queries import NotUnderstood

EXPIRY = "expireAt"


def collections_of(tree: ast.Module, constants: dict[str, str]) -> set[str]:
    """Every collection that the module names in `.collection(...)`."""
    return {collection for node in ast.walk(tree) for collection in _named(node, constants)}


def makers_of(tree: ast.Module) -> set[str]:
    """Functions of a module that make documents with a time of expiry."""
    return {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and _expires(n)}


def expiring(tree: ast.Module, constants: dict[str, str], imported: Collection[str] = ()) -> set[str]:
    """Of a module with one collection: that one. Of others: those whose reference is in one call with the document.

    The document stands in the call, in a variable of the same function, or is what a function of the module returns, or
    one of those that are `imported`.
    """
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    makers = makers_of(tree).union(imported)
    known = collections_of(tree, constants)
    if not makers or len(known) == 1:
        return known if makers else set()
    references = {f.name: collections_of(ast.Module(f.body, []), constants) for f in functions}
    found: set[str] = set()
    for function in functions:
        held = {
            t.id
            for a in ast.walk(function)
            if isinstance(a, ast.Assign) and _expires(a)
            for t in a.targets
            if isinstance(t, ast.Name)
        }
        for call in (n for n in ast.walk(function) if isinstance(n, ast.Call)):
            if any(_is_document(argument, held, makers) for argument in call.args):
                found |= {c for argument in call.args for c in _referred(argument, references, constants)}
    if not found:
        raise NotUnderstood(f"{', '.join(sorted(makers))}: which collection gets {EXPIRY} cannot be read")
    return found


def _is_document(argument: ast.expr, held: set[str], makers: set[str]) -> bool:
    if isinstance(argument, ast.Name):
        return argument.id in held
    if isinstance(argument, ast.Call):
        return ast.unparse(argument.func).rpartition(".")[2] in makers
    return isinstance(argument, ast.Dict) and _expires(argument)


def _referred(argument: ast.expr, references: dict[str, set[str]], constants: dict[str, str]) -> set[str]:
    if not isinstance(argument, ast.Call):
        return set()
    return references.get(ast.unparse(argument.func).rpartition(".")[2], set()) | _inside(argument, constants)


def _inside(node: ast.AST, constants: dict[str, str]) -> set[str]:
    return {collection for inner in ast.walk(node) for collection in _named(inner, constants)}


def _named(node: ast.AST, constants: dict[str, str]) -> set[str]:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "collection"):
        return set()
    name = node.args[0]
    text = name.value if isinstance(name, ast.Constant) else constants.get(ast.unparse(name))
    if text is None:
        raise NotUnderstood(f"line {node.lineno}: which collection is {ast.unparse(name)}?")
    return {str(text)}


def _expires(node: ast.AST) -> bool:
    dicts = [n for n in ast.walk(node) if isinstance(n, ast.Dict)]
    return any(isinstance(key, ast.Constant) and key.value == EXPIRY for found in dicts for key in found.keys)
