"""What a check looks at, and the check itself. Sources of other domains are handed in by the function.

Failure policy: a source that fails, or that the time is over for, is logged and leaves its rules without a verdict; all
others are judged.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.monitoring.alert_rules import DAY, HOUR, QUARTER
from shared.monitoring.alerting import Alerting
from shared.monitoring.daily_figures import LENGTH, DailyFigures, MembershipFigures, slice_begin
from shared.monitoring.figures import Measured, MetricsReader, together
from shared.monitoring.models import Observation, Observed, Verdict
from shared.monitoring.observations import OF_DAY, OF_METRICS, of_day, of_memberships, of_metrics, slice_of
from shared.platform.context import Platform
from shared.platform.tally import carried

MINUTE, INSTANT = timedelta(minutes=1), timedelta(microseconds=1)
# Instances write what they have counted every ten seconds, but one without requests only with its next one: what comes
# still later is missing in the estimate.
SETTLED = timedelta(minutes=15)
# Of one check: after a long pause, or at the first, the day is filled over several.
MOST_SLICES = 8

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """`gives`: the names of the observations that `observe` makes, whatever it finds. `observe` may raise anything."""

    name: str
    gives: frozenset[str]
    observe: Callable[[], Iterable[Observation]]


class MetricsCheck:
    """One per instance."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._reader = MetricsReader(platform)
        self._daily = DailyFigures(platform)

    @classmethod
    def on(cls, platform: Platform) -> MetricsCheck:
        return platform.once(cls, lambda: cls(platform))

    def run(self, sources: Sequence[Source], seconds: float) -> Observed:
        """Look, for so many seconds at most, and judge. Raises `Unavailable` when a verdict could not be kept."""
        own = Source("metrics", OF_METRICS | OF_DAY, self._metrics)
        observed = self._observe((own, *sources), seconds)
        judged = Alerting.on(self._platform).evaluate(observed)
        verdicts = Counter(one.finding.verdict for one in judged)
        log.info(
            "metrics_checked",
            extra={
                "failing": sorted(one.key for one in judged if one.finding.verdict is Verdict.FAILS),
                "unseen": sorted(one.key for one in judged if one.finding.verdict is Verdict.UNSEEN),
                "verdicts": {verdict.value: verdicts[verdict] for verdict in Verdict},
            },
        )
        return observed

    def memberships(self, make: Callable[[], MembershipFigures]) -> list[Observation]:
        """Revenue and churn. `make` reads every member, and is asked every four hours."""
        now = self._platform.clock.now()
        figures = self._daily.memberships(now, make)
        return of_memberships(figures.mrr, self._daily.mrr_a_week_ago(now), figures.lost, figures.before)

    def _observe(self, sources: Sequence[Source], seconds: float) -> Observed:
        """All at once: one that hangs costs a thread, not the others' time."""
        threads = ThreadPoolExecutor(len(sources), thread_name_prefix="observe")
        asked = {source.name: threads.submit(carried(_seen), source) for source in sources}
        wait(asked.values(), timeout=seconds)
        threads.shutdown(wait=False, cancel_futures=True)
        names, found = set[str](), list[Observation]()
        for source in sources:
            answer = asked[source.name]
            if not answer.done() or answer.cancelled():
                log.error("observation_failed", extra={"source": source.name, "reason": "it took too long"})
            elif (seen := answer.result()) is not None:
                found += seen
                names |= source.gives
        return Observed(frozenset(names), found)

    def _metrics(self) -> list[Observation]:
        """The last hour in one reading, with what is still to be kept of the day."""
        now = self._platform.clock.now()
        open_since = slice_begin(now - SETTLED)
        kept = self._daily.slices(open_since - DAY + LENGTH, open_since)
        before = (open_since - n * LENGTH for n in range(1, DAY // LENGTH))
        missing = [begin for begin in before if begin not in kept][:MOST_SLICES]
        minutes = self._reader.by_minute(min([now - HOUR, *missing]), now)
        closed = {begin: slice_of(_between(minutes, begin, begin + LENGTH)) for begin in missing}
        self._daily.keep(closed)
        newest = slice_of(_between(minutes, open_since, now + MINUTE))
        # Whole minutes, the present one included.
        windows = {window: _between(minutes, now - window + INSTANT, now + INSTANT) for window in (QUARTER, HOUR)}
        return [*of_metrics(windows), *of_day([*kept.values(), *closed.values(), newest])]


def _between(minutes: Mapping[datetime, Measured], begin: datetime, end: datetime) -> Measured:
    """Of the minutes that begin in [begin, end)."""
    return together(measured for minute, measured in minutes.items() if begin <= minute < end)


def _seen(source: Source) -> list[Observation] | None:
    try:
        return list(source.observe())
    except Exception:
        log.exception("observation_failed", extra={"source": source.name})
        return None
