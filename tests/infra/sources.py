"""The project's modules as syntax trees, and the texts that their names stand for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tools.cloud import REPOSITORY

PACKAGES = ("shared", "functions", "tools")


@cache
def modules() -> dict[str, ast.Module]:
    """Dotted name → tree."""
    paths = [path for package in PACKAGES for path in sorted((REPOSITORY / package).rglob("*.py"))]
    return {_name(path): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


@cache
def constants(module: str) -> dict[str, str]:
    """Every name for a text in a module: its own constants, those it imports, and `other_module.CONSTANT`."""
    found = {}
    for node in ast.walk(modules()[module]):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                here, other = alias.asname or alias.name, _own(f"{node.module}.{alias.name}")
                found |= {f"{here}.{name}": text for name, text in other.items()}
                if alias.name in _own(node.module):
                    found[here] = _own(node.module)[alias.name]
    return found | _own(module)


@cache
def _own(module: str) -> dict[str, str]:
    body = modules()[module].body if module in modules() else []
    return {
        target.id: value.value
        for node in body
        if isinstance(node, ast.Assign)
        for target, value in _assigned(node)
        if isinstance(target, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, str)
    }


def _assigned(node: ast.Assign) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Target and value, each of a tuple by itself."""
    for target in node.targets:
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            yield from zip(target.elts, node.value.elts, strict=True)
        else:
            yield target, node.value


def _name(path: Path) -> str:
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
