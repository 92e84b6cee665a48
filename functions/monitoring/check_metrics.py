"""Job: look at metrics, syncs, dead letters and memberships, and raise, repeat or end alerts by the rules."""

from __future__ import annotations

from shared.integrations.streams import STREAMS
from shared.memberships.figures import Figures, standings
from shared.memberships.repository import Memberships
from shared.monitoring import observations
from shared.monitoring.checking import MetricsCheck, Source
from shared.monitoring.daily_figures import MembershipFigures
from shared.monitoring.dead_letters import DeadLetters
from shared.platform.context import Platform
from shared.pos.status import StatusService
from shared.runtime.declare import job
from shared.runtime.request import Delivery

# For looking; what has not answered by then is not judged.
SECONDS = 60.0


@job(
    "*/15 * * * *",
    topic="check-metrics",
    concurrency=1,
    max_instances=1,
    timeout_seconds=120,
    ack_deadline_seconds=150,
    publishes=("alerts",),
)
def handle(delivery: Delivery) -> None:
    """Check every rule once. Raises `Unavailable` to be called again when a verdict could not be kept."""
    platform = delivery.platform
    check = MetricsCheck.on(platform)
    now = platform.clock.now()
    check.run(
        (
            Source(
                "syncs",
                observations.OF_STREAMS,
                lambda: observations.of_streams(StatusService(platform).overview(STREAMS)["sources"], now),
            ),
            Source(
                "dead_letters",
                observations.OF_DEAD_LETTERS,
                lambda: observations.of_dead_letters(DeadLetters(platform).count()),
            ),
            Source(
                "memberships",
                observations.OF_MEMBERSHIPS,
                lambda: check.memberships(lambda: _memberships(platform)),
            ),
        ),
        SECONDS,
    )


def _memberships(platform: Platform) -> MembershipFigures:
    figures = Figures(list(standings(Memberships(platform).everyone())), platform.clock.now())
    return MembershipFigures(figures.mrr, len(figures.lost), len(figures.before))
