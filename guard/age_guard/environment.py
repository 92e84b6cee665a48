"""The convenient forms, which take their settings from environment variables at the first check.

``AGE_VERIFICATION_URL``: base URL of the service. ``AGE_VERIFICATION_PAGE_URL``: where customers verify, by
default the service's own page.
"""

import logging
import os
import threading

from age_guard.decorator import RequireAgeVerification
from age_guard.errors import UnableToVerifyAge
from age_guard.guard import AgeGuard
from age_guard.verified import VerifiedAge

Settings = tuple[str, str | None]

_log = logging.getLogger("age_guard")
_lock = threading.Lock()
_guards: dict[Settings, AgeGuard] = {}


def check_age(
    customer_id: str | None, *, authorization: str | None = None, request_id: str | None = None
) -> VerifiedAge:
    """As ``AgeGuard.check_age``, of the service in ``AGE_VERIFICATION_URL``; without a usable one it raises
    ``UnableToVerifyAge``."""
    return _guard().check_age(customer_id, authorization=authorization, request_id=request_id)


require_age_verification = RequireAgeVerification(check_age)


def _guard() -> AgeGuard:
    settings = os.environ.get("AGE_VERIFICATION_URL", ""), os.environ.get("AGE_VERIFICATION_PAGE_URL") or None
    with _lock:
        if settings not in _guards:
            _guards[settings] = _made(settings)
        return _guards[settings]


def _made(settings: Settings) -> AgeGuard:
    try:
        return AgeGuard(*settings)
    except ValueError as problem:
        _log.error("AGE_VERIFICATION_URL or AGE_VERIFICATION_PAGE_URL is missing or wrong: %s", problem)
        raise UnableToVerifyAge("not_configured") from None
