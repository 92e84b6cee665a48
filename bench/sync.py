"""`make bench-sync`: the shop's payments from the simulator into the local BigQuery, beside their limits.

Each run is the command line (`python -m tools.sync square --backfill 2y`) as a process of its own in the lean
environment, on a project of its own; its peak memory is the kernel's (VmHWM). Simulator and BigQuery are other
processes on the same cores.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from local.emulators import Emulators
from local.provision import PubSub, create_tables, warehouse
from local.simulators.process import Simulator
from shared.runtime.manifest import declared_functions, topics
from tests.factories.environment import environment

ROUNDS = int(os.environ.get("ROUNDS") or 3)
# Of the slow API, whose runs take minutes and hardly differ.
SLOW_ROUNDS = int(os.environ.get("SLOW_ROUNDS") or 1)
REPOSITORY = Path(__file__).parents[1]
LEAN = REPOSITORY / ".venv/functions/bin/python"
RESULTS = Path(__file__).parent / "results-sync.json"
PAYMENTS, TEN_TIMES = 100_184, 1_001_840
LATENCY_MS, RATE_LIMIT, PACE = 150, 40, 36
# One page after another, two years take four minutes at 150 ms a page; a year shows the same ratio.
SLOW_PART = "P365D"


@dataclass(frozen=True)
class Measured:
    seconds: float
    peak_mib: float
    requests: int
    output: str


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="livhana-bench-sync-"))
    with Emulators(folder / "emulators") as addresses:
        os.environ.update(addresses.environment())
        figures = [*full_size(folder), *slow_api(folder)]
        if os.environ.get("TEN_TIMES") != "off":
            figures += ten_times(folder, figures)
    RESULTS.write_text(json.dumps({"figures": figures}, indent=2) + "\n")
    for figure in figures:
        print(f"{figure['name']:66} {figure['value']:>9.2f}  {figure['limit']:>10}  {figure['beside']}")
    return 0 if all(figure["met"] for figure in figures) else 1


def full_size(folder: Path) -> list[dict]:
    """Two years, all streams, from an API that answers at once; then nothing new."""
    firsts, seconds = [], []
    with Simulator("square", folder / "full", payments=PAYMENTS) as square:
        for _ in range(ROUNDS):
            project = new_project()
            firsts.append(run(square, project, "--backfill", "2y"))
            check(square, project)
            seconds.append(run(square, project))
    time_, memory = median(firsts, "seconds"), max(m.peak_mib for m in firsts)
    start = statistics.median(first_breath() for _ in range(ROUNDS))
    empty = median(seconds, "seconds")
    return [
        at_most(f"first run, {PAYMENTS:,} payments and the rest (s)", time_, 60, f"{firsts[0].requests} requests"),
        at_most("first run, peak memory of the process (MiB)", memory, 256, "the highest of all rounds"),
        at_most("run without news, without the process's start (s)", empty - start, 1, f"{empty:.2f} s with it"),
    ]


def slow_api(folder: Path) -> list[dict]:
    """An API that takes 150 ms a page and allows 40 requests a second: side by side, and one after another."""
    together, alone, seen = [], [], {}
    with Simulator("square", folder / "full", payments=PAYMENTS) as square:
        square.trap(latency_ms=LATENCY_MS, rate_limit=RATE_LIMIT)
        for _ in range(SLOW_ROUNDS):
            square.reset_requests()
            together.append(run(square, new_project(), "--backfill", SLOW_PART, SQUARE_REQUESTS_PER_SECOND=str(PACE)))
            seen = square.requests()
            alone.append(run(square, new_project(), "--backfill", SLOW_PART, "--windows", "1", SQUARE_PARALLEL="1"))
        square.clear_traps()
    ratio = statistics.median(a.seconds / t.seconds for a, t in zip(alone, together, strict=True))
    return [
        at_least(
            f"{LATENCY_MS} ms a page: one after another / side by side",
            ratio,
            4,
            f"{median(alone, 'seconds'):.1f} s beside {median(together, 'seconds'):.1f} s",
        ),
        at_most("requests in the busiest second", seen["perSecondMax"], RATE_LIMIT, f"statuses {seen['byStatus']}"),
    ]


def ten_times(folder: Path, figures: list[dict]) -> list[dict]:
    """The same with ten times the payments, once."""
    with Simulator("square", folder / "ten", payments=TEN_TIMES) as square:
        project = new_project()
        measured = run(square, project, "--backfill", "2y")
        check(square, project)
    ratio = measured.seconds / figures[0]["value"]
    return [
        at_most(f"{TEN_TIMES:,} payments, times the time", ratio, 12, f"{measured.seconds:.0f} s"),
        at_most(f"{TEN_TIMES:,} payments, peak memory (MiB)", measured.peak_mib, 256, f"{measured.requests} requests"),
    ]


def new_project() -> str:
    project = f"bench-{uuid.uuid4().hex[:8]}"
    PubSub(os.environ["PUBSUB_EMULATOR_HOST"], project).create_topics(topics(declared_functions()))
    create_tables(warehouse(os.environ["BIGQUERY_EMULATOR_HOST"], project))
    return project


def run(square: Simulator, project: str, *options: str, **changes: str) -> Measured:
    """One process. Raises RuntimeError when it fails or its certificate is red."""
    before = square.requests()["total"]
    started = time.perf_counter()
    done = subprocess.run(
        [LEAN, "-m", "bench.measured_sync", "square", *options],
        cwd=REPOSITORY,
        env={**os.environ, **variables(square, project), **changes},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(f"{done.stdout}\n{done.stderr}")
    peak = int(re.search(r"VmHWM (\d+)", done.stderr)[1]) / 1024
    return Measured(seconds, peak, square.requests()["total"] - before, done.stdout)


def first_breath() -> float:
    """Seconds until the command could do anything: interpreter, imports, arguments."""
    started = time.perf_counter()
    subprocess.run([LEAN, "-m", "bench.measured_sync", "--help"], cwd=REPOSITORY, capture_output=True, check=True)
    return time.perf_counter() - started


def variables(square: Simulator, project: str) -> dict[str, str]:
    return {
        **environment(project),
        "AUTH_MODE": "jwt",
        "SQUARE_URL": square.url,
        "SQUARE_ACCESS_TOKEN": "sim-square-token",
        "SQUARE_REQUESTS_PER_SECOND": "1000",
    }


def check(square: Simulator, project: str) -> None:
    """Not only quick: complete. Raises RuntimeError."""
    client = warehouse(os.environ["BIGQUERY_EMULATOR_HOST"], project)
    sql = "SELECT COUNT(*) AS n, COUNT(DISTINCT id) AS ids, SUM(amount) AS cents FROM `analytics.square_payments`"
    found = next(iter(client.query_and_wait(f"{sql} WHERE created_at > '2000-01-01'")))
    ledger = square.ledger("payments")
    if (found["n"], found["ids"], found["cents"]) != (ledger["count"], ledger["count"], ledger["cents"]):
        raise RuntimeError(f"The table has {dict(found)}, the ledger {ledger['count']} and {ledger['cents']} cents.")


def median(measured: list[Measured], name: str) -> float:
    return statistics.median(getattr(one, name) for one in measured)


def at_most(name: str, value: float, limit: float, beside: str) -> dict:
    return {"name": name, "value": value, "limit": f"<= {limit}", "met": value <= limit, "beside": beside}


def at_least(name: str, value: float, limit: float, beside: str) -> dict:
    return {"name": name, "value": value, "limit": f">= {limit}", "met": value >= limit, "beside": beside}


if __name__ == "__main__":
    sys.exit(main())
