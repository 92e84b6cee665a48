"""The OpenAPI document, from the declarations and their marshmallow schemas."""

from __future__ import annotations

from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields

from shared.platform.wire import CUSTOMER_ID, ErrorAnswer, WireDate, WireTime
from shared.runtime.declare import Endpoint, path_parameters
from shared.runtime.json_body import MAX_BYTES
from shared.runtime.manifest import Declared

ERRORS = {
    400: "A field or the body is wrong.",
    401: "No valid token.",
    403: "Not this caller's.",
    405: "The method is not allowed here.",
    409: "The first request with this Idempotency-Key is still running.",
    413: f"The body is larger than {MAX_BYTES // 1024} KiB.",
    415: "The body is not JSON.",
    422: "This Idempotency-Key was used with another body.",
    429: "Too many requests.",
    500: "Something went wrong on our side.",
    503: "Temporarily unavailable.",
}


def document(functions: list[Declared], version: str) -> dict[str, Any]:
    """OpenAPI 3.0.3 of every endpoint."""
    marshmallow = MarshmallowPlugin()
    spec = APISpec("LivHana API", version, "3.0.3", plugins=[marshmallow], info={"description": _DESCRIPTION})
    _map_fields(marshmallow)
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    for function in functions:
        declared = function.declaration
        if isinstance(declared, Endpoint):
            spec.path(declared.path, operations={declared.method.lower(): _operation(function, declared)})
    found: dict[str, Any] = spec.to_dict()
    return _open_errors(found)


_DESCRIPTION = (
    "Every error has `success`, `error`, `code` and `requestId`. Every answer carries `X-Request-ID`, `RateLimit` and "
    "`RateLimit-Policy`."
)


def _map_fields(plugin: MarshmallowPlugin) -> None:
    assert plugin.converter is not None
    plugin.converter.map_to_openapi_type(WireTime, "string", "date-time")
    plugin.converter.map_to_openapi_type(WireDate, "string", "date")
    plugin.converter.add_attribute_function(_constant)


def _constant(_: Any, field: Any, **__: Any) -> dict[str, Any]:
    if not isinstance(field, fields.Constant):
        return {}
    kinds = {bool: "boolean", str: "string"}
    return {"type": kinds.get(type(field.constant), "string"), "enum": [field.constant]}


def _operation(function: Declared, declared: Endpoint) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": function.name,
        "tags": [function.domain],
        "summary": (function.handler.__doc__ or "").strip().splitlines()[0],
        "parameters": _parameters(declared),
        "responses": _responses(declared),
        "security": [{"bearer": []}] if declared.auth.roles else [],
    }
    if declared.auth.roles:
        operation["description"] = f"Who: {declared.auth.name}" + (
            " (customers: their own only)." * bool(declared.owner)
        )
    if declared.body:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": declared.body}}}
    return operation


def _parameters(declared: Endpoint) -> list[Any]:
    found: list[Any] = [_path_parameter(name) for name in path_parameters(declared.path)]
    if declared.query:
        found.append({"in": "query", "schema": declared.query})
    found += [_header(name, meaning) for name, meaning in declared.headers.items()]
    if declared.idempotent:
        found.append(_header("Idempotency-Key", "The same key with the same body gets the first answer for 24 hours."))
    return found


def _path_parameter(name: str) -> dict[str, Any]:
    schema = {"type": "string", "pattern": CUSTOMER_ID, "minLength": 1, "maxLength": 128}
    return {"in": "path", "name": name, "required": True, "schema": schema, "example": "c-1"}


def _header(name: str, meaning: str) -> dict[str, Any]:
    pattern = {"pattern": "^[!-~]{1,128}$"} if name == "Idempotency-Key" else {}
    return {"in": "header", "name": name, "description": meaning, "schema": {"type": "string", **pattern}}


def _responses(declared: Endpoint) -> dict[str, Any]:
    statuses = {401, 403} if declared.auth.roles else {401}
    statuses |= {413, 415} if declared.body else set()
    statuses |= {409, 422} if declared.idempotent else set()
    errors: dict[int, type[Schema]] = dict.fromkeys(statuses | {400, 405, 429, 500, 503}, ErrorAnswer)
    both = {**errors, **declared.responds}
    return {str(status): _response(status, schema) for status, schema in sorted(both.items())}


def _response(status: int, schema: type[Schema]) -> dict[str, Any]:
    described = (schema.__doc__ or "").strip().splitlines()[0] if schema is not ErrorAnswer else ERRORS[status]
    return {"description": described, "content": {"application/json": {"schema": schema}}}


def _open_errors(found: dict[str, Any]) -> dict[str, Any]:
    """Requests and good answers hold what is listed and nothing else; errors may carry fields of their own."""
    errors: list[type[Schema]] = [ErrorAnswer, *ErrorAnswer.__subclasses__()]
    for kind in errors:
        found["components"]["schemas"].get(kind.__name__, {}).pop("additionalProperties", None)
    return found
