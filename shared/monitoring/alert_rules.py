"""The alert rules, as data. The runbook (docs/runbook.md) has an entry for each name.

A rule fails when one of its conditions does; the first that fails gives the message. The values are exact fractions,
so that it fires at its threshold and not one step before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

CRITICAL, WARNING = "critical", "warning"
BELOW, ABOVE, AT_LEAST = "below", "above", "at least"

QUARTER, HOUR, DAY = timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)
NOW = timedelta()


@dataclass(frozen=True, kw_only=True)
class Condition:
    """Fails when what is observed is `comparison` the `threshold`, in the observation's unit.

    `message`: a format with `{value}` and the observation's words. `places`: digits of `{value}` after the point.
    `more_than`: looked at only when it was measured of more than so many.
    """

    observes: str
    comparison: str
    threshold: Fraction
    message: str
    places: int = 0
    more_than: int = 0


@dataclass(frozen=True, kw_only=True)
class Rule:
    """`window`: what is looked at, back from now; of metrics. `each`: an alert for each of these (a stream)."""

    name: str
    severity: str
    title: str
    conditions: tuple[Condition, ...]
    window: timedelta
    tags: str
    each: str = ""

    @property
    def observes(self) -> frozenset[str]:
        return frozenset(condition.observes for condition in self.conditions)

    def dedup_key(self, subject: str = "") -> str:
        return f"{self.name}:{subject}" if self.each else self.name


def _rule(
    name: str,
    severity: str,
    title: str,
    condition: tuple[str, str, int],
    message: str,
    *,
    window: timedelta,
    tags: str,
    more_than: int = 0,
    places: int = 0,
) -> Rule:
    """With one condition: what is observed, how it is compared, with what."""
    observes, comparison, threshold = condition
    one = Condition(
        observes=observes,
        comparison=comparison,
        threshold=Fraction(threshold),
        message=message,
        places=places,
        more_than=more_than,
    )
    return Rule(name=name, severity=severity, title=title, conditions=(one,), window=window, tags=tags)


RULES: tuple[Rule, ...] = (
    _rule(
        "verification-success-rate",
        CRITICAL,
        "Few verifications succeed",
        ("verification_success_percent", BELOW, 90),
        "Success rate is {value}% ({successes}/{attempts}) in the last hour",
        more_than=10,
        window=HOUR,
        tags="verification",
        places=2,
    ),
    _rule(
        "verification-slow",
        WARNING,
        "Verifications are slow",
        ("verification_p95_ms", ABOVE, 500),
        "The 95th percentile of {count} verifications is {value} ms in the last hour",
        window=HOUR,
        tags="verification,latency",
        places=1,
    ),
    _rule(
        "analytics-slow",
        WARNING,
        "Analytics queries are slow",
        ("query_p95_ms", ABOVE, 500),
        "The 95th percentile of {count} analytics queries is {value} ms in the last hour",
        window=HOUR,
        tags="analytics,latency",
        places=1,
    ),
    _rule(
        "error-rate",
        CRITICAL,
        "Requests fail",
        ("error_percent", ABOVE, 1),
        "{value}% of the requests ({errors}/{requests}) were answered with 5xx in the last 15 minutes",
        more_than=100,
        window=QUARTER,
        tags="requests",
        places=2,
    ),
    _rule(
        "cache-hit-rate",
        WARNING,
        "The cache is missed",
        ("cache_hit_percent", BELOW, 90),
        "Cache hit rate is {value}% ({hits}/{reads}) in the last hour",
        more_than=100,
        window=HOUR,
        tags="cache",
        places=2,
    ),
    _rule(
        "cost",
        WARNING,
        "A day costs more than a dollar",
        ("day_dollars", ABOVE, 1),
        "The last 24 hours cost about ${value}: BigQuery ${bigquery}, Firestore ${firestore}, calls ${calls}",
        window=DAY,
        tags="cost",
        places=2,
    ),
    Rule(
        name="sync-stream",
        severity=CRITICAL,
        title="A sync stream is late or fails",
        conditions=(
            Condition(
                observes="sync_lag_minutes",
                comparison=ABOVE,
                threshold=Fraction(45),
                message="Stream {subject} is {value} minutes behind",
                places=2,
            ),
            Condition(
                observes="sync_failures",
                comparison=AT_LEAST,
                threshold=Fraction(3),
                message="Stream {subject} failed {value} times in a row",
            ),
        ),
        window=NOW,
        tags="sync",
        each="stream",
    ),
    _rule(
        "verification-limit-hits",
        WARNING,
        "Customers meet the verification limit",
        ("verification_limit_hits", ABOVE, 10),
        "{value} verification attempts were turned away by the limit in the last hour",
        window=HOUR,
        tags="verification,limits",
    ),
    _rule(
        "dead-letters",
        WARNING,
        "Messages were given up",
        ("dead_letters", ABOVE, 0),
        "{value} messages lie in the dead-letter queue",
        window=NOW,
        tags="messages",
    ),
    _rule(
        "payment-failure-rate",
        WARNING,
        "Payments fail",
        ("payment_failure_percent", ABOVE, 5),
        "{value}% of the charges ({failures}/{charges}) failed in the last 24 hours",
        window=DAY,
        tags="payments",
        places=2,
    ),
    _rule(
        "mrr-drop",
        WARNING,
        "Recurring revenue falls",
        ("mrr_drop_percent", ABOVE, 5),
        "Monthly recurring revenue is down {value}% in a week, from ${before} to ${now}",
        window=timedelta(days=7),
        tags="memberships",
        places=2,
    ),
    _rule(
        "churn",
        WARNING,
        "Members leave",
        ("churn_percent", ABOVE, 10),
        "Churn is {value}%: {lost} of {before} memberships ended in the last 30 days",
        window=timedelta(days=30),
        tags="memberships",
        places=2,
    ),
)
