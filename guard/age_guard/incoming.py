"""Checks on what a caller hands in before any of it becomes part of a request to the service."""

import re

from age_guard.errors import InvalidCustomerId, UnableToVerifyAge

_CUSTOMER_ID = re.compile(r"[A-Za-z0-9._:@-]{1,128}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
# They fit the pattern, but a URL library resolves them as path segments: another route would be asked.
_DOT_SEGMENTS = {".", ".."}

_FORMAT = 'customerId must be 1 to 128 letters, digits, ".", "_", ":", "@" or "-"'
_MESSAGE = "Send the id of the customer who places the order as customerId."


def checked_customer_id(value: object) -> str:
    """The id itself when it is well-formed; raises ``InvalidCustomerId`` otherwise."""
    if value is None or value == "":
        raise InvalidCustomerId("customerId is required", code="customer_id_required", message=_MESSAGE)
    if not isinstance(value, str) or not _CUSTOMER_ID.fullmatch(value) or value in _DOT_SEGMENTS:
        raise InvalidCustomerId(_FORMAT, code="invalid_customer_id", message=_MESSAGE)
    return value


def checked_authorization(value: str | None) -> str | None:
    """The header value to forward, None for none.

    Raises ``UnableToVerifyAge`` for text that cannot be sent as a header.
    """
    value = (value or "").strip()
    if not value:
        return None
    if not (value.isascii() and value.isprintable()):
        raise UnableToVerifyAge("authorization_malformed")
    return value


def sane_request_id(value: str | None) -> str | None:
    """The request id when it is at most 64 safe characters, else None."""
    return value if value and _REQUEST_ID.fullmatch(value) else None
