"""What is known of the services that everything stands on, and what alerts are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from fractions import Fraction


@dataclass(frozen=True)
class Dependency:
    """`status` is `up` or `down`; why it is down is for the log, never for the caller."""

    status: str


UP, DOWN = Dependency("up"), Dependency("down")


@dataclass(frozen=True)
class Readiness:
    """Which of the three answered."""

    firestore: Dependency
    bigquery: Dependency
    pubsub: Dependency

    @property
    def status(self) -> str:
        """`unavailable` without Firestore, on which every request stands; `degraded` without one of the others.

        Events wait in the outbox for Pub/Sub, and BigQuery decides no request: without them customers are served.
        """
        if self.firestore is DOWN:
            return "unavailable"
        return "ready" if (self.bigquery, self.pubsub) == (UP, UP) else "degraded"


class Verdict(Enum):
    """What an observation says of a rule."""

    FAILS = "fails"
    HOLDS = "holds"
    # Looked at, but there is too little to say anything: no calls, fewer than the rule asks for, nothing kept yet.
    QUIET = "quiet"
    # What would have to be looked at did not answer.
    UNSEEN = "unseen"


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One thing that was measured. `value` None: there was nothing to measure it by.

    `volume`: of what it was measured (calls, reads). `subject`: of which, where there are several (a stream).
    `words`: what the rule's message names beside `value`.
    """

    name: str
    value: Fraction | None
    volume: int = 0
    subject: str = ""
    words: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True)
class Observed:
    """What a check has seen. `names`: of the observations that could be made, whether anything was there or not."""

    names: frozenset[str]
    found: Sequence[Observation] = ()

    def of(self, name: str, subject: str = "") -> Observation | None:
        return next((one for one in self.found if (one.name, one.subject) == (name, subject)), None)

    def subjects(self, names: Iterable[str]) -> set[str]:
        wanted = set(names)
        return {one.subject for one in self.found if one.name in wanted}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A rule's verdict, and what is said of it. `value` and `threshold`: decimal text."""

    verdict: Verdict
    message: str = ""
    value: str | None = None
    threshold: str | None = None


@dataclass(frozen=True, kw_only=True)
class AlertState:
    """An alert's life. `since`: when it was raised; `told_at`: when it was last raised or reminded of.

    `told`: how many events there were since it was raised. `well_since`, `quiet_since`: since when it has not failed,
    and since when there was too little to say.
    """

    open: bool = False
    since: datetime | None = None
    told_at: datetime | None = None
    told: int = 0
    well_since: datetime | None = None
    quiet_since: datetime | None = None


class Transition(Enum):
    """What becomes of an alert; the value is the last word of its event's type."""

    RAISED = "raised"
    REMINDED = "reminded"
    RESOLVED = "resolved"


@dataclass(frozen=True)
class Cost:
    """Nanodollars: whole numbers add up exactly, in whatever order."""

    bigquery: int = 0
    firestore: int = 0
    calls: int = 0

    @property
    def total(self) -> int:
        return self.bigquery + self.firestore + self.calls

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.bigquery + other.bigquery, self.firestore + other.firestore, self.calls + other.calls)


@dataclass(frozen=True)
class Slice:
    """What rules over a whole day need of a part of it."""

    cost: Cost = Cost()
    charges: int = 0
    failures: int = 0

    def __add__(self, other: Slice) -> Slice:
        return Slice(self.cost + other.cost, self.charges + other.charges, self.failures + other.failures)
