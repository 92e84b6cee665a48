"""Square's error bodies, and reading parameters as strictly as Square does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NoReturn

from local.simulators.messages import Answer, Refused, Request
from local.simulators.square_shop import milliseconds
from local.simulators.traps import Strike

INVALID_REQUEST = "INVALID_REQUEST_ERROR"
HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
# kind or status → status, category, code, detail
KNOWN: Mapping[str | int, tuple[int, str, str, str]] = {
    "unauthorized": (401, "AUTHENTICATION_ERROR", "UNAUTHORIZED", "This request could not be authorized."),
    "forbidden": (403, "AUTHENTICATION_ERROR", "INSUFFICIENT_SCOPES", "The token lacks a scope for this endpoint."),
    "not_found": (404, INVALID_REQUEST, "NOT_FOUND", "Resource not found."),
    "unknown_path": (404, INVALID_REQUEST, "NOT_FOUND", "Resource not found."),
    "wrong_method": (405, INVALID_REQUEST, "METHOD_NOT_ALLOWED", "Method Not Allowed"),
    "rate_limited": (429, "RATE_LIMIT_ERROR", "RATE_LIMITED", "Too many requests."),
    500: (500, "API_ERROR", "INTERNAL_SERVER_ERROR", "An internal error has occurred."),
    503: (503, "API_ERROR", "SERVICE_UNAVAILABLE", "Service unavailable."),
    504: (504, "API_ERROR", "GATEWAY_TIMEOUT", "Gateway timeout."),
}


def error(status: int, category: str, code: str, detail: str, field: str = "") -> Answer:
    found = {"category": category, "code": code, "detail": detail, **({"field": field} if field else {})}
    return Answer.json(status, {"errors": [found]})


def refusal(strike: Strike) -> Answer:
    if strike.status == 502:
        return Answer(502, HTML, content_type="text/html")
    answer = error(*KNOWN[strike.status or strike.kind])
    if strike.retry_after is not None:
        answer.headers["Retry-After"] = str(strike.retry_after)
    return answer


def refuse(code: str, detail: str, field: str = "") -> NoReturn:
    """400."""
    raise Refused(error(400, INVALID_REQUEST, code, detail, field))


def no_such(kind: str, record_id: str) -> NoReturn:
    raise Refused(error(404, INVALID_REQUEST, "NOT_FOUND", f"Could not find {kind} with id: {record_id}"))


def query(request: Request, allowed: Iterable[str]) -> dict[str, str]:
    """The parameters, each known and given once."""
    names = [name for name, _ in request.query]
    for name in names:
        if name not in allowed:
            refuse("UNKNOWN_QUERY_PARAMETER", f"Unknown query parameter `{name}`.", name)
        if names.count(name) > 1:
            refuse("INVALID_VALUE", f"`{name}` is given more than once.", name)
    return {name: value for name, value in request.query if value}


def body(request: Request, allowed: Iterable[str]) -> dict[str, Any]:
    """The JSON object, with known fields only."""
    try:
        found = request.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        refuse("BAD_REQUEST", "The request body is no JSON object.")
    return known(found, allowed)


def known(value: Any, allowed: Iterable[str], field: str = "") -> dict[str, Any]:
    """An object of a body, with known fields only; an empty one for None."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        refuse("EXPECTED_OBJECT", f"Expected an object for `{field}`.", field)
    for name in value:
        if name not in allowed:
            refuse(
                "UNKNOWN_BODY_PARAMETER", f"The field named '{name}' is unrecognized.", f"{field}.{name}".lstrip(".")
            )
    return value


def texts(value: Any, field: str, most: int, *, required: bool = False) -> list[str]:
    """A list of texts; empty for None."""
    if value is None and not required:
        return []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        refuse("EXPECTED_ARRAY", f"Expected an array of strings for `{field}`.", field)
    if len(value) > most or (required and not value):
        refuse("ARRAY_LENGTH_TOO_LONG" if value else "ARRAY_EMPTY", f"`{field}` takes 1 to {most} values.", field)
    return value


def choice(value: Any, field: str, choices: Iterable[str], otherwise: str, code: str = "INVALID_ENUM_VALUE") -> str:
    if value is None:
        return otherwise
    if value not in choices:
        refuse(code, f"`{value}` is not a valid enum value for `{field}`.", field)
    return str(value)


def moment(value: Any, field: str, *, after: bool = False) -> int | None:
    """Milliseconds of an RFC 3339 time, for `>=` and `<`; with `after` for `>`. None without one."""
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        found = None
    if found is None or found.tzinfo is None:
        refuse("INVALID_TIME", f"`{value}` is not a valid RFC 3339 time for `{field}`.", field)
    below = milliseconds(found)
    return below if after or found.microsecond % 1000 == 0 else below + 1


def span(given: Mapping[str, Any], start: str, end: str) -> tuple[int | None, int | None]:
    """[start, end) of two named times, each of which may be missing."""
    found = moment(given.get(start), start), moment(given.get(end), end)
    if found[0] is not None and found[1] is not None and found[0] > found[1]:
        refuse("INVALID_TIME_RANGE", f"`{start}` is after `{end}`.", start)
    return found


def whole(value: Any, field: str) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        refuse("EXPECTED_INTEGER", f"`{field}` is no integer.", field)


def limit(value: Any, most: int, *, beyond_is_refused: bool = False) -> int:
    """A page's size; by default it is `most`, and so it is when more is asked for."""
    if value is None:
        return most
    found = whole(value, "limit")
    if found < 1:
        refuse("VALUE_TOO_LOW", "`limit` must be at least 1.", "limit")
    if found > most and beyond_is_refused:
        refuse("VALUE_TOO_HIGH", f"`limit` must be at most {most}.", "limit")
    return min(found, most)
