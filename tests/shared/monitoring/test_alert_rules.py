"""Every rule at its threshold, one step before it and one step beyond, and at the edges of its minimum volume."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from shared.monitoring import observations
from shared.monitoring.alert_rules import CRITICAL, HOUR, QUARTER, RULES, WARNING, Rule
from shared.monitoring.figures import Measured
from shared.monitoring.models import Cost, Finding, Observation, Observed, Slice, Verdict
from shared.monitoring.prices import PRICES, cost
from shared.monitoring.rules import decimal_text, judge
from shared.platform.histograms import Histogram, bucket_of, value_of
from tools.terraform import INFRA

NOW = datetime(2026, 7, 1, 17, tzinfo=UTC)
BY_NAME = {rule.name: rule for rule in RULES}
FAILS, HOLDS, QUIET, UNSEEN = Verdict.FAILS, Verdict.HOLDS, Verdict.QUIET, Verdict.UNSEEN


def found(rule: str, seen: list[Observation], subject: str = "") -> Finding:
    return judge(BY_NAME[rule], Observed(BY_NAME[rule].observes, seen), subject)


def metrics(counts: Mapping[str, int] | None = None, **latencies: list[float]) -> list[Observation]:
    """In the last quarter of an hour, and so in the last hour."""
    histograms = {}
    for name, values in latencies.items():
        histograms[name] = Histogram()
        for value in values:
            histograms[name].add(value)
    measured = Measured(counts or {}, histograms)
    return observations.of_metrics({QUARTER: measured, HOUR: measured})


def streams(minutes: timedelta | None, failures: int = 0) -> list[Observation]:
    watermark = NOW - minutes if minutes is not None else None
    return observations.of_streams(
        [{"streams": [{"stream": "square_payments", "watermark": watermark, "failures": failures}]}], NOW
    )


def verifications(successes: int, attempts: int) -> list[Observation]:
    return metrics({"verification_attempts": attempts, "verification_successes": successes})


def requests(errors: int, of: int) -> list[Observation]:
    return metrics({"requests": of, "errors": errors})


def cache(hits: int, stale: int, misses: int, errors: int = 0) -> list[Observation]:
    return metrics({"cache_hits": hits, "cache_stale": stale, "cache_misses": misses, "cache_errors": errors})


def dollars(nano: int) -> list[Observation]:
    return observations.of_day([Slice(Cost(nano // 2)), Slice(Cost(0, nano - nano // 2))])


def payments(failures: int, charges: int) -> list[Observation]:
    return observations.of_day([Slice(charges=charges, failures=failures)])


def revenue(now: int, before: int | None) -> list[Observation]:
    return observations.of_memberships(now, before, 0, 0)


def members(lost: int, before: int) -> list[Observation]:
    return observations.of_memberships(0, None, lost, before)


@pytest.mark.parametrize(
    ("rule", "seen", "verdict"),
    [
        ("verification-success-rate", verifications(900_000, 1_000_000), HOLDS),
        ("verification-success-rate", verifications(899_999, 1_000_000), FAILS),
        ("verification-success-rate", verifications(10, 12), FAILS),
        ("verification-success-rate", verifications(0, 11), FAILS),
        ("verification-success-rate", verifications(0, 10), QUIET),
        ("verification-success-rate", verifications(0, 0), QUIET),
        ("error-rate", requests(10, 1000), HOLDS),
        ("error-rate", requests(11, 1000), FAILS),
        ("error-rate", requests(10_001, 1_000_000), FAILS),
        ("error-rate", requests(2, 101), FAILS),
        ("error-rate", requests(1, 101), HOLDS),
        ("error-rate", requests(100, 100), QUIET),
        ("cache-hit-rate", cache(900, 0, 100), HOLDS),
        ("cache-hit-rate", cache(450, 450, 50, 50), HOLDS),
        ("cache-hit-rate", cache(899, 0, 101), FAILS),
        ("cache-hit-rate", cache(450, 449, 100, 1), FAILS),
        ("cache-hit-rate", cache(0, 0, 101), FAILS),
        ("cache-hit-rate", cache(0, 0, 100), QUIET),
        ("verification-limit-hits", metrics({"verification_limit_hits": 10}), HOLDS),
        ("verification-limit-hits", metrics({"verification_limit_hits": 11}), FAILS),
        ("verification-limit-hits", metrics(), HOLDS),
        ("cost", dollars(10**9), HOLDS),
        ("cost", dollars(10**9 + 1), FAILS),
        ("sync-stream", streams(timedelta(minutes=45)), HOLDS),
        ("sync-stream", streams(timedelta(minutes=45, seconds=1)), FAILS),
        ("sync-stream", streams(timedelta(), failures=2), HOLDS),
        ("sync-stream", streams(timedelta(), failures=3), FAILS),
        ("sync-stream", streams(None, failures=3), FAILS),
        ("sync-stream", streams(None), HOLDS),
        ("sync-stream", [], QUIET),
        ("dead-letters", observations.of_dead_letters(0), HOLDS),
        ("dead-letters", observations.of_dead_letters(1), FAILS),
        ("payment-failure-rate", payments(5, 100), HOLDS),
        ("payment-failure-rate", payments(6, 100), FAILS),
        ("payment-failure-rate", payments(50_001, 1_000_000), FAILS),
        ("payment-failure-rate", payments(0, 0), QUIET),
        ("mrr-drop", revenue(9500, 10_000), HOLDS),
        ("mrr-drop", revenue(9499, 10_000), FAILS),
        ("mrr-drop", revenue(20_000, 10_000), HOLDS),
        ("mrr-drop", revenue(0, 0), QUIET),
        ("mrr-drop", revenue(0, None), QUIET),
        ("churn", members(10, 100), HOLDS),
        ("churn", members(11, 100), FAILS),
        ("churn", members(0, 0), QUIET),
    ],
)
def test_a_rule_fails_beyond_its_threshold_and_not_one_step_before(
    rule: str, seen: list[Observation], verdict: Verdict
) -> None:
    assert found(rule, seen, "square_payments" if BY_NAME[rule].each else "").verdict is verdict


@pytest.mark.parametrize(
    ("rule", "latency"), [("verification-slow", "verification_latency"), ("analytics-slow", "query_latency")]
)
def test_latencies_at_their_threshold(rule: str, latency: str) -> None:
    """Nineteen of twenty within it are enough; one step is a bucket of the histogram, of at most 2 %."""
    below = bucket_of(500) if value_of(bucket_of(500)) <= 500 else bucket_of(500) - 1
    last, first = value_of(below), value_of(below + 1)
    assert 490 < last <= 500 < first < 510
    assert found(rule, metrics(**{latency: [last] * 19 + [90_000.0]})).verdict is HOLDS
    assert found(rule, metrics(**{latency: [last] * 18 + [first] * 2})).verdict is FAILS
    assert found(rule, metrics()).verdict is QUIET
    exact = Observation(name=next(iter(BY_NAME[rule].observes)), value=Fraction(500), words={"count": 20})
    assert found(rule, [exact]).verdict is HOLDS
    beyond = Observation(name=exact.name, value=Fraction(500) + Fraction(1, 10**9), words={"count": 20})
    assert found(rule, [beyond]).verdict is FAILS


def test_every_rule_was_looked_at() -> None:
    table = {*(mark.args[1][n][0] for mark in _tables() for n in range(len(mark.args[1])))}
    assert table | {"verification-slow", "analytics-slow"} == BY_NAME.keys()


def _tables() -> list[Any]:
    test = test_a_rule_fails_beyond_its_threshold_and_not_one_step_before
    return [mark for mark in test.pytestmark if mark.name == "parametrize"]  # type: ignore[attr-defined]


def test_they_are_the_contracts_rules() -> None:
    severities = {rule.name: rule.severity for rule in RULES}
    critical = {name for name, severity in severities.items() if severity == CRITICAL}
    assert critical == {"verification-success-rate", "error-rate", "sync-stream"}
    assert {*severities.values()} == {CRITICAL, WARNING}
    assert len(severities) == len(RULES) == 12


@pytest.mark.parametrize(
    ("rule", "seen", "message", "value", "threshold"),
    [
        (
            "verification-success-rate",
            verifications(10, 12),
            "Success rate is 83.33% (10/12) in the last hour",
            "83.33",
            "90",
        ),
        (
            "error-rate",
            requests(2, 101),
            "1.98% of the requests (2/101) were answered with 5xx in the last 15 minutes",
            "1.98",
            "1",
        ),
        ("cache-hit-rate", cache(40, 40, 40), "Cache hit rate is 66.67% (80/120) in the last hour", "66.67", "90"),
        (
            "verification-limit-hits",
            metrics({"verification_limit_hits": 11}),
            "11 verification attempts were turned away by the limit in the last hour",
            "11",
            "10",
        ),
        (
            "cost",
            dollars(2 * 10**9),
            "The last 24 hours cost about $2.00: BigQuery $1.00, Firestore $1.00, calls $0.00",
            "2.00",
            "1",
        ),
        (
            "sync-stream",
            streams(timedelta(minutes=46), failures=5),
            "Stream square_payments is 46.00 minutes behind",
            "46.00",
            "45",
        ),
        ("sync-stream", streams(None, failures=3), "Stream square_payments failed 3 times in a row", "3", "3"),
        ("dead-letters", observations.of_dead_letters(2), "2 messages lie in the dead-letter queue", "2", "0"),
        (
            "payment-failure-rate",
            payments(1, 16),
            "6.25% of the charges (1/16) failed in the last 24 hours",
            "6.25",
            "5",
        ),
        (
            "mrr-drop",
            revenue(47_000, 94_000),
            "Monthly recurring revenue is down 50.00% in a week, from $940.00 to $470.00",
            "50.00",
            "5",
        ),
        ("churn", members(1, 9), "Churn is 11.11%: 1 of 9 memberships ended in the last 30 days", "11.11", "10"),
        (
            "verification-slow",
            [Observation(name="verification_p95_ms", value=Fraction(500.05), words={"count": 7})],
            "The 95th percentile of 7 verifications is 500.1 ms in the last hour",
            "500.1",
            "500",
        ),
    ],
)
def test_what_is_said(rule: str, seen: list[Observation], message: str, value: str, threshold: str) -> None:
    told = found(rule, seen, "square_payments" if BY_NAME[rule].each else "")
    assert (told.message, told.value, told.threshold) == (message, value, threshold)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_what_could_not_be_observed_is_no_verdict(rule: Rule) -> None:
    assert judge(rule, Observed(frozenset()), "square_payments").verdict is UNSEEN


def test_one_condition_that_was_seen_can_fail_alone() -> None:
    seen = [one for one in streams(timedelta(), failures=3) if one.name == "sync_failures"]
    observed = Observed(frozenset({"sync_failures"}), seen)
    assert judge(BY_NAME["sync-stream"], observed, "square_payments").verdict is FAILS
    held = Observed(frozenset({"sync_failures"}), [Observation(name="sync_failures", value=Fraction(2), subject="x")])
    assert judge(BY_NAME["sync-stream"], held, "x").verdict is UNSEEN


def test_streams_have_alerts_of_their_own() -> None:
    rule = BY_NAME["sync-stream"]
    assert {rule.dedup_key("a"), rule.dedup_key("b")} == {"sync-stream:a", "sync-stream:b"}
    assert BY_NAME["cost"].dedup_key() == "cost"


def test_prices_are_those_of_the_cost_page() -> None:
    listed = json.loads((INFRA / "prices.json").read_text(), parse_float=Decimal)["prices"]
    for name, (price, units) in PRICES.items():
        assert (listed[name]["dollars"], listed[name]["per"]) == (price, units), name


def test_a_day_of_known_use() -> None:
    """A TiB, a million reads, a million writes, a million calls of 100 ms: by hand."""
    day = cost(bytes_billed=2**40, reads=10**6, writes=10**6, calls=10**6, milliseconds=10**8)
    assert (day.bigquery, day.firestore) == (6_250_000_000, 1_200_000_000)
    # 0.40 for the calls, 2.40 for the CPU, 0.0625 for a quarter of a GiB.
    assert day.calls == 2_862_500_000
    assert day.total == day.bigquery + day.firestore + day.calls


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (Fraction(250, 3), 2, "83.33"),
        (Fraction(1, 2), 0, "1"),
        (Fraction(5, 1000), 2, "0.01"),
        (Fraction(90), 0, "90"),
    ],
)
def test_decimal_text(value: Fraction, places: int, text: str) -> None:
    assert decimal_text(value, places) == text
