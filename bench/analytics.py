"""`make bench-analytics`: cached answers from BigQuery, beside the same queries without our code around them.

The local BigQuery holds a shop of the real one's size. Each round asks, in turns: the bare queries in a process of
their own, the endpoint with nothing valid in its cache, and the endpoint with a fresh entry, one caller and three.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import statistics
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from google.cloud import firestore

from bench import load, query_counts, shop_rows
from bench.query_counts import Jobs, connection
from bench.query_sets import ENDPOINTS, Bare, Measured, asked_by, bare
from bench.servers import OURS, Server, first_answer, serve
from local.emulators import Emulators
from local.provision import PubSub, create_tables, warehouse
from shared.runtime.manifest import declared_functions, topics
from tests.factories.environment import environment
from tests.factories.tokens import bearer

RESULTS = Path(__file__).parent / "results-analytics.json"
ROUNDS = int(os.environ.get("ROUNDS") or 7)
# Of bare and uncached in turns, in each round.
PAIRS = 3
HITS = 300
CONCURRENCY = 3
ADMIN = bearer("admin", "bench", exp=int(time.time()) + 2 * 86400)
INVALIDATE = "/api/bigquery/cache/invalidate"
# The contract's, ms: a query alone, and what a caller waits for.
QUERY_LIMITS = {"daily_sales.sql": 360, "monthly_sales.sql": 420, "products.sql": 180, "recent_sales.sql": 150}
ENDPOINT_LIMITS = {"dashboard": 350, "historical": 420, "products": 180}
RATIO_LIMIT, HIT_LIMIT = 1.2, 10


@dataclass
class Times:
    """Milliseconds of one endpoint over all rounds."""

    bare: list[float] = field(default_factory=list)
    handler: list[float] = field(default_factory=list)
    client: list[float] = field(default_factory=list)
    # Each round's (p50, p95) in the handler.
    alone: list[tuple[float, float]] = field(default_factory=list)
    together: list[tuple[float, float]] = field(default_factory=list)
    unchanged: list[tuple[float, float]] = field(default_factory=list)

    def ratio(self) -> float:
        return statistics.median(ours / bare for ours, bare in zip(self.handler, self.bare, strict=True))

    def own(self) -> float:
        """What the handler takes longer than the queries."""
        return statistics.median(ours - bare for ours, bare in zip(self.handler, self.bare, strict=True))


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="livhana-bench-analytics-"))
    with Emulators(folder / "emulators") as addresses:
        os.environ.update(addresses.environment())
        project = f"bench-{uuid.uuid4().hex[:8]}"
        variables = environment(project, RATE_LIMIT_ADMIN="100000000", BIGQUERY_DAILY_BYTES=str(10**15))
        PubSub(addresses.pubsub, project).create_topics(topics(declared_functions()))
        client, store = warehouse(addresses.bigquery, project), firestore.Client(project=project)
        create_tables(client)
        shop_rows.load(client)
        query_counts.change_data(store, "bench-1")
        sets: dict[str, list] = {}
        for endpoint in ENDPOINTS:
            sets |= asked_by(endpoint, variables)
        with bare(project, sets) as queries:
            times = endpoints(queries, variables, folder)
            alone = singles(queries, sorted(set(sets) - {endpoint.name for endpoint in ENDPOINTS}))
        figures = [*_endpoint_figures(times), *_query_figures(alone)]
        figures += counts(Jobs(client), store, variables, folder, times["dashboard"])
    report(times, alone, figures)
    return 0 if all(figure["met"] for figure in figures) else 1


def endpoints(queries: Bare, variables: dict[str, str], folder: Path) -> dict[str, Times]:
    times = {endpoint.name: Times() for endpoint in ENDPOINTS}
    with contextlib.ExitStack() as stack:
        servers = {e.name: stack.enter_context(serve(e.target, OURS, variables, folder)) for e in ENDPOINTS}
        invalidating = stack.enter_context(serve("analytics_invalidate_cache", OURS, variables, folder))
        for endpoint in ENDPOINTS:
            first_answer(servers[endpoint.name], endpoint.path, ADMIN, None)
        for number in range(ROUNDS + 1):
            for endpoint in ENDPOINTS:
                # The first round warms up.
                found = times[endpoint.name] if number else Times()
                for _ in range(PAIRS):
                    found.bare.append(queries.run(endpoint.name))
                    _uncached(endpoint, servers[endpoint.name], invalidating, found)
                _cached(endpoint, servers[endpoint.name], found)
    return times


def _uncached(endpoint: Measured, server: Server, invalidating: Server, found: Times) -> None:
    first_answer(invalidating, INVALIDATE, ADMIN | {"Content-Type": "application/json"}, b"{}")
    server.forget_log()
    with connection(server) as asking:
        asking.connect()
        started = time.perf_counter()
        asking.request("GET", endpoint.path, headers=ADMIN)
        answer = asking.getresponse()
        answer.read()
        found.client.append((time.perf_counter() - started) * 1000)
    if answer.headers["Cache-Status"] != "livhana; fwd=miss; stored":
        raise RuntimeError(f"{endpoint.name}: {answer.status} {answer.headers['Cache-Status']}")
    found.handler.append(server.handler_latencies()[0])


def _cached(endpoint: Measured, server: Server, found: Times) -> None:
    tag = _hit(endpoint, server)
    plain = load.request("GET", endpoint.path, ADMIN)
    having = load.request("GET", endpoint.path, ADMIN | {"If-None-Match": tag})
    found.alone.append(_hits(server, plain, 1, 200))
    found.together.append(_hits(server, plain, CONCURRENCY, 200))
    found.unchanged.append(_hits(server, having, CONCURRENCY, 304))
    _hit(endpoint, server)


def _hits(server: Server, request: bytes, concurrency: int, status: int) -> tuple[float, float]:
    """p50 and p95 in the handler."""
    server.forget_log()
    statuses = load.run(server.port, [request] * HITS, concurrency).statuses
    if set(statuses) != {status}:
        raise RuntimeError(f"statuses {statuses}, not {status}")
    quantiles = statistics.quantiles(server.handler_latencies(), n=20)
    return quantiles[9], quantiles[18]


def _hit(endpoint: Measured, server: Server) -> str:
    """The answer's ETag. Raises RuntimeError when it is not a fresh one from the cache."""
    with connection(server) as asking:
        asking.request("GET", endpoint.path, headers=ADMIN)
        answer = asking.getresponse()
        answer.read()
    status = answer.headers["Cache-Status"]
    if not status.startswith("livhana; hit") or "detail" in status:
        raise RuntimeError(f"{endpoint.name}: {answer.status} {status}")
    return answer.headers["ETag"]


def singles(queries: Bare, names: list[str]) -> dict[str, float]:
    """Median milliseconds of each query alone."""
    rounds = [{name: queries.run(name) for name in names} for _ in range(ROUNDS)]
    return {name: statistics.median(found[name] for found in rounds) for name in names}


def counts(jobs: Jobs, store: firestore.Client, variables: dict[str, str], folder: Path, times: Times) -> list[dict]:
    once = query_counts.at_once(jobs, store, variables, ADMIN, folder)
    hours = query_counts.polling(jobs, store, variables, ADMIN, folder)
    callers, instances = query_counts.CALLERS, query_counts.INSTANCES
    beside = f"the last answer after {once['ms']:.0f} ms; the bare queries take {statistics.median(times.bare):.0f} ms"
    polls = f"{query_counts.POLLS} requests"
    return [
        _at_most(f"query sets of {callers} requests at once on {instances} cold instances", once["sets"], 1, beside),
        _at_most("query sets of an hour of polling, the first of a day", hours["quiet"], 1, polls),
        _at_most(
            f"query sets of an hour with {query_counts.SYNCS} syncs that changed rows",
            hours["busy"],
            query_counts.SYNCS,
            polls,
        ),
    ]


def _endpoint_figures(times: dict[str, Times]) -> list[dict]:
    figures = []
    for name, found in times.items():
        bare, handler, client = (statistics.median(ms) for ms in (found.bare, found.handler, found.client))
        beside = f"{handler:.0f} ms beside {bare:.0f} ms, {found.own():.0f} ms our own"
        figures.append(_at_most(f"{name}: uncached in the handler / bare queries", found.ratio(), RATIO_LIMIT, beside))
        if name in ENDPOINT_LIMITS:
            beside = "with nothing valid in the cache"
            figures.append(_at_most(f"{name}: uncached over HTTP (ms)", client, ENDPOINT_LIMITS[name], beside))
        for kind, rounds in {"one caller": found.alone, "three at once": found.together}.items():
            p50, p95 = _medians(rounds)
            figures.append(
                _at_most(f"{name}: cached, {kind}, p95 in the handler (ms)", p95, HIT_LIMIT, f"p50 {p50:.1f}")
            )
    return figures


def _query_figures(alone: dict[str, float]) -> list[dict]:
    return [
        _at_most(f"{name} alone, bare (ms)", alone[name], limit, f"{shop_rows.PAYMENTS:,} payments")
        for name, limit in QUERY_LIMITS.items()
    ]


def report(times: dict[str, Times], alone: dict[str, float], figures: list[dict]) -> None:
    print("\nms; cached: p50/p95 in the handler")
    print(
        f"{'':12}{'bare':>8}{'handler':>9}{'HTTP':>8}{'ratio':>7}{'own':>6}{'cached':>12}{'3 at once':>12}{'304':>12}"
    )
    rows = {name: _row(found) for name, found in times.items()}
    for name, row in rows.items():
        hits = "".join(f"{p50:>7.1f}/{p95:.1f}" for p50, p95 in (row["cached"], row["three_at_once"], row["unchanged"]))
        print(
            f"{name:12}{row['bare']:8.0f}{row['handler']:9.0f}{row['http']:8.0f}{row['ratio']:7.2f}{row['own']:6.0f}{hits}"
        )
    print("\nqueries alone, bare (ms): " + ", ".join(f"{name} {ms:.0f}" for name, ms in alone.items()) + "\n")
    for figure in figures:
        mark = "" if figure["met"] else "  NOT MET"
        print(f"{figure['name']:66} {figure['value']:>9.2f}  {figure['limit']:>8}  {figure['beside']}{mark}")
    machine = {"python": platform.python_version(), "cores": os.cpu_count(), "rounds": ROUNDS}
    found = {"machine": machine, "endpoints": rows, "queries": alone, "figures": figures}
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")


def _row(found: Times) -> dict:
    return {
        "bare": statistics.median(found.bare),
        "handler": statistics.median(found.handler),
        "http": statistics.median(found.client),
        "ratio": found.ratio(),
        "own": found.own(),
        "cached": _medians(found.alone),
        "three_at_once": _medians(found.together),
        "unchanged": _medians(found.unchanged),
    }


def _medians(rounds: list[tuple[float, float]]) -> tuple[float, float]:
    return statistics.median(p50 for p50, _ in rounds), statistics.median(p95 for _, p95 in rounds)


def _at_most(name: str, value: float, limit: float, beside: str) -> dict:
    return {"name": name, "value": value, "limit": f"<= {limit}", "met": value <= limit, "beside": beside}


if __name__ == "__main__":
    sys.exit(main())
