"""From what was observed to alerts: each rule is judged, what turns is kept and told, once."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.monitoring import alert_events
from shared.monitoring.alert_rules import RULES, Rule
from shared.monitoring.alert_states import AlertStates
from shared.monitoring.models import AlertState, Finding, Observed, Verdict
from shared.monitoring.rules import judge, live
from shared.platform.contention import until_unchanged
from shared.platform.context import Platform
from shared.platform.errors import Unavailable
from shared.platform.outbox import Outgoing

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Judged:
    """A rule's verdict on one subject; `key`: of its alert."""

    rule: Rule
    subject: str
    finding: Finding

    @property
    def key(self) -> str:
        return self.rule.dedup_key(self.subject)


class Alerting:
    """Safe to run twice at once, and to be killed anywhere: each transition is one compare-and-set with its event."""

    def __init__(self, platform: Platform, rules: Sequence[Rule] = RULES) -> None:
        self._platform = platform
        self._states = AlertStates(platform)
        self._rules = rules

    @classmethod
    def on(cls, platform: Platform) -> Alerting:
        return platform.once(cls, lambda: cls(platform))

    def evaluate(self, observed: Observed) -> list[Judged]:
        """Every rule's verdict, kept and told. Raises `Unavailable`, when all others are kept, if one could not be."""
        raised = self._states.open()
        judged = [one for rule in self._rules for one in self._of_rule(rule, observed, raised)]
        failed: Unavailable | None = None
        for one in judged:
            if one.key not in raised and one.finding.verdict is not Verdict.FAILS:
                continue
            try:
                self._keep(one)
            except Unavailable as error:
                log.warning("alert_not_kept", extra={"dedupKey": one.key, "reason": error.sentence})
                failed = error
        if failed:
            raise failed
        return judged

    def _of_rule(self, rule: Rule, observed: Observed, raised: set[str]) -> Iterator[Judged]:
        """Of each subject that there is, or that an alert is raised for."""
        subjects = {""}
        if rule.each:
            family = rule.dedup_key("")
            subjects = observed.subjects(rule.observes)
            subjects |= {key.removeprefix(family) for key in raised if key.startswith(family)}
        for subject in sorted(subjects):
            yield Judged(rule, subject, judge(rule, observed, subject))

    def _keep(self, judged: Judged) -> None:
        told = until_unchanged(
            lambda: self._states.change(judged.key, lambda state: self._decided(judged, state)),
            self._platform.clock,
            self._platform.ids,
        )
        if told:
            log.info("alert_told", extra={"dedupKey": judged.key, "eventId": told.id})

    def _decided(self, judged: Judged, state: AlertState) -> tuple[AlertState, Outgoing | None]:
        after, transition = live(state, judged.finding.verdict, self._platform.clock.now())
        if transition is None:
            return after, None
        return after, alert_events.of_rule(judged.rule, judged.subject, after, transition, judged.finding)
