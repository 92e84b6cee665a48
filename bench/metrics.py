"""`make bench-metrics`: what measuring costs a request, how exact merged quantiles are, how fast /health answers.

The cost is the difference between the same endpoint with and without measuring, in one process, in turns. /health is
served as it is deployed, by gunicorn in the lean environment: its own time of each request, beside a Firestore that
answers, one that accepts connections and says nothing, and one whose packets vanish.
"""

from __future__ import annotations

import json
import math
import os
import platform as machine
import random
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from werkzeug.test import Client

from bench import load
from bench.servers import OURS, ROOT, first_answer, serve
from local.emulators import Emulators
from local.provision import PubSub
from shared.monitoring.figures import MetricsReader
from shared.platform.context import Platform
from shared.platform.settings import Settings
from shared.runtime.declare import PUBLIC
from tests.factories.black_hole import BlackHole
from tests.factories.environment import environment
from tests.factories.silence import Silence
from tests.factories.throw_away import client_of, who_calls

RESULTS = Path(__file__).parent / "results-metrics.json"
LEAN = ROOT / ".venv" / "functions" / "bin" / "python"
ROUNDS = int(os.environ.get("ROUNDS") or 9)
REQUESTS, MANY, PROCESSES = 1000, 100_000, 3
FUNCTION = "verification_policy"


class Unmeasured:
    """In place of `platform.metrics`: nothing."""

    def count(self, name: str, amount: int = 1) -> None: ...

    def observe(self, name: str, milliseconds: float) -> None: ...

    def forget(self) -> None: ...

    @contextmanager
    def serving(self, function: str) -> Iterator[None]:
        yield


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="livhana-bench-metrics-"))
    with Emulators(folder / "emulators") as addresses:
        os.environ.update(addresses.environment())
        project = f"bench-{uuid.uuid4().hex[:8]}"
        variables = environment(project, RATE_LIMIT_ANONYMOUS="100000000", RATE_LIMIT_HEALTH="100000000")
        os.environ.update(variables)
        PubSub(addresses.pubsub, project).create_topics(["security-events"])
        figures = [
            _figure("measuring a request, median (ms)", overhead(), 0.2),
            _figure("merged p95 of 3 processes, off by (%)", merged_error(variables), 2),
            *health(variables, folder),
        ]
    written = {"python": machine.python_version(), "cores": os.cpu_count(), "rounds": ROUNDS, "figures": figures}
    RESULTS.write_text(json.dumps(written, indent=2) + "\n")
    for figure in figures:
        mark = "" if figure["met"] else "  NOT MET"
        print(f"{figure['name']:58} {figure['measured']:>8.3f}  ≤{figure['limit']:g}{mark}")
    return 0 if all(figure["met"] for figure in figures) else 1


def overhead() -> float:
    """Median over the rounds of the difference of the medians, each round in turns."""
    measured, unmeasured = Platform.start(Settings.load()), Platform.start(Settings.load())
    vars(unmeasured)["metrics"] = Unmeasured()
    clients = [client_of(platform, who_calls, "GET /bench", auth=PUBLIC) for platform in (measured, unmeasured)]
    found = []
    for _ in range(ROUNDS + 1):
        times: list[list[float]] = [[], []]
        for _ in range(REQUESTS):
            for which, client in enumerate(clients):
                times[which].append(_timed(client))
        found.append(statistics.median(times[0]) - statistics.median(times[1]))
    measured.metrics.forget()
    return statistics.median(found[1:])


def _timed(client: Client) -> float:
    started = time.perf_counter()
    client.get("/bench")
    return (time.perf_counter() - started) * 1000


def merged_error(variables: dict[str, str]) -> float:
    dice = random.Random(8)
    latencies = sorted((dice.lognormvariate(3.5, 1.2) for _ in range(MANY)), key=lambda value: value * dice.random())
    share = math.ceil(MANY / PROCESSES)
    with ThreadPoolExecutor(PROCESSES) as threads:
        parts = [latencies[n * share : (n + 1) * share] for n in range(PROCESSES)]
        list(threads.map(lambda part: _measure(part, variables), parts))
    platform = Platform.start(Settings.load(variables))
    now = platform.clock.now()
    merged = MetricsReader(platform).read(now - timedelta(hours=1), now)[FUNCTION].latencies["latency"]
    assert merged.count == MANY
    exact = sorted(latencies)[math.ceil(0.95 * MANY) - 1]
    return abs(merged.quantile(0.95) / exact - 1) * 100


def _measure(part: list[float], variables: dict[str, str]) -> None:
    command = [str(LEAN), "-m", "tests.factories.measuring", FUNCTION]
    given = {**os.environ, **variables}
    subprocess.run(command, cwd=ROOT, env=given, input="\n".join(map(str, part)), text=True, check=True)


def health(variables: dict[str, str], folder: Path) -> list[dict]:
    with Silence() as silent, BlackHole() as hole:
        stores = {
            "answers": variables["FIRESTORE_EMULATOR_HOST"],
            "says nothing": silent.address,
            "is a black hole": hole.address,
        }
        return [
            _figure(f"/health p95 in the handler, Firestore {how} (ms)", _health(address, variables, folder), 5)
            for how, address in stores.items()
        ]


def _health(store: str, variables: dict[str, str], folder: Path) -> float:
    """Asked one after another, so that nothing but the handler itself takes time."""
    with serve("monitoring_health", OURS, {**variables, "FIRESTORE_EMULATOR_HOST": store}, folder) as server:
        first_answer(server, "/health", {}, None)
        rounds = []
        for _ in range(ROUNDS + 1):
            server.forget_log()
            result = load.run(server.port, [load.request("GET", "/health", {})] * 200, 1)
            assert set(result.statuses) == {200}, result.statuses
            rounds.append(statistics.quantiles(server.handler_latencies(), n=20)[-1])
        return statistics.median(rounds[1:])


def _figure(name: str, measured: float, limit: float) -> dict:
    return {"name": name, "measured": round(measured, 4), "limit": limit, "met": measured <= limit}


if __name__ == "__main__":
    sys.exit(main())
