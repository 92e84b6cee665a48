"""The guard itself: cache in front, service behind, and nothing but a clear yes in between."""

import logging
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from age_guard.cache import PositiveCache, cache_key
from age_guard.clock import SYSTEM_CLOCK, Clock
from age_guard.decorator import RequireAgeVerification
from age_guard.errors import UnableToVerifyAge
from age_guard.incoming import checked_authorization, checked_customer_id, sane_request_id
from age_guard.reading import verified_age
from age_guard.service import Patience, StatusService
from age_guard.verified import VerifiedAge

_LONGEST_CACHE_SECONDS = 300
_log = logging.getLogger("age_guard")


class AgeGuard:
    """Asks one age verification service whether customers may order.

    ``base_url``: where the service answers, such as ``https://api.example.com``.
    ``verification_url``: where a customer verifies; by default ``{base_url}/age-verification``.
    ``timeout_seconds``: (connect, whole answer) of one attempt; ``total_seconds``: of all attempts together.
    ``retries``: further attempts after a time-out, a failed connection, 502, 503 or 504.
    ``cache_seconds``: how long a yes is remembered, 0 to 300; ``cache_entries``: how many.

    Thread-safe; make one per process and keep it. Bad settings raise ``ValueError`` here, not at an order.
    """

    def __init__(
        self,
        base_url: str,
        verification_url: str | None = None,
        *,
        timeout_seconds: tuple[float, float] = (1.0, 3.0),
        total_seconds: float = 5.0,
        retries: int = 1,
        cache_seconds: float = 30.0,
        cache_entries: int = 10_000,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        if not 0 <= cache_seconds <= _LONGEST_CACHE_SECONDS:
            raise ValueError("cache_seconds must be from 0 to 300: an erased verification must not live on here")
        patience = Patience(*timeout_seconds, total_seconds=total_seconds, retries=retries)
        self._service = StatusService(base_url, patience, clock)
        self._cache = PositiveCache(cache_seconds, cache_entries, clock)
        self._clock = clock
        self.verification_url = _checked_page(verification_url or f"{self._service.base_url}/age-verification")
        self.require_age_verification = RequireAgeVerification(self.check_age)

    def check_age(
        self, customer_id: str | None, *, authorization: str | None = None, request_id: str | None = None
    ) -> VerifiedAge:
        """The customer's valid verification.

        ``authorization``: the caller's whole header (``Bearer ...``); ``request_id``: their ``X-Request-ID``.
        Both are forwarded. Raises ``InvalidCustomerId`` (400), ``AgeVerificationRequired`` (403) or
        ``UnableToVerifyAge`` (500), all of them ``AgeGuardError``.
        """
        customer = checked_customer_id(customer_id)
        known_request = sane_request_id(request_id)
        try:
            return self._verified(customer, checked_authorization(authorization), known_request)
        except UnableToVerifyAge as failure:
            _log.warning("Unable to verify age: reason=%s requestId=%s", failure.reason, known_request)
            raise

    def close(self) -> None:
        """Closes the kept connections. The guard stays usable and opens new ones."""
        self._service.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _verified(self, customer: str, authorization: str | None, request_id: str | None) -> VerifiedAge:
        key = cache_key(customer, authorization)
        cached = self._cache.get(key)
        if cached is not None:
            return cached
        asked_at = self._clock.monotonic()
        answer = self._service.ask(customer, authorization, request_id)
        found = verified_age(customer, answer, self._clock.wall(), self.verification_url)
        self._cache.put(key, found, asked_at)
        return found


def _checked_page(value: str) -> str:
    # It becomes a link in a shop's page: a javascript: address must not get there by way of a setting.
    parts = urlsplit(value)
    is_absolute = parts.scheme in {"http", "https"} and bool(parts.netloc)
    is_path = not parts.scheme and not parts.netloc and value.startswith("/")
    if not (is_absolute or is_path):
        raise ValueError("verification_url must be an http or https URL or a path that starts with /")
    return value
