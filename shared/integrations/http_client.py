"""How every provider is called: paced, retried, and given up in one way.

Failure policy: 408, 429, 5xx, no answer and a broken answer are tried again, after 0.5, 1 and 2 s with jitter, or after
`Retry-After`, as often as the session's `Patience` says; then `SourceUnavailable`. A 429 halves the pace of the whole
session; it recovers slowly. Every other answer is the caller's to judge.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from shared.platform.clock import Clock
from shared.platform.errors import SourceUnavailable
from shared.platform.ids import Ids

if TYPE_CHECKING:
    import requests

FIRST_PAUSE_SECONDS = 0.5
# What a provider asks for beyond this is left to the redelivery of the message.
LONGEST_PAUSE_SECONDS = 60.0
TIMEOUT_SECONDS = (5.0, 30.0)
# Of a try that begins when the time is nearly over: urllib3 refuses a time-out of nothing.
SHORTEST_SECONDS = 0.05
HALVED_SECONDS, RECOVERY_SECONDS = 2.0, 30.0
# Of the whole pace.
SLOWEST = 1 / 16

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Patience:
    """How long a session goes on: tries after the first, seconds for all of its calls together, and what comes then."""

    retries: int
    seconds: float
    advice: str


# A message is delivered again.
UNATTENDED = Patience(3, math.inf, "The next try starts where this one ended.")


@dataclass(frozen=True)
class Reply:
    """An answer with its body read once: JSON, or the text of who was asked for text.

    `body` is None when there is none, or when an error's body is no JSON.

    `retries`: how many tries came before it.
    """

    status: int
    headers: Mapping[str, str]
    body: Any
    retries: int = 0


class Pace:
    """At most so many requests a second, evenly spaced, from all threads together.

    A 429 halves it, once in HALVED_SECONDS, since requests that were under way are refused together; it is whole again
    after RECOVERY_SECONDS.
    """

    def __init__(self, clock: Clock, per_second: float) -> None:
        self._clock = clock
        self._most = self._now = per_second
        self._next = self._changed = 0.0
        self._halved = -HALVED_SECONDS
        self._lock = threading.Lock()

    def wait(self, until: float = math.inf) -> bool:
        """Until it is this thread's turn; False, at once, when that is not before `until` (monotonic seconds)."""
        with self._lock:
            now = self._clock.monotonic()
            turn = max(now, self._next)
            if turn >= until:
                return False
            self._recover(turn)
            self._next = turn + 1 / self._now
        if turn > now:
            self._clock.sleep(turn - now)
        return True

    def hold(self, seconds: float) -> None:
        """Nobody's turn comes before so many seconds have passed."""
        with self._lock:
            self._next = max(self._next, self._clock.monotonic() + seconds)

    def halve(self) -> None:
        with self._lock:
            now = self._clock.monotonic()
            if now - self._halved >= HALVED_SECONDS:
                self._halved = self._changed = now
                self._now = max(self._most * SLOWEST, self._now / 2)

    def _recover(self, now: float) -> None:
        if self._now < self._most:
            gained = self._most * max(0.0, now - self._changed) / RECOVERY_SECONDS
            self._now = min(self._most, self._now + gained)
        self._changed = max(now, self._changed)


class ProviderSession:
    """Calls one provider. `sent` and `retries` count since it was made. Threads may share it.

    `pace`: of sessions that share one; else its own, of `per_second`.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        ids: Ids,
        per_second: float,
        parallel: int,
        patience: Patience = UNATTENDED,
        pace: Pace | None = None,
    ) -> None:
        self.name = name
        self.pace = pace or Pace(clock, per_second)
        self.sent = 0
        self.retries = 0
        self._clock = clock
        self._ids = ids
        self._parallel = parallel
        self._patience = patience
        self._until = clock.monotonic() + patience.seconds
        self._counting = threading.Lock()

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        text: bool = False,
    ) -> Reply:
        """The answer, whatever its status but 408, 429 and 5xx. Raises `SourceUnavailable` when patience ends.

        The failure's `Retry-After` is what the provider has asked for last. `text`: its bodies are no JSON.
        """
        reason, wait = "took too long", 0.0
        for attempt in range(self._patience.retries + 1):
            if not self.pace.wait(self._until):
                break
            self._count(attempt)
            reply, reason, wait = self._try(method, url, text, headers=headers, params=params, json=json)
            if reply is not None:
                return replace(reply, retries=attempt)
            if attempt == self._patience.retries or not self._pause(attempt, wait):
                break
        raise self.unavailable(reason, wait)

    @property
    def seconds_left(self) -> float:
        """Of the time for all calls; infinite without a limit."""
        return self._until - self._clock.monotonic()

    def unavailable(self, reason: str, wait: float = 0.0) -> SourceUnavailable:
        """The failure to raise when it was given up; `reason` goes on after the provider's name."""
        log.warning("source_unavailable", extra={"source": self.name, "reason": reason})
        asked = {"Retry-After": str(math.ceil(wait))} if 0 < wait < math.inf else {}
        return SourceUnavailable(f"{self.name.capitalize()} {reason}. {self._patience.advice}", headers=asked)

    def _pause(self, attempt: int, wait: float) -> bool:
        """Before the next try; False, at once, when that would be too long."""
        seconds = max(wait, FIRST_PAUSE_SECONDS * 2**attempt * (0.5 + self._ids.jitter() / 2))
        if wait > LONGEST_PAUSE_SECONDS or seconds >= self.seconds_left:
            return False
        self._clock.sleep(seconds)
        return True

    def _count(self, attempt: int) -> None:
        with self._counting:
            self.sent += 1
            self.retries += attempt > 0

    def _try(self, method: str, url: str, text: bool, **options: Any) -> tuple[Reply | None, str, float]:
        """The reply; or None, why it must be tried again, and the seconds that the provider asks to wait."""
        import requests

        connecting, reading = (max(SHORTEST_SECONDS, min(seconds, self.seconds_left)) for seconds in TIMEOUT_SECONDS)
        try:
            response = self._session.request(
                method, url, timeout=(connecting, reading), allow_redirects=False, **options
            )
        except requests.RequestException as error:
            return None, f"gave no whole answer ({type(error).__name__})", 0.0
        if response.status_code in (408, 429) or response.status_code >= 500:
            return None, f"answered {response.status_code}", self._asked_to_wait(response)
        if text:
            return Reply(response.status_code, response.headers, response.text), "", 0.0
        try:
            body = response.json() if response.content or response.status_code == 200 else None
        except ValueError:
            if response.status_code == 200:
                return None, "answered with something that is no JSON", 0.0
            body = None
        return Reply(response.status_code, response.headers, body), "", 0.0

    def _asked_to_wait(self, response: requests.Response) -> float:
        seconds = self._seconds(response.headers.get("Retry-After", ""))
        if response.status_code == 429:
            self.pace.halve()
        if 0 < seconds <= LONGEST_PAUSE_SECONDS:
            self.pace.hold(seconds)
        return seconds

    def _seconds(self, text: str) -> float:
        """`Retry-After`, a number or a date, in seconds; 0 for anything else."""
        with suppress(ValueError):
            return max(0.0, float(text))
        with suppress(ValueError):
            at = parsedate_to_datetime(text)
            return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - self._clock.now()).total_seconds())
        return 0.0

    @cached_property
    def _session(self) -> requests.Session:
        import requests
        from requests.adapters import HTTPAdapter

        session = requests.Session()
        # Else a .netrc entry could replace our token, and every call would look for one.
        session.trust_env = False
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(pool_connections=4, pool_maxsize=self._parallel))
        return session
