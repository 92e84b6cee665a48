"""Reading the bodies of Square's control API. Everything raises `Wrong` with a sentence."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from local.simulators.messages import Request, Wrong
from local.simulators.square_shop import milliseconds
from shared.platform.clock import parse_wire_time


def values(request: Request, known: Collection[str]) -> dict[str, Any]:
    found = request.object()
    for name in found:
        if name not in known:
            raise Wrong(f"There is no '{name}' here. Names: {', '.join(sorted(known))}.")
    return found


def one_of(value: Any, choices: Sequence[str]) -> str:
    if value not in choices:
        raise Wrong(f"'{value}' is none of {', '.join(dict.fromkeys(choices))}.")
    return str(value)


def cents(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise Wrong(f"'{value}' is no whole number of cents.")
    return value


def moment(value: Any) -> int | None:
    """Milliseconds; None for None."""
    if value is None:
        return None
    try:
        return milliseconds(parse_wire_time(str(value)))
    except (ValueError, TypeError):
        raise Wrong(f"'{value}' is no RFC 3339 time.") from None
