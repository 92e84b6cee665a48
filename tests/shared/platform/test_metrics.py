"""What is measured reaches Firestore, once, in few writes, and disturbs nobody."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from shared.monitoring.figures import Measured, MetricsReader, together
from shared.platform import firestore, tally
from shared.platform.context import Platform
from shared.platform.metrics import APART_SECONDS, KEPT, MOST_FIELDS, MOST_MINUTES, Metrics
from tests.factories.documents import documents
from tests.factories.severable import severable
from tests.factories.stepping_clock import SteppingClock

ONE, OTHER = "verification_verify", "raffles_draw"
# What the writes of the figures count for themselves.
OWN = "firestore_writes"


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


def instance(platform: Platform) -> Metrics:
    """Another one of the same function."""
    return Metrics(lambda: platform.firestore, platform.clock)


def read(platform: Platform, **back: float) -> dict[str, Measured]:
    now = platform.clock.now()
    return dict(MetricsReader(platform).read(now - timedelta(**(back or {"hours": 1})), now))


def counts(measured: Measured) -> dict[str, int]:
    return {name: number for name, number in measured.counts.items() if name != OWN}


def written(platform: Platform) -> dict[str, dict[str, Any]]:
    return documents(platform.firestore, "metrics")


def due(metrics: Metrics) -> list[threading.Timer]:
    waiting = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    return [timer for timer in waiting if timer.function == metrics._write and not timer.finished.is_set()]


def tick(metrics: Metrics, clock: SteppingClock) -> None:
    """As the timer does."""
    clock.advance(seconds=APART_SECONDS)
    metrics._write()


@contextmanager
def firestore_writes() -> Iterator[tally.Tally]:
    """Counts those of the block."""
    asked = tally.Tally()
    token = tally.current.set(asked)
    try:
        yield asked
    finally:
        tally.current.reset(token)


def test_instances_add_up_by_function_and_minute(platform: Platform, clock: SteppingClock) -> None:
    for metrics in (instance(platform), instance(platform), platform.metrics):
        with metrics.serving(ONE):
            metrics.count("requests")
            metrics.count("cache_hits", 4)
            metrics.observe("latency", 20)
        with metrics.serving(OTHER):
            metrics.count("requests", 2)
        metrics.flush()
    found = read(platform)
    assert {function: counts(measured) for function, measured in found.items()} == {
        ONE: {"requests": 3, "cache_hits": 12},
        OTHER: {"requests": 6},
    }
    latency = found[ONE].latencies["latency"]
    assert (latency.count, latency.total, latency.quantile(0.5)) == (3, 60, pytest.approx(20, rel=0.01))
    assert together(found.values()).counts["requests"] == 9


def test_the_documents(platform: Platform, clock: SteppingClock) -> None:
    with platform.metrics.serving(ONE):
        platform.metrics.count("requests")
        platform.metrics.observe("latency", 1.5)
    platform.metrics.flush()
    found = written(platform)
    assert found[f"metrics/{ONE}"] == {
        "counts": {"requests": 1, OWN: 1},
        "since": int(clock.at.timestamp() * 1000),
    }
    assert found[f"metrics/{ONE}/minutes/202607011700"] == {
        "counts": {"requests": 1, OWN: 1},
        "latencies": {"latency": {"microseconds": 1500, "buckets": {"b421": 1}}},
        "expireAt": clock.at + KEPT,
    }


def test_what_is_not_written_yet_is_read_all_the_same(platform: Platform) -> None:
    with platform.metrics.serving(ONE):
        platform.metrics.count("requests", 5)
        platform.metrics.observe("latency", 7)
    found = read(platform)[ONE]
    assert (counts(found), found.latencies["latency"].count) == ({"requests": 5}, 1)
    assert written(platform) == {}


def test_a_minute_is_read_from_its_first_to_its_last_second(platform: Platform, clock: SteppingClock) -> None:
    for _ in range(4):
        platform.metrics.count("requests")
        clock.advance(minutes=1)
    platform.metrics.flush()
    first = clock.at - timedelta(minutes=3)
    found = MetricsReader(platform).read(first + timedelta(seconds=59), first + timedelta(minutes=1))
    assert counts(found["elsewhere"]) == {"requests": 2}


def test_what_was_measured_in_one_minute_and_written_in_another_is_the_firsts(
    platform: Platform, clock: SteppingClock
) -> None:
    """As by an instance that was frozen in between."""
    platform.metrics.count("requests")
    clock.advance(hours=2)
    tick(platform.metrics, clock)
    assert read(platform, minutes=60) == {}
    assert counts(read(platform, minutes=121)["elsewhere"]) == {"requests": 1}
    assert f"metrics/elsewhere/minutes/{clock.at - timedelta(hours=2, seconds=10):%Y%m%d%H%M}" in written(platform)


def test_a_function_writes_one_document_in_ten_seconds(platform: Platform, clock: SteppingClock) -> None:
    """Whatever minutes and totals wait: twenty minutes of load are 120 writes, and nothing is left behind."""
    writes = 0
    for _ in range(120):
        with platform.metrics.serving(ONE):
            for _ in range(20):
                platform.metrics.count("requests")
        with firestore_writes() as counted:
            tick(platform.metrics, clock)
        writes += counted.firestore_writes
        assert counted.firestore_writes <= 1
    assert writes == 120
    # At most what came last waits.
    with platform.metrics.unwritten() as waiting:
        assert sum(delta.get("counts.requests", 0) for (_, minute), delta in waiting.items() if minute) <= 20
    assert counts(read(platform)[ONE]) == {"requests": 2400}
    assert counts(MetricsReader(platform).totals()[ONE]) == {"requests": 2400}


def test_there_is_one_timer_while_something_waits_and_none_after(platform: Platform) -> None:
    metrics = platform.metrics
    assert due(metrics) == []
    for _ in range(50):
        metrics.count("requests")
    (timer,) = due(metrics)
    assert (timer.interval, timer.daemon) == (APART_SECONDS, True)
    metrics.flush()
    assert due(metrics) == []
    metrics.count("requests")
    assert len(due(metrics)) == 1
    metrics.forget()
    assert due(metrics) == []


def test_firestore_that_does_not_answer_loses_nothing_and_raises_nothing(
    platform: Platform, clock: SteppingClock, caplog: pytest.LogCaptureFixture
) -> None:
    client = severable(platform)
    client.down = True
    metrics = platform.metrics
    for _ in range(3):
        metrics.count("requests")
        tick(metrics, clock)
        assert len(due(metrics)) == 1
    metrics.flush()
    assert {r.getMessage() for r in caplog.records} == {"metrics_kept"}
    client.down = False
    metrics.flush()
    assert counts(read(platform)["elsewhere"]) == {"requests": 3}
    assert sum(d["counts"][OWN] for path, d in written(platform).items() if "minutes" in path) == 1


def test_of_a_long_silence_an_hour_is_kept(platform: Platform, clock: SteppingClock) -> None:
    client = severable(platform)
    client.down = True
    for _ in range(MOST_MINUTES + 30):
        platform.metrics.count("requests")
        clock.advance(minutes=1)
    platform.metrics.flush()
    client.down = False
    with platform.metrics.unwritten() as waiting:
        assert len(waiting) == MOST_MINUTES + 1
    platform.metrics.flush()
    assert counts(read(platform, days=1)["elsewhere"]) == {"requests": MOST_MINUTES}
    assert counts(MetricsReader(platform).totals()["elsewhere"]) == {"requests": MOST_MINUTES + 30}


def test_more_buckets_than_a_commit_takes_go_with_the_next(platform: Platform, clock: SteppingClock) -> None:
    values = [1.03**n for n in range(-200, 500)]
    for value in values:
        platform.metrics.observe("latency", value)
    tick(platform.metrics, clock)
    (path,) = [path for path in written(platform) if "minutes" in path]
    assert len(written(platform)[path]["latencies"]["latency"]["buckets"]) < MOST_FIELDS
    platform.metrics.flush()
    latency = read(platform)["elsewhere"].latencies["latency"]
    assert (latency.count, len(due(platform.metrics))) == (len(values), 0)


def test_threads_that_count_at_once_lose_nothing(platform: Platform) -> None:
    def work(_: int) -> None:
        with platform.metrics.serving(ONE):
            for _ in range(200):
                platform.metrics.count("requests")
            platform.metrics.flush()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))
    assert counts(read(platform)[ONE])["requests"] == 1600


def test_what_is_asked_of_firestore_is_counted(platform: Platform) -> None:
    store = platform.firestore
    with platform.metrics.serving(ONE):
        batch = store.batch()
        for number in range(3):
            firestore.put(batch, store.collection("things").document(str(number)), {"n": number}, None)
        firestore.commit(batch)
        firestore.read(store.collection("things").document("0"))
        firestore.read(store.collection("things").document("none"))
        assert len(list(firestore.counted(store.collection("things").stream()))) == 3
        assert list(firestore.counted(store.collection("nothing").stream())) == []
    assert read(platform)[ONE].counts == {"firestore_reads": 6, "firestore_writes": 3}


def test_a_process_that_ends_starts_no_thread(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(timer: threading.Timer) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Timer, "start", refuse)
    platform.metrics.count("requests")
    platform.metrics.flush()
    assert counts(read(platform)["elsewhere"]) == {"requests": 1}


def test_what_a_request_measures_takes_less_than_a_fifth_of_a_millisecond(platform: Platform) -> None:
    """`make bench-metrics` has the figure; this holds on a busy machine."""
    metrics, taken = platform.metrics, []
    for _ in range(500):
        started = time.perf_counter()
        with metrics.serving(ONE):
            for name in ("rate_limit_hits", "rate_limit_hits_admin", "requests", "errors", "cache_hits"):
                metrics.count(name)
            metrics.observe("latency", 12.5)
        taken.append((time.perf_counter() - started) * 1000)
    assert statistics.median(taken) < 0.2
