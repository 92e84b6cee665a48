"""`make bench-raffle`: tickets sold by 64 buyers at once on one raffle, beside what bare Firestore does meanwhile.

Buyers are the 64 threads of one instance, which is the function's declared concurrency (`INSTANCES=2`: 32 in each of
two). Each buys one ticket after another through the function's handler, with the age and the membership read, and the
charge sent to the simulated gateway over HTTP. The bare figures are the same processes and threads with nothing but the
Firestore client.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.servers import ROOT
from local.emulators import Emulators
from local.provision import PubSub
from local.simulators.authorizenet_control import GatewayControl
from shared.platform.clock import Clock
from shared.platform.context import Platform
from shared.platform.ids import Ids
from shared.platform.settings import Settings
from shared.raffles.administration import Administration, Draft
from shared.raffles.repository import Raffles
from shared.runtime.manifest import declared_functions, topics
from tests.factories.club import gateway_variables
from tests.factories.environment import environment
from tests.factories.verifications import verify

RESULTS = Path(__file__).parent / "results-raffle.json"
LEAN = ROOT / ".venv" / "functions" / "bin" / "python"
ROUNDS = int(os.environ.get("ROUNDS") or 5)
SECONDS = float(os.environ.get("SECONDS") or 6)
PROCESSES, THREADS = int(os.environ.get("INSTANCES") or 1), 64
PRICE = 50_00
RATIO_LIMIT, P95_LIMIT = 0.15, 500


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="livhana-bench-raffle-"))
    with Emulators(folder / "emulators") as addresses, GatewayControl(folder / "gateway") as gateway:
        os.environ.update(addresses.environment())
        project = f"bench-{uuid.uuid4().hex[:8]}"
        variables = {**environment(project), **gateway_variables(gateway)}
        os.environ.update(variables)
        PubSub(addresses.pubsub, project).create_topics(topics(declared_functions()))
        clock = Clock()
        platform = Platform(Settings.load(variables), clock, Ids(clock))
        for number in range(THREADS):
            verify(platform, f"buyer-{number}", expires_at=datetime(2100, 1, 1, tzinfo=UTC))
        rounds = [one_round(platform, number) for number in range(ROUNDS + 1)][1:]
        money = sum(t["cents"] for t in gateway.transactions())
    return report(rounds, money)


def one_round(platform: Platform, number: int) -> dict[str, float]:
    """Each kind on a raffle of its own, so that no round has a larger document than another."""
    raffle_id = _raffle(platform)
    platform.firestore.collection("bench").document(raffle_id).set({"sold": 0})
    found = {
        kind: crowd(kind, raffle_id, PROCESSES, THREADS // PROCESSES) for kind in ("batch", "purchase", "transaction")
    }
    # 64 at once hold each other's locks most of the time: what one alone does is shown as well.
    found["alone"] = crowd("transaction", raffle_id, 1, 1)
    raffle = Raffles(platform).get(raffle_id)
    assert raffle is not None
    sold = raffle.raffle.paid
    # And one before the clock ran, in each process.
    assert sold == len(found["purchase"]) + PROCESSES, "tickets sold and bought are not the same"
    return {
        **{kind: len(times) / SECONDS for kind, times in found.items()},
        "p50": statistics.median(found["purchase"]),
        "p95": statistics.quantiles(found["purchase"], n=20)[-1],
        "sold": sold,
    }


def crowd(kind: str, raffle_id: str, processes: int, threads: int) -> list[float]:
    """The milliseconds of each, over all processes, which begin together."""
    command = [str(LEAN), "-m", "bench.buyers", kind, raffle_id, str(threads), str(SECONDS)]
    some = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    for one in some:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in some:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    return [taken for one in some for taken in json.loads(one.communicate()[0])]


def _raffle(platform: Platform) -> str:
    administration = Administration.on(platform)
    draft = Draft(
        name="Bench",
        description="",
        prize="A year of tea",
        ticket_price=PRICE,
        max_tickets=100_000,
        draw_date=platform.clock.now() + timedelta(days=30),
    )
    raffle = administration.create(draft, "bench")
    return administration.update(raffle.id, {"status": "active"}, "bench", "bench").id


def report(rounds: list[dict[str, float]], gateway_cents: int) -> int:
    def median(name: str) -> float:
        return statistics.median(found[name] for found in rounds)

    ratio = statistics.median(found["purchase"] / found["batch"] for found in rounds)
    figures = [
        _figure("sold tickets a second, gateway charge included", median("purchase"), None),
        _figure("bare batch of create() and Increment, a second", median("batch"), None),
        _figure("bare transactions on one document, 64 at once, a second", median("transaction"), None),
        _figure("bare transactions on one document, one at a time, a second", median("alone"), None),
        _figure("sold tickets / bare batches", ratio, ratio >= RATIO_LIMIT, f">= {RATIO_LIMIT}"),
        _figure("a purchase, p50 (ms)", median("p50"), None),
        _figure("a purchase, p95 (ms)", median("p95"), median("p95") < P95_LIMIT, f"< {P95_LIMIT}"),
    ]
    written = {"figures": figures, "rounds": rounds, "gatewayCents": gateway_cents}
    RESULTS.write_text(json.dumps(written, indent=2) + "\n")
    for figure in figures:
        print(f"{figure['name']:55} {figure['value']:>9.2f}  {figure['limit']:>8}")
    return 0 if all(figure["met"] is not False for figure in figures) else 1


def _figure(name: str, value: float, met: bool | None, limit: str = "") -> dict[str, object]:
    return {"name": name, "value": round(value, 3), "limit": limit, "met": met}


if __name__ == "__main__":
    sys.exit(main())
