"""The names of our fields: `period_end` in the code and in tables, `periodEnd` in documents and events."""

from __future__ import annotations

import re


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def snake(name: str) -> str:
    """The opposite of `camel`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
