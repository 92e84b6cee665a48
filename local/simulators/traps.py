"""The switches that make a simulator misbehave as real APIs do, in a way that an honest client survives.

Each is a number (0 is off) or a switch, and any may be on at once. "Every n-th" counts requests, so a run repeats
itself. What a retry must get past never strikes the same request more than MOST_STRIKES times in a row, and a list is
interrupted so often at most until it was read to its end; only `1` ("every first") strikes always, as an outage does.
"""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.simulators.database import Database
from local.simulators.messages import Request, Wrong

COMMON = {
    "rate_limit": "requests a second, in a sliding window; beyond it 429",
    "burst_429": "every n-th request answers 429 with Retry-After 0 or 1, alternating",
    "errors_5xx": "every n-th request answers 500, 502, 503 or 504",
    "dropped": "every n-th answer breaks off in the middle of its body",
    "slow": "milliseconds that each body takes, in pieces",
    "latency_ms": "milliseconds before each answer",
    "cursor_expiry": "every n-th use of a page cursor is refused",
    "duplicates": "a page begins with the last k records of the one before, and an older version of one of them",
    "edits_behind_cursor": "on every n-th page a record is changed after it was served",
    "short_pages": "pages of varying size, some of them empty, with a cursor",
    "unordered": "the records of a page are shuffled",
    "garbage": "every n-th record is broken on the wire",
    "forbidden": "403; a text is the beginning of the paths that are struck",
    "not_found": "404; likewise",
    "unauthorized": "401; likewise",
    "empty": "every list is empty; likewise",
    "eventual": "seconds that a new or changed record stays invisible in lists",
}
MOST_STRIKES = 2
REMEMBERED = 10_000
STATUSES = (500, 502, 503, 504)
# Of a full page; the third is empty.
PAGE_SHARES = (0.5, 1.0, 0.0, 0.01, 0.33)
Value = bool | int | float | str


@dataclass(frozen=True)
class Strike:
    """What a trap does to a request. kind: unauthorized, forbidden, not_found, rate_limited, server_error, dropped."""

    kind: str
    status: int = 0
    retry_after: int | None = None


class Traps:
    """Threads share it. The switches survive a restart; the counters start again with every change of a switch."""

    def __init__(self, database: Database, own: Mapping[str, str]) -> None:
        self._database = database
        self._known = {**COMMON, **own}
        self._lock = threading.RLock()
        self._values: dict[str, Value] = database.kept("traps", {})
        self._begin()

    def _begin(self) -> None:
        self._counts: dict[str, int] = dict.fromkeys(self._known, 0)
        self._strikes: OrderedDict[str, int] = OrderedDict()
        self._expired: OrderedDict[str, int] = OrderedDict()
        self._admitted: deque[float] = deque()

    @property
    def values(self) -> dict[str, Value]:
        return dict(self._values)

    def __getitem__(self, name: str) -> Any:
        """The switch's value; 0 when it is off."""
        return self._values.get(name, 0)

    def set(self, values: Mapping[str, Any], *, keep_others: bool = True) -> None:
        """Raises `Wrong` for a name or a value that means nothing."""
        for name, value in values.items():
            if name not in self._known:
                raise Wrong(f"There is no trap {name}. Traps: {', '.join(sorted(self._known))}.")
            if not isinstance(value, bool | int | float | str):
                raise Wrong(f"The trap {name} takes a number, a switch or a text.")
        with self._lock:
            wanted = {**(self._values if keep_others else {}), **values}
            self._values = {name: value for name, value in wanted.items() if value}
            self._begin()
        self._database.keep("traps", self._values)

    def explained(self) -> dict[str, str]:
        return dict(self._known)

    def every(self, name: str, kind: str = "") -> bool:
        """Whether the trap strikes this time; counts, each `kind` of call for itself."""
        with self._lock:
            if not (n := self._values.get(name)):
                return False
            counter = f"{name} {kind}".rstrip()
            self._counts[counter] = self._counts.get(counter, 0) + 1
            return self._counts[counter] % max(1, int(n)) == 0

    def covers(self, name: str, path: str) -> bool:
        """Whether a switch is on for this path."""
        value = self._values.get(name, False)
        return path.startswith(value) if isinstance(value, str) else bool(value)

    def strike(self, request: Request) -> Strike | None:
        """What happens to this request in place of an answer (or, for `dropped`, to its answer)."""
        if not self._values:
            return None
        for kind in ("unauthorized", "forbidden", "not_found"):
            if self.covers(kind, request.path):
                return Strike(kind)
        with self._lock:
            name = _identity(request)
            found = self._over_rate() or self._transient(self._strikes.get(name, 0))
            if found is None:
                self._strikes.pop(name, None)
            else:
                _count(self._strikes, name)
            return found

    def _over_rate(self) -> Strike | None:
        limit, now = self["rate_limit"], time.monotonic()
        if not limit:
            return None
        while self._admitted and self._admitted[0] <= now - 1:
            self._admitted.popleft()
        if len(self._admitted) >= limit:
            return Strike("rate_limited")
        self._admitted.append(now)
        return None

    def _transient(self, strikes: int) -> Strike | None:
        # All three count every request, whichever strikes: else one would hide another.
        burst, broken, dropped = (self._strikes_now(n, strikes) for n in ("burst_429", "errors_5xx", "dropped"))
        if burst:
            return Strike("rate_limited", retry_after=self._alternate("burst_429", (0, 1)))
        if broken:
            return Strike("server_error", status=self._alternate("errors_5xx", STATUSES))
        return Strike("dropped") if dropped else None

    def _strikes_now(self, name: str, strikes: int) -> bool:
        return self.every(name) and (strikes < MOST_STRIKES or self[name] == 1)

    def _alternate(self, name: str, choices: Sequence[int]) -> int:
        return choices[self._counts[name] // max(1, int(self[name])) % len(choices)]

    def cursor_expires(self, listing: str) -> bool:
        """Whether this use of a cursor is refused. `listing` identifies the list, whatever the page."""
        with self._lock:
            if not self.every("cursor_expiry"):
                return False
            if self._expired.get(listing, 0) >= MOST_STRIKES and self["cursor_expiry"] != 1:
                return False
            _count(self._expired, listing)
            return True

    def list_ended(self, listing: str) -> None:
        """The last page was served: the next reading of the list may be interrupted again."""
        with self._lock:
            self._expired.pop(listing, None)

    def page_size(self, limit: int, page: int) -> int:
        """How many records the page may have; `page` counts from 0. Never more than `limit`."""
        if not self["short_pages"]:
            return limit
        share = PAGE_SHARES[page % len(PAGE_SHARES)]
        return min(limit, max(1, int(limit * share))) if share else 0

    def is_garbage(self, number: int) -> bool:
        """By the record's number, so that it is always the same ones."""
        n = int(self["garbage"])
        return n > 0 and number % n == 0

    def shuffled(self, records: Iterable[str]) -> list[str]:
        """In an order that depends on what they are."""
        found = list(records)
        if self["unordered"] and found:
            random.Random(found[0]).shuffle(found)
        return found


def _identity(request: Request) -> str:
    return hashlib.sha1(f"{request.method} {request.target}\n".encode() + request.body).hexdigest()


def _count(counts: OrderedDict[str, int], name: str) -> None:
    counts[name] = counts.pop(name, 0) + 1
    if len(counts) > REMEMBERED:
        counts.popitem(last=False)
