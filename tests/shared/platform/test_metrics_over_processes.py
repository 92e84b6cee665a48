"""Instances that are processes of their own: they add up exactly, write seldom, and write what is left at their end."""

from __future__ import annotations

import math
import os
import random
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from google.cloud.firestore import Client

from shared.monitoring.figures import Measured, MetricsReader, together
from shared.platform.clock import Clock
from shared.platform.context import Platform
from shared.platform.metrics import APART_SECONDS
from tests.factories.environment import environment
from tests.factories.processes import LEAN, ROOT, FunctionProcess
from tests.factories.silence import Silence

MANY, PROCESSES = 100_000, 3
FUNCTION = "verification_policy"
PATH = "/api/age-verification/policy?state=TX"


@pytest.fixture
def clock() -> Clock:
    """The processes' figures are of now."""
    return Clock()


def read(platform: Platform) -> Measured:
    now = platform.clock.now()
    return together(MetricsReader(platform).read(now - timedelta(hours=1), now).values())


def test_the_merged_p95_of_three_processes_is_within_two_per_cent(platform: Platform) -> None:
    dice = random.Random(8)
    # Each process sees another part of the traffic.
    latencies = sorted((dice.lognormvariate(3.5, 1.2) for _ in range(MANY)), key=lambda value: value * dice.random())
    share = math.ceil(MANY / PROCESSES)
    with ThreadPoolExecutor(PROCESSES) as threads:
        list(threads.map(_measure, (latencies[n * share : (n + 1) * share] for n in range(PROCESSES))))
    measured = read(platform)
    assert measured.counts["requests"] == measured.latencies["latency"].count == MANY
    latencies.sort()
    for q in (0.5, 0.95, 0.99):
        exact = latencies[math.ceil(q * MANY) - 1]
        assert measured.latencies["latency"].quantile(q) == pytest.approx(exact, rel=0.01)


def _measure(latencies: list[float]) -> None:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    subprocess.run(
        [str(LEAN / "python"), "-m", "tests.factories.measuring", FUNCTION],
        cwd=ROOT,
        env={**kept, **environment(os.environ["GOOGLE_CLOUD_PROJECT"])},
        input="\n".join(map(str, latencies)),
        text=True,
        check=True,
    )


class Watched:
    """The versions of the documents of figures that there were, as (path, when it was written)."""

    def __init__(self, project: str) -> None:
        self.versions: set[tuple[str, Any]] = set()
        self._totals = Client(project=project).collection("metrics")

    def look(self) -> None:
        for found in [*self._totals.stream(), *self._totals.document(FUNCTION).collection("minutes").stream()]:
            self.versions.add((found.reference.path, found.update_time))

    @contextmanager
    def looking(self) -> Iterator[None]:
        ended = threading.Event()

        def look() -> None:
            while not ended.wait(0.1):
                self.look()

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def test_under_load_an_instance_writes_once_in_ten_seconds_and_the_rest_at_its_end(
    platform: Platform, project: str, tmp_path: Path
) -> None:
    """Through gunicorn, as it is deployed."""
    limits = {"AUTH_MODE": "disabled", "RATE_LIMIT_ADMIN": "1000000"}
    sent, watched = 0, Watched(project)
    with FunctionProcess(FUNCTION, project, tmp_path / "log", **limits) as process, requests.Session() as session:
        with watched.looking():
            started, until = time.monotonic(), time.monotonic() + 60
            while time.monotonic() < until:
                assert session.get(process.url + PATH).status_code == 200
                sent += 1
                if watched.versions:
                    # Two more seconds, in which nothing more comes.
                    until = min(until, time.monotonic() + 2)
        assert (len(watched.versions), time.monotonic() - started > APART_SECONDS) == (1, True)
        process.stop()
    watched.look()
    # The minute, another one if it has turned, and the totals.
    assert 3 <= len(watched.versions) <= 4
    measured = read(platform)
    assert measured.counts["requests"] == measured.latencies["latency"].count == sent
    assert measured.counts["rate_limit_hits"] == measured.counts["rate_limit_hits_admin"] == sent
    assert MetricsReader(platform).totals()[FUNCTION].counts["requests"] == sent
    assert "metrics_kept" not in process.output()


def test_a_firestore_that_hangs_does_not_hold_up_the_end(project: str, tmp_path: Path) -> None:
    """Cloud Run gives ten; nothing else is lost by it but what was measured."""
    with Silence() as silent:
        hanging = {"FIRESTORE_EMULATOR_HOST": silent.address}
        with FunctionProcess("verification_policy", project, tmp_path / "log", **hanging) as process:
            requests.get(process.url + PATH)
            started = time.monotonic()
            process.stop()
            assert time.monotonic() - started < 8
    assert [line["message"] for line in process.lines("metrics_kept")] == ["metrics_kept"]
