"""Reading a JSON body strictly: size, media type, UTF-8, one meaning per name."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import IO, Any, NoReturn

from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected

from shared.platform.errors import Invalid, TooLarge, WrongMediaType

MAX_BYTES = 64 * 1024
# A client that is still sending when we close never sees the answer: read on, up to what Cloud Run lets through.
DRAINED_BYTES = 32 * 1024 * 1024
# What a server's stream raises when the client goes away, or sends chunks that are none.
CUT_OFF = (OSError, ParseException, ClientDisconnected)


def read(stream: IO[bytes], content_type: str, content_length: int | None) -> bytes:
    """The raw body. Raises `TooLarge` over 64 KiB, `WrongMediaType` for anything but JSON."""
    if content_length is not None and content_length > MAX_BYTES:
        raise _too_large()
    try:
        raw = stream.read(MAX_BYTES + 1)
    except CUT_OFF:
        raise Invalid("The body ended early.", code="incomplete_body", field="body") from None
    if len(raw) > MAX_BYTES:
        raise _too_large()
    if raw and not _is_json(content_type):
        raise WrongMediaType("The body must be JSON: send Content-Type: application/json.", field="Content-Type")
    return raw


def parse(raw: bytes) -> dict[str, Any]:
    """The JSON object. Raises `Invalid` that says what is wrong and where, never showing the value."""
    if not raw.strip():
        return {}
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeError:
        raise _malformed("it is not valid UTF-8, or contains half a surrogate pair") from None
    except RecursionError:
        raise _malformed("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise _malformed(f"line {error.lineno}, column {error.colno}") from None
    except ValueError:
        raise _malformed("a number is too long") from None
    if not isinstance(value, dict):
        raise Invalid("The body must be a JSON object.", code="invalid_json", field="body")
    return value


def drain(stream: IO[bytes]) -> None:
    """Read on to the end of the body and keep nothing, so that the answer arrives; a client that is gone is none."""
    left = DRAINED_BYTES
    with suppress(*CUT_OFF):
        while left > 0 and (chunk := stream.read(min(left, MAX_BYTES))):
            left -= len(chunk)


def _is_json(content_type: str) -> bool:
    media = content_type.partition(";")[0].strip().lower()
    return media == "application/json" or (media.startswith("application/") and media.endswith("+json"))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            shown = name if name.isidentifier() and len(name) <= 64 else "a name"
            raise Invalid(f"{shown} appears twice in the body. Send it once.", code="duplicate_field", field=shown)
        found[name] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise Invalid(f"{name} is not JSON. Send a number.", code="invalid_json", field="body")


def _malformed(where: str) -> Invalid:
    return Invalid(f"The body is not valid JSON ({where}).", code="invalid_json", field="body")


def _too_large() -> TooLarge:
    return TooLarge(
        "The body is larger than 64 KiB.", field="body", maxBytes=MAX_BYTES, headers={"Connection": "close"}
    )
