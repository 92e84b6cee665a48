"""Asks the service for a customer's status, once more when that may help, in a bounded time."""

import time
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import urllib3

from age_guard.clock import Clock
from age_guard.errors import UnableToVerifyAge
from age_guard.transport import Answer, NoAnswer, Transport

_WORTH_ASKING_AGAIN = {502, 503, 504}
# Long enough for a restarting instance to be replaced, short enough for a person at a till.
_PAUSE_SECONDS = 0.1
_FIXED_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": "livhana-age-guard",
}


@dataclass(frozen=True)
class Patience:
    """How long to wait, in seconds, and how many times to ask again."""

    connect_seconds: float
    read_seconds: float
    total_seconds: float
    retries: int

    def __post_init__(self) -> None:
        if min(self.connect_seconds, self.read_seconds, self.total_seconds) <= 0:
            raise ValueError("timeout_seconds and total_seconds must be greater than 0")
        if self.retries < 0:
            raise ValueError("retries must not be negative")


class StatusService:
    """The ``GET {base_url}/api/age-verification/status/{customerId}`` of one service."""

    def __init__(self, base_url: str, patience: Patience, clock: Clock) -> None:
        self.base_url = checked_base_url(base_url)
        self._patience = patience
        self._clock = clock
        self._transport = Transport(self.base_url)

    def ask(self, customer_id: str, authorization: str | None, request_id: str | None) -> Answer:
        """The service's answer, whatever it is; raises ``UnableToVerifyAge`` when there is none."""
        url = f"{self.base_url}/api/age-verification/status/{quote(customer_id, safe='')}"
        headers = _headers(authorization, request_id)
        give_up_at = self._clock.monotonic() + self._patience.total_seconds
        outcome = self._once(url, headers, self._patience.total_seconds)
        for _ in range(self._patience.retries):
            left = give_up_at - self._clock.monotonic() - _PAUSE_SECONDS
            if left <= 0 or not _may_be_better_next_time(outcome):
                break
            time.sleep(_PAUSE_SECONDS)
            outcome = self._once(url, headers, left)
        if isinstance(outcome, NoAnswer):
            raise UnableToVerifyAge(outcome.reason)
        return outcome

    def close(self) -> None:
        self._transport.close()

    def _once(self, url: str, headers: dict[str, str], left: float) -> Answer | NoAnswer:
        connect, read = self._patience.connect_seconds, self._patience.read_seconds
        timeout = urllib3.Timeout(connect=connect, read=read, total=left)
        return self._transport.get(url, headers, timeout)


def checked_base_url(value: str) -> str:
    """The URL without a trailing slash; raises ``ValueError`` when no service can be reached under it."""
    parts = urlsplit(value)
    has_host = bool(parts.hostname) and parts.port != 0 and value.split() == [value]
    if parts.scheme not in {"http", "https"} or not has_host:
        raise ValueError("base_url must be an http or https URL, such as https://api.example.com")
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("base_url must not have a query, a fragment or a user name")
    return value.rstrip("/")


def _headers(authorization: str | None, request_id: str | None) -> dict[str, str]:
    named = {"Authorization": authorization, "X-Request-ID": request_id}
    return _FIXED_HEADERS | {name: value for name, value in named.items() if value is not None}


def _may_be_better_next_time(outcome: Answer | NoAnswer) -> bool:
    return isinstance(outcome, NoAnswer) or outcome.status in _WORTH_ASKING_AGAIN
