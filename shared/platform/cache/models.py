"""What is cached, and what a lookup finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.platform.context import Platform

Params = Mapping[str, str]

FRESH_FOR = timedelta(seconds=30)
STALE_FOR = timedelta(seconds=60)
LIVE, MOCK, DEGRADED = "live", "mock", "degraded"


@dataclass(frozen=True)
class Version:
    """Which data a value is made from. `text` None: not known, so that each refresh loads anew.

    `mode` is LIVE, or MOCK where a source has made-up data.
    """

    text: str | None = None
    mode: str = LIVE


def unknown(platform: Platform, params: Params) -> Version:  # noqa: ARG001 - the signature of every version
    return Version()


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """One kind of cached answer. `load` gives it as the UTF-8 text of one JSON object.

    `version` must be read before `load` reads: a value may be newer than its version, never older. `keep`: the last
    value is served, whatever its age, when `load` fails; else the failure goes to the caller.
    """

    name: str
    load: Callable[[Platform, Params], bytes]
    version: Callable[[Platform, Params], Version] = unknown
    fresh_for: timedelta = FRESH_FOR
    stale_for: timedelta = STALE_FOR
    keep: bool = True


class State(Enum):
    """How an answer came about."""

    HIT = "hit"  # from the cache, not older than `fresh_for`
    STALE = "stale"  # from the cache, somewhat older; a refresh is on its way
    MISS = "miss"  # loaded for this request
    COLLAPSED = "collapsed"  # loaded by another request, which this one has waited for
    DEGRADED = "degraded"  # loading failed: the last value there was


# How it is counted (docs/metrics.md). A failed lookup has no state.
COUNTED = {
    State.HIT: "cache_hits",
    State.STALE: "cache_stale",
    State.MISS: "cache_misses",
    State.COLLAPSED: "cache_misses",
    State.DEGRADED: "cache_errors",
    None: "cache_errors",
}


@dataclass(frozen=True, kw_only=True)
class Head:
    """All that is known of one entry but its value.

    Times are UTC; `checked_at`: when it was last known to be right. `epoch`: how often it was invalidated.
    """

    view: str
    params: Params = field(default_factory=dict)
    loaded_at: datetime | None = None
    checked_at: datetime | None = None
    version: str | None = None
    mode: str = LIVE
    etag: str = ""
    load_ms: int = 0
    parts: int = 0
    invalid: bool = False
    epoch: int = 0
    lease_owner: str = ""
    lease_until: datetime | None = None
    failures: int = 0
    retry_at: datetime | None = None
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Found:
    """A value and where it comes from. `age` is in seconds; `stored` False: Firestore did not answer."""

    value: bytes
    head: Head
    state: State
    age: int = 0
    ttl: int = 0
    error: str = ""
    stored: bool = True

    @property
    def mode(self) -> str:
        return DEGRADED if self.state is State.DEGRADED else self.head.mode

    @property
    def cached(self) -> bool:
        """Whether it was there before this request."""
        return self.state not in (State.MISS, State.COLLAPSED)
