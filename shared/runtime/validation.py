"""From marshmallow's errors to the one sentence and field that the caller gets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from marshmallow import RAISE, ValidationError

from shared.platform.errors import Invalid

if TYPE_CHECKING:
    from marshmallow import Schema


@cache
def schema(kind: type[Schema]) -> Schema:
    """One instance per schema class: making one costs about a millisecond."""
    return kind(unknown=RAISE)


def load_body(kind: type[Schema], value: Mapping[str, Any]) -> dict[str, Any]:
    """The validated body. Raises `Invalid` naming what is missing, else the first field that is wrong."""
    _refuse_missing(kind, value, "Missing required fields")
    return _load(kind, value)


def load_query(kind: type[Schema] | None, value: Mapping[str, str]) -> dict[str, Any]:
    """The validated query string. Raises `Invalid` as `load_body`."""
    if kind is None:
        if value:
            raise _unknown(next(iter(value)))
        return {}
    unknown = next((name for name in value if name not in _wire_names(kind)), None)
    if unknown is not None:
        raise _unknown(unknown)
    _refuse_missing(kind, value, "Missing query parameters")
    return _load(kind, value)


def _refuse_missing(kind: type[Schema], value: Mapping[str, Any], said: str) -> None:
    missing = [name for name in _required(kind) if _blank(value.get(name))]
    if missing:
        sentence = getattr(kind, "SOLE_MISSING", {}).get(tuple(missing))
        raise Invalid(
            sentence or f"{said}: {', '.join(missing)}", code="missing_fields", missing=missing, field=missing[0]
        )


def _load(kind: type[Schema], value: Mapping[str, Any]) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = schema(kind).load(value)
    except ValidationError as error:
        raise _first(kind, error.messages) from None
    return loaded


def _first(kind: type[Schema], messages: Any) -> Invalid:
    order = list(_wire_names(kind))
    name = min(messages, key=lambda n: order.index(n) if n in order else -1)
    if name not in order:
        return _unknown(name)
    path, sentence = _leaf(name, messages[name])
    return Invalid(f"{path}: {sentence}", code="invalid_field", field=path)


def _leaf(path: str, message: Any) -> tuple[str, str]:
    while isinstance(message, dict):
        name, message = next(iter(message.items()))
        # marshmallow's own name for the object itself
        path = path if name == "_schema" else f"{path}.{name}"
    return path, str(message[0] if isinstance(message, list) else message)


def _unknown(name: str) -> Invalid:
    shown = name if name.isidentifier() and len(name) <= 64 else "an unknown field"
    return Invalid(f"{shown} is not a field of this request. Remove it.", code="unknown_field", field=shown)


def _required(kind: type[Schema]) -> Iterator[str]:
    return (f.data_key or name for name, f in schema(kind).fields.items() if f.required)


def _wire_names(kind: type[Schema]) -> Iterator[str]:
    return (f.data_key or name for name, f in schema(kind).fields.items())


def _blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
