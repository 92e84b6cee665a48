"""The OpenAPI document, from the declarations and their marshmallow schemas."""

from __future__ import annotations

from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields

from shared.platform.wire import CUSTOMER_ID, ErrorAnswer, Money, WireDate, WireTime
from shared.raffles.schemas import Prize, TicketQuantity
from shared.runtime.declare import SIGNED, Endpoint, path_parameters
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
    502: "A provider cannot be read.",
    503: "Temporarily unavailable.",
}


CUSTOMER, RAFFLE = "customer_id", "raffle_id"
EXAMPLES = {RAFFLE: "RAFFLE_01JZ3MVK5Q8Y7R2N4T6W9XBCDE"}
# Name → (meaning, pattern). What each answer carries is in `_headers_of`.
HEADERS = {
    "Age": ("Seconds since the value was last known to be right.", "^[0-9]+$"),
    "Cache-Status": ("RFC 9211: how the answer came about (docs/caching.md).", "^livhana; "),
    "ETag": ("Weak: of the value, not of the moment.", '^W/"[!-~]+"$'),
    "Allow": ("The methods that are allowed here.", r"^[A-Z]+(, [A-Z]+)*$"),
    "Idempotent-Replayed": ("`true`: this is the first answer to this Idempotency-Key again.", "^true$"),
    "RateLimit": (
        "IETF draft: requests that are left (`r`), seconds until there are more (`t`).",
        '^"[a-z_]+";r=[0-9]',
    ),
    "RateLimit-Policy": ("IETF draft: requests (`q`) in a window of seconds (`w`).", '^"[a-z_]+";q=[0-9]+;w=[0-9]+$'),
    "Retry-After": ("Seconds to wait.", "^[0-9]+$"),
    "WWW-Authenticate": ("How to sign in.", "^Bearer"),
    "X-Request-ID": ("The request's id: the one that was sent, or a new one.", "^[A-Za-z0-9._:-]{1,64}$"),
}


def document(functions: list[Declared], version: str) -> dict[str, Any]:
    """OpenAPI 3.0.3 of every endpoint."""
    marshmallow = MarshmallowPlugin()
    spec = APISpec("LivHana API", version, "3.0.3", plugins=[marshmallow], info={"description": _DESCRIPTION})
    _map_fields(marshmallow)
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    endpoints = [(f, f.declaration) for f in functions if isinstance(f.declaration, Endpoint)]
    for name in HEADERS:
        spec.components.header(name, _header_object(name, required=True))
    for function, declared in endpoints:
        spec.path(declared.path, operations={declared.method.lower(): _operation(function, declared)})
    found: dict[str, Any] = spec.to_dict()
    _link(found, endpoints)
    return _open_errors(found)


_DESCRIPTION = (
    "Every error has `success`, `error`, `code` and `requestId`. `HEAD` is answered wherever `GET` is, `OPTIONS` "
    "everywhere. Query parameters and fields that are not listed are refused."
)


def _map_fields(plugin: MarshmallowPlugin) -> None:
    assert plugin.converter is not None
    plugin.converter.map_to_openapi_type(WireTime, "string", "date-time")
    plugin.converter.map_to_openapi_type(WireDate, "string", "date")
    plugin.converter.map_to_openapi_type(Money, "number", None)
    # Its two types stand in its metadata.
    plugin.converter.map_to_openapi_type(Prize, None, None)
    plugin.converter.map_to_openapi_type(TicketQuantity, "integer", None)
    plugin.converter.add_attribute_function(_constant)


def _constant(_: Any, field: Any, **__: Any) -> dict[str, Any]:
    if not isinstance(field, fields.Constant):
        return {}
    if field.constant is None:
        return {"type": "string", "nullable": True, "enum": [None]}
    kinds = {bool: "boolean", str: "string"}
    return {"type": kinds[type(field.constant)], "enum": [field.constant]}


def _operation(function: Declared, declared: Endpoint) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": function.name,
        "tags": [function.domain],
        "summary": (function.handler.__doc__ or "").strip().splitlines()[0],
        "parameters": _parameters(declared),
        "responses": _responses(declared),
        "security": [{"bearer": []}] if declared.auth.roles else [],
    }
    if declared.auth == SIGNED:
        operation["description"] = "Who: the provider, by its signature over the raw body."
    if declared.auth.roles:
        operation["description"] = f"Who: {declared.auth.name}" + (
            " (customers: their own only)." * bool(declared.owner)
        )
    if declared.body:
        required = any(field.required for field in declared.body().fields.values())
        operation["requestBody"] = {"required": required, "content": {"application/json": {"schema": declared.body}}}
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
    return {"in": "path", "name": name, "required": True, "schema": schema, "example": EXAMPLES.get(name, "c-1")}


def _header(name: str, meaning: str) -> dict[str, Any]:
    pattern = {"pattern": "^[!-~]{1,128}$"} if name == "Idempotency-Key" else {}
    return {"in": "header", "name": name, "description": meaning, "schema": {"type": "string", **pattern}}


def _responses(declared: Endpoint) -> dict[str, Any]:
    statuses = {401, 403} if declared.auth.roles else {401}
    statuses |= {413, 415} if declared.body else set()
    statuses |= {409, 422} if declared.idempotent else set()
    errors: dict[int, type[Schema]] = dict.fromkeys(statuses | {400, 405, 429, 500, 503}, ErrorAnswer)
    both = {**errors, **declared.responds}
    found = {str(status): _response(status, schema, declared) for status, schema in sorted(both.items())}
    if declared.page:
        found["200"] = {
            "description": "A page.",
            "headers": _answer_headers(200, declared),
            "content": {"text/html": {"schema": {"type": "string"}}},
        }
    if declared.cached:
        found["304"] = {"description": "The caller has it already.", "headers": _answer_headers(304, declared)}
    return found


def _response(status: int, schema: type[Schema], declared: Endpoint) -> dict[str, Any]:
    described = (
        (schema.__doc__ or "").strip().splitlines()[0] if schema is not ErrorAnswer else _meaning(status, declared)
    )
    headers = _answer_headers(status, declared)
    return {"description": described, "headers": headers, "content": {"application/json": {"schema": schema}}}


def _meaning(status: int, declared: Endpoint) -> str:
    return "Not signed by the provider." if status == 401 and declared.auth == SIGNED else ERRORS[status]


def _answer_headers(status: int, declared: Endpoint) -> dict[str, Any]:
    return {name: _answer_header(name, required) for name, required in sorted(_headers_of(status, declared).items())}


def _headers_of(status: int, declared: Endpoint) -> dict[str, bool]:
    """Headers of an answer: name → whether it is always there."""
    found = {"X-Request-ID": True}
    if status == 405:
        found["Allow"] = True
    if status != 500:
        found |= {"RateLimit": True, "RateLimit-Policy": True}
    # A provider does not sign in.
    if status == 401 and declared.auth != SIGNED:
        found["WWW-Authenticate"] = True
    if status in (409, 429, 503):
        found["Retry-After"] = status == 429
    if declared.cached and status in (200, 304):
        found |= {"Age": True, "Cache-Status": True, "ETag": True}
    if declared.idempotent and status in (200, 201, 400, 402, 404):
        found["Idempotent-Replayed"] = False
    return found


def _answer_header(name: str, required: bool) -> dict[str, Any]:
    return {"$ref": f"#/components/headers/{name}"} if required else _header_object(name, required)


def _header_object(name: str, required: bool) -> dict[str, Any]:
    meaning, pattern = HEADERS[name]
    return {"description": meaning, "required": required, "schema": {"type": "string", "pattern": pattern}}


def _link(found: dict[str, Any], endpoints: list[tuple[Declared, Endpoint]]) -> None:
    """From each good answer about a customer to what else there is about the same customer."""
    about = [
        (function.name, declared) for function, declared in endpoints if CUSTOMER in path_parameters(declared.path)
    ]
    for function, declared in endpoints:
        source = _customer_of(declared)
        known = {CUSTOMER: source}
        if RAFFLE in path_parameters(declared.path):
            known[RAFFLE] = f"$request.path.{RAFFLE}"
        links = {
            name: {"operationId": name, "parameters": {part: known[part] for part in path_parameters(other.path)}}
            for name, other in about
            if name != function.name and known.keys() >= set(path_parameters(other.path))
        }
        if source and links:
            good = next(str(status) for status in sorted(declared.responds) if status < 300)
            found["paths"][declared.path][declared.method.lower()]["responses"][good]["links"] = links


def _customer_of(declared: Endpoint) -> str:
    """Where the request names its customer, as a runtime expression; empty where it does not."""
    if CUSTOMER in path_parameters(declared.path):
        return f"$request.path.{CUSTOMER}"
    in_body = declared.body and CUSTOMER in declared.body().fields
    return "$request.body#/customerId" if in_body else ""


def _open_errors(found: dict[str, Any]) -> dict[str, Any]:
    """Requests and good answers hold what is listed and nothing else; errors may carry fields of their own."""
    errors: list[type[Schema]] = [ErrorAnswer, *ErrorAnswer.__subclasses__()]
    for kind in errors:
        found["components"]["schemas"].get(kind.__name__, {}).pop("additionalProperties", None)
    return found
