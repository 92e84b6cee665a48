"""Which pages of other origins may call us: the allow-list of CORS_ORIGINS, with credentials, never `*`."""

from __future__ import annotations

from shared.platform.settings import Settings

REQUEST_HEADERS = "Authorization, Content-Type, Idempotency-Key, If-None-Match, X-Age-Verification, X-Request-ID"
EXPOSED_HEADERS = "Age, Cache-Status, ETag, Idempotent-Replayed, RateLimit, RateLimit-Policy, Retry-After, X-Request-ID"
PREFLIGHT_SECONDS = 600


def headers(settings: Settings, origin: str) -> dict[str, str]:
    """Headers of every answer. An origin that is not listed gets none, and the browser keeps the answer from it."""
    found = {"Vary": "Origin"}
    if origin and origin in settings.allowed_origins:
        found["Access-Control-Allow-Origin"] = origin
        found["Access-Control-Allow-Credentials"] = "true"
        found["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
    return found


def preflight_headers(allowed_methods: str) -> dict[str, str]:
    return {
        "Access-Control-Allow-Methods": allowed_methods,
        "Access-Control-Allow-Headers": REQUEST_HEADERS,
        "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
        "Vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
    }
