"""A crowd of killed processes, and what came of their events."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from local.provision import PubSub
from shared.platform.context import Platform
from tests.factories.clock_file import ClockFile
from tests.factories.environment import environment
from tests.factories.messages import data_of, pulled, push
from tests.factories.warehouse import Warehouse
from tests.faults.processes import PYTHON, ROOT

TABLES = ("age_verifications", "age_verification_attempts")


@dataclass(frozen=True)
class Outcome:
    """`ended`: how processes ended. `deliveries`: event id → how often it came. `rows`: event id → rows it became."""

    ended: Mapping[str, Mapping[str, int]]
    committed: set[str]
    left: int
    deliveries: Counter[str]
    rows: dict[str, Counter[str]]


def killed(
    platform: Platform, pubsub: PubSub, recorder: FlaskClient, folder: Path, count: int, relays: int, parallel: int = 3
) -> Outcome:
    """Verify, kill, relay, and let the recorder have every message. `platform` has the real clock."""
    project = platform.settings.project
    # The relay leaves young entries to whoever wrote them; nobody waits for that here.
    later = ClockFile(folder / "clock.json")
    later.advance(seconds=60)
    order = {
        "count": count,
        "parallel": parallel,
        "relays": relays,
        "environment": environment(project),
        "relay_environment": environment(project, CLOCK_FILE=str(later.path)),
    }
    ended = _ended(order)
    committed = {entry.get("eventId") for entry in _entries(platform)}
    relay = Platform.start(type(platform.settings).load(order["relay_environment"]))
    # Two at once, as when one is late; what the killed ones had published goes out once more.
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda _: relay.outbox.relay(), range(2)))
    messages = pulled(pubsub)
    for message in messages:
        assert push(recorder, message).status_code == 200
    found = Warehouse(project)
    rows = {table: Counter(row["event_id"] for row in found.rows(table)) for table in TABLES}
    deliveries = Counter(data_of(message)["eventId"] for message in messages)
    return Outcome(ended, committed, len(_entries(platform)), deliveries, rows)


def verified(platform: Platform) -> int:
    return len(list(platform.firestore.collection("verifications").select([]).stream()))


def _entries(platform: Platform) -> list[dict[str, Any]]:
    return [entry.to_dict()["attributes"] for entry in platform.firestore.collection("outbox").stream()]


def _ended(order: dict[str, Any]) -> dict[str, dict[str, int]]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    done = subprocess.run(
        [str(PYTHON), "-m", "tests.faults.outbox_kills"],
        cwd=ROOT,
        env=kept,
        input=json.dumps(order),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, dict[str, int]] = json.loads(done.stdout)
    return found
