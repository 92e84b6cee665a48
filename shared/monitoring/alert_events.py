"""What operators are told of by the rules: topic `alerts`. Other domains raise alerts of their own there."""

from __future__ import annotations

from shared.monitoring.alert_rules import Rule
from shared.monitoring.models import AlertState, Finding, Transition
from shared.platform.outbox import Event

TOPIC = "alerts"


def of_rule(rule: Rule, subject: str, state: AlertState, transition: Transition, finding: Finding) -> Event:
    """`alert.raised`, `alert.reminded` or `alert.resolved`. Its id follows from `state`, the alert's after it."""
    key, since, at = rule.dedup_key(subject), state.since, state.told_at
    if since is None or at is None:
        raise ValueError(f"Nothing is told of {key}, which was never raised.")
    data = {
        "severity": rule.severity,
        "title": rule.title,
        "message": finding.message,
        "tags": rule.tags,
        "dedupKey": key,
        "value": finding.value,
        "threshold": finding.threshold,
    }
    return Event(
        id=f"evt_{key}_{int(since.timestamp() * 1000)}_{state.told}",
        type=f"alert.{transition.value}",
        topic=TOPIC,
        occurred_at=at,
        request_id="",
        data=data,
    )
