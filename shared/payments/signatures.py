"""The signature that Authorize.Net puts on its webhooks. Pure.

`X-ANET-Signature: sha512=<HMAC-SHA-512 of the body as it came, hex>`. The signature key, though it looks like hex, is
used as the text that it is.
"""

from __future__ import annotations

import hashlib
import hmac

SCHEME = "sha512"


def signature(key: str, body: bytes) -> str:
    """The header's value."""
    return f"{SCHEME}={hmac.new(key.encode(), body, hashlib.sha512).hexdigest().upper()}"


def is_genuine(key: str, body: bytes, header: str) -> bool:
    """In constant time. Nothing is genuine without a key or without a body."""
    scheme, _, found = header.strip().partition("=")
    expected = signature(key, body).partition("=")[2]
    # As bytes: text that is not ASCII cannot be compared in constant time, and a header may hold any.
    same = hmac.compare_digest(found.strip().upper().encode(), expected.encode())
    return same and bool(key and body) and scheme.strip().lower() == SCHEME
