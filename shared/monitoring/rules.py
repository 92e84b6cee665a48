"""What a rule says of an observation, and what becomes of its alert. Pure.

An alert is raised with the first observation that fails, and reminded of every REMIND_AFTER while it fails. It is over
when RECOVERY has passed without a failure, the last observation of it a good one: who fails now and then stays raised,
and is told once. Too little to say anything changes nothing for a day (QUIET_FOR), then ends it, saying so; what could
not be observed changes nothing at all.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from shared.monitoring.alert_rules import ABOVE, AT_LEAST, BELOW, Condition, Rule
from shared.monitoring.models import AlertState, Finding, Observation, Observed, Transition, Verdict

REMIND_AFTER = timedelta(hours=4)
RECOVERY = timedelta(minutes=30)
QUIET_FOR = timedelta(hours=24)
QUIET_MESSAGE = "There was nothing to measure for 24 hours."
COMPARE: dict[str, Callable[[Fraction, Fraction], bool]] = {
    BELOW: operator.lt,
    ABOVE: operator.gt,
    AT_LEAST: operator.ge,
}


def judge(rule: Rule, observed: Observed, subject: str = "") -> Finding:
    """By the worst of its conditions: one that fails, then one that could not be seen, then one that holds."""
    findings = [_judged(condition, observed, subject) for condition in rule.conditions]
    order = (Verdict.FAILS, Verdict.UNSEEN, Verdict.HOLDS, Verdict.QUIET)
    return min(findings, key=lambda finding: order.index(finding.verdict))


def _judged(condition: Condition, observed: Observed, subject: str) -> Finding:
    if condition.observes not in observed.names:
        return Finding(verdict=Verdict.UNSEEN)
    observation = observed.of(condition.observes, subject)
    if observation is None or observation.value is None or _too_few(condition, observation):
        return Finding(verdict=Verdict.QUIET, message=QUIET_MESSAGE)
    fails = COMPARE[condition.comparison](observation.value, condition.threshold)
    value = decimal_text(observation.value, condition.places)
    return Finding(
        verdict=Verdict.FAILS if fails else Verdict.HOLDS,
        message=condition.message.format(value=value, subject=subject, **observation.words),
        value=value,
        threshold=decimal_text(condition.threshold, 0),
    )


def _too_few(condition: Condition, observation: Observation) -> bool:
    return condition.more_than > 0 and observation.volume <= condition.more_than


def live(state: AlertState, verdict: Verdict, now: datetime) -> tuple[AlertState, Transition | None]:
    """What becomes of an alert at one check, and what is told of it.

    Times from the future are of a clock that was moved back since: they count as now.
    """
    if verdict is Verdict.FAILS:
        return _failing(state, now)
    if not state.open or verdict is Verdict.UNSEEN:
        return state, None
    if verdict is Verdict.QUIET:
        return _waiting(replace(state, quiet_since=_since(state.quiet_since, now)), state.quiet_since, QUIET_FOR, now)
    well = replace(state, well_since=_since(state.well_since, now), quiet_since=None)
    return _waiting(well, state.well_since, RECOVERY, now)


def _failing(state: AlertState, now: datetime) -> tuple[AlertState, Transition | None]:
    if not state.open:
        return AlertState(open=True, since=now, told_at=now, told=1), Transition.RAISED
    told_at = _since(state.told_at, now)
    failing = replace(state, told_at=told_at, well_since=None, quiet_since=None)
    if now - told_at < REMIND_AFTER:
        return failing, None
    return replace(failing, told_at=now, told=state.told + 1), Transition.REMINDED


def _waiting(
    state: AlertState, since: datetime | None, needed: timedelta, now: datetime
) -> tuple[AlertState, Transition | None]:
    if now - _since(since, now) < needed:
        return state, None
    return AlertState(since=state.since, told_at=now, told=state.told + 1), Transition.RESOLVED


def _since(moment: datetime | None, now: datetime) -> datetime:
    return min(moment or now, now)


def decimal_text(value: Fraction, places: int) -> str:
    """Rounded half up, once: `83.33`."""
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    return str(exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP))
