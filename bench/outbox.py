"""`make bench-outbox`: 1,000 processes killed between commit and publish, and what came of their events."""

from __future__ import annotations

import json
import os
import platform as machine
import sys
import tempfile
import time
import uuid
from pathlib import Path

import functions_framework

from local.emulators import Emulators
from local.provision import PubSub, create_tables, warehouse
from shared.platform.clock import Clock
from shared.platform.context import Platform
from shared.platform.ids import Ids
from shared.platform.settings import Settings
from tests.factories.environment import environment
from tests.factories.outbox_kills import killed, verified

RESULTS = Path(__file__).parent / "results-outbox.json"
MAIN = str(Path(__file__).parents[1] / "main.py")
COUNT = int(os.environ.get("COUNT") or 1000)
RELAYS = max(2, COUNT // 25)


def main() -> int:
    folder, started = Path(tempfile.mkdtemp(prefix="livhana-bench-outbox-")), time.monotonic()
    with Emulators(folder / "emulators") as addresses:
        os.environ.update(addresses.environment())
        project = f"bench-{uuid.uuid4().hex[:8]}"
        os.environ.update(environment(project))
        pubsub = PubSub(addresses.pubsub, project)
        pubsub.create_topics(["security-events", "verification-events"])
        create_tables(warehouse(os.environ["BIGQUERY_EMULATOR_HOST"], project))
        clock = Clock()
        platform = Platform(Settings.load(), clock, Ids(clock))
        recorder = functions_framework.create_app("audit_record_event", MAIN).test_client()
        found = killed(platform, pubsub, recorder, folder, COUNT, RELAYS)
        stored = verified(platform)
    deliveries = sum(found.deliveries.values())
    once = all(rows == dict.fromkeys(found.committed, 1) for rows in found.rows.values())
    figures = {
        "killed between commit and forget": found.ended["verified"].get("SIGKILL", 0),
        "relays killed between publish and forget": found.ended["relayed"].get("SIGKILL", 0),
        "verifications stored": stored,
        "events": len(found.committed),
        "deliveries": deliveries,
        "events that never arrived": len(found.committed - set(found.deliveries)),
        "left in the outbox": found.left,
        "each became one row in each of its tables": once,
        "seconds": round(time.monotonic() - started),
    }
    RESULTS.write_text(json.dumps({"python": machine.python_version(), "figures": figures}, indent=2) + "\n")
    for name, value in figures.items():
        print(f"{name:45} {value}")
    met = once and found.left == 0 and found.committed == set(found.deliveries) and stored == COUNT
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
