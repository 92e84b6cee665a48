"""`make bench`: each figure beside its physical limit, measured in the same run. Medians of interleaved runs."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import tempfile
import time
import uuid
from pathlib import Path

from google.cloud import firestore

from bench import load, members
from bench.servers import BARE, OURS, Server, first_answer, serve
from local.emulators import Emulators
from local.provision import PubSub
from shared.runtime.manifest import declared_functions, topics
from tests.factories.claims import verify_body
from tests.factories.environment import environment
from tests.factories.tokens import bearer

RESULTS = Path(__file__).parent / "results.json"
ROUNDS = int(os.environ.get("ROUNDS") or 5)
REQUESTS = 1500
CONCURRENCY = 8
CUSTOMERS = 100
VERIFY = "/api/age-verification/verify"
STATUS = "/api/age-verification/status"
DISCOUNT = "/api/memberships/discount"
SERVICE = bearer("service", "bench", exp=int(time.time()) + 86400)
JSON = {**SERVICE, "Content-Type": "application/json"}


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="livhana-bench-"))
    with Emulators(folder / "emulators") as addresses:
        os.environ.update(addresses.environment())
        project = f"bench-{uuid.uuid4().hex[:8]}"
        variables = environment(project, RATE_LIMIT_SIGNED_IN="100000000")
        PubSub(addresses.pubsub, project).create_topics(topics(declared_functions()))
        figures = [*warm(variables, folder), *cold(variables, folder), *limits(variables, folder)]
    report(figures)
    return 0 if all(figure["met"] for figure in figures) else 1


def warm(variables: dict[str, str], folder: Path) -> list[dict]:
    """Cached verify, status and discount beside a bare function with one Firestore get, in turns."""
    members.join(variables, [f"bench-{n}" for n in range(CUSTOMERS)])
    bodies = [json.dumps(verify_body(f"bench-{n}")).encode() for n in range(CUSTOMERS)]
    with (
        serve("verification_verify", OURS, variables, folder) as verify,
        serve("verification_status", OURS, variables, folder) as status,
        serve("memberships_discount", OURS, variables, folder) as discount,
        serve("bare_get", BARE, variables, folder) as bare,
    ):
        for body in bodies:
            first_answer(verify, VERIFY, JSON, body)
        first_answer(bare, "/", {}, None)
        asked = {
            "verify": (verify, [load.request("POST", VERIFY, JSON, bodies[n % CUSTOMERS]) for n in range(REQUESTS)]),
            "status": (
                status,
                [load.request("GET", f"{STATUS}/bench-{n % CUSTOMERS}", SERVICE) for n in range(REQUESTS)],
            ),
            "discount": (
                discount,
                [
                    load.request("GET", f"{DISCOUNT}/bench-{n % CUSTOMERS}?subtotal=150.00", SERVICE)
                    for n in range(REQUESTS)
                ],
            ),
            "bare": (bare, [load.request("GET", "/", {}) for _ in range(REQUESTS)]),
        }
        rounds = {name: [] for name in asked}
        for number in range(ROUNDS + 1):
            for name, (server, requests) in asked.items():
                measured = _measure(server, requests)
                if number:  # the first round warms up
                    rounds[name].append(measured)
        memory = {"verify": verify.peak_memory_mib(), "status": status.peak_memory_mib()}
    return _warm_figures(rounds, memory)


def _measure(server: Server, requests: list[bytes]) -> dict[str, float]:
    server.forget_log()
    result = load.run(server.port, requests, CONCURRENCY)
    if set(result.statuses) != {200}:
        raise RuntimeError(f"statuses {result.statuses}")
    handler = server.handler_latencies() or [0.0]
    return {
        "per_second": result.per_second,
        "client_p95": _percentile(result.latencies, 95),
        "handler_p50": _percentile(handler, 50),
        "handler_p95": _percentile(handler, 95),
    }


def _warm_figures(rounds: dict[str, list[dict[str, float]]], memory: dict[str, float]) -> list[dict]:
    median = {
        name: {key: statistics.median(r[key] for r in found) for key in found[0]} for name, found in rounds.items()
    }
    ratio = statistics.median(
        ours["per_second"] / bare["per_second"] for ours, bare in zip(rounds["status"], rounds["bare"], strict=True)
    )
    bare = f"bare get: {median['bare']['client_p95']:.1f} ms at the client"
    return [
        _at_most("cached verify, p95 in the handler (ms)", median["verify"]["handler_p95"], 10, bare),
        _at_most("status, p95 in the handler (ms)", median["status"]["handler_p95"], 10, bare),
        _at_most("member discount, p95 in the handler (ms)", median["discount"]["handler_p95"], 10, bare),
        _at_least(
            "status throughput / bare function with one get",
            ratio,
            0.6,
            f"{median['status']['per_second']:.0f}/s beside {median['bare']['per_second']:.0f}/s",
        ),
        _at_most("verify, peak memory (MiB)", memory["verify"], 128, "one instance after all rounds"),
        _at_most("status, peak memory (MiB)", memory["status"], 128, "one instance after all rounds"),
    ]


def cold(variables: dict[str, str], folder: Path) -> list[dict]:
    """Process start to first 200, beside a bare function that imports the Firestore client."""
    ours, bare = [], []
    for number in range(2 * ROUNDS + 1):
        body = json.dumps(verify_body(f"cold-{number}")).encode()
        pair = (
            _start("verification_verify", OURS, variables, folder, VERIFY, JSON, body),
            _start("bare_import", BARE, variables, folder, "/", {}, None),
        )
        if number:
            ours.append(pair[0])
            bare.append(pair[1])
    ratio = statistics.median(o / b for o, b in zip(ours, bare, strict=True))
    beside = f"{statistics.median(ours):.0f} ms beside {statistics.median(bare):.0f} ms"
    return [_at_most("cold start of verify / bare function with the client", ratio, 1.3, beside)]


def _start(target, source, variables, folder, path, headers, body) -> float:
    started = time.perf_counter()
    with serve(target, source, variables, folder) as server:
        first_answer(server, path, headers, body)
        return (time.perf_counter() - started) * 1000


def limits(variables: dict[str, str], folder: Path) -> list[dict]:
    """How many Firestore writes a limited caller costs: 1,000 requests on a limit of 300."""
    variables = {**variables, "RATE_LIMIT_SIGNED_IN": "300"}
    headers = bearer("service", "limited", exp=int(time.time()) + 86400)
    with serve("verification_policy", OURS, variables, folder) as server:
        warming = bearer("service", "warming", exp=int(time.time()) + 86400)
        first_answer(server, "/api/age-verification/policy?state=TX", warming, None)
        requests = [load.request("GET", "/api/age-verification/policy?state=TX", headers) for _ in range(1000)]
        result = load.run(server.port, requests, 32)
    documents = firestore.Client(project=variables["GOOGLE_CLOUD_PROJECT"]).collection("rate_limits").stream()
    counters = [document.to_dict() for document in documents]
    writes = sum(counter["leases"] for counter in counters if counter["limit"] == 300)
    admitted = result.statuses.get(200, 0)
    return [
        _at_most("admitted of 1,000 requests at a limit of 300", admitted, 300, f"statuses {result.statuses}"),
        _at_most("Firestore writes for them", writes, 100, "a tenth of the requests"),
    ]


def report(figures: list[dict]) -> None:
    width = max(len(figure["name"]) for figure in figures)
    print(f"\n{'figure':{width}}  {'measured':>9}  {'limit':>8}")
    for figure in figures:
        sign = "≤" if figure["at_most"] else "≥"
        mark = "" if figure["met"] else "  NOT MET"
        print(
            f"{figure['name']:{width}}  {figure['measured']:9.2f}  {sign}{figure['limit']:7g}  {figure['beside']}{mark}"
        )
    machine = {"python": platform.python_version(), "cores": os.cpu_count(), "rounds": ROUNDS, "requests": REQUESTS}
    RESULTS.write_text(json.dumps({"machine": machine, "figures": figures}, indent=2, ensure_ascii=False) + "\n")


def _at_most(name: str, measured: float, limit: float, beside: str) -> dict:
    return _figure(name, measured, limit, beside, at_most=True)


def _at_least(name: str, measured: float, limit: float, beside: str) -> dict:
    return _figure(name, measured, limit, beside, at_most=False)


def _figure(name: str, measured: float, limit: float, beside: str, *, at_most: bool) -> dict:
    met = measured <= limit if at_most else measured >= limit
    return {
        "name": name,
        "measured": round(measured, 3),
        "limit": limit,
        "at_most": at_most,
        "beside": beside,
        "met": met,
    }


def _percentile(values: list[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


if __name__ == "__main__":
    sys.exit(main())
