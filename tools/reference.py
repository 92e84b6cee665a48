"""The tables of docs/ that follow from the code."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields

from shared.platform.settings import Settings
from shared.runtime.declare import Endpoint
from shared.runtime.manifest import Declared

ROUTES = ("route", "who", "function", "what")
SETTINGS = ("variable", "default", "meaning")


def routes(functions: list[Declared]) -> list[tuple[str, ...]]:
    """One row for each endpoint, by path."""
    found = [(f, f.declaration) for f in functions if isinstance(f.declaration, Endpoint)]
    return [
        (
            f"`{declared.method} {declared.path}`",
            declared.auth.name,
            f"`{function.deployed_name}`",
            (function.handler.__doc__ or "").strip().splitlines()[0],
        )
        for function, declared in sorted(found, key=lambda pair: (pair[1].path, pair[1].method))
    ]


def settings() -> list[tuple[str, ...]]:
    """One row for each setting, as declared."""
    return [
        (f"`{f.metadata['env']}`", _default(f.default, f.metadata["secret"]), f.metadata["doc"])
        for f in fields(Settings)
    ]


def with_table(page: str, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """The page with these rows in the table that has this header. Raises ValueError where there is no such table."""
    lines = page.splitlines()
    start = lines.index(_line(header)) + 2
    end = next((n for n in range(start, len(lines)) if not lines[n].startswith("|")), len(lines))
    return "\n".join([*lines[:start], *map(_line, rows), *lines[end:]]) + "\n"


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |".replace("|  |", "| |")


def _default(value: object, secret: bool) -> str:
    if secret:
        return "secret"
    return f"`{value}`" if value != "" else ""
