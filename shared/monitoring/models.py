"""What is known of the services that everything stands on."""

from __future__ import annotations

from dataclasses import dataclass


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
