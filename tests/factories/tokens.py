"""Tokens of made-up callers."""

from __future__ import annotations

import time
from typing import Any

import jwt

from tests.factories.environment import JWT_SECRET


def token(role: str = "customer", subject: str = "c-1", **changes: Any) -> str:
    """A valid HS256 token; `changes` replace claims, None leaves one out."""
    claims = {
        "sub": subject,
        "role": role,
        "aud": "livhana-api",
        "iss": "livhana",
        "exp": int(time.time()) + 3600,
        **changes,
    }
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, JWT_SECRET, "HS256")


def bearer(role: str = "customer", subject: str = "c-1", **changes: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(role, subject, **changes)}"}
