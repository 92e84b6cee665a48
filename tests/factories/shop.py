"""A shop to be synced: the simulators, a clock that stands where the test wants it, BigQuery, and runs."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from local.provision import PubSub, create_tables, warehouse
from local.simulators.process import Simulator
from shared.integrations.sources import connect
from shared.platform.context import Platform
from shared.platform.ids import Ids
from shared.platform.settings import Settings
from shared.pos.models import Job
from shared.pos.requests import SyncRequest
from shared.pos.service import SyncService
from shared.pos.status import StatusService
from tests.factories.clock_file import ClockFile, HurriedClock
from tests.factories.environment import environment
from tests.factories.messages import data_of, pulled
from tests.factories.warehouse import Warehouse

NOON = datetime(2026, 7, 1, 17, tzinfo=UTC)
PAYMENTS = 560
DAYS = 25
LIFE = "P28D"
TOPICS = ["alerts", "sync-events", "sync-requests"]


class Shop:
    """One project with its own simulator of Square, seeded up to NOON; the clock goes on from there."""

    def __init__(self, project: str, square: Simulator, clock: ClockFile, **changes: str) -> None:
        self.project = project
        self.square = square
        self._clock = clock
        self.stand_at(NOON)
        self.variables = {
            **environment(project),
            "CLOCK_FILE": str(clock.path),
            "SQUARE_URL": square.url,
            "SQUARE_ACCESS_TOKEN": "sim-square-token",
            "SQUARE_REQUESTS_PER_SECOND": "1000",
            **changes,
        }
        self.platform = Platform.start(Settings.load(self.variables))
        self.warehouse = Warehouse(project)
        self.pubsub = PubSub(os.environ["PUBSUB_EMULATOR_HOST"], project)
        self.pubsub.create_topics(TOPICS)
        create_tables(warehouse(os.environ["BIGQUERY_EMULATOR_HOST"], project))

    def with_(self, **changes: str) -> Platform:
        """The same project in another environment."""
        return Platform.start(Settings.load({**self.variables, **changes}))

    # --- time

    def stand_at(self, moment: datetime) -> None:
        self._clock.stand_at(moment)

    def advance(self, **length: float) -> None:
        self._clock.advance(**length)

    def hurry(self) -> None:
        """From now on runs in this process do not wait between two tries: see `HurriedClock`."""
        clock = HurriedClock(self._clock)
        self.platform = Platform(self.platform.settings, clock, Ids(clock))

    # --- runs

    def sync(self, mode: str = "incremental", start: str = "", end: str = "", source: str = "square") -> Job:
        """A whole run in this process. The first one reads what the simulator has, not two years of nothing."""
        if mode == "incremental" and not self._begun(source):
            mode, start = "backfill", LIFE
        return SyncService(self.platform, connect).run_here(source, mode, start, end, lambda rows: None, 4)

    def _begun(self, source: str) -> bool:
        return bool(self.platform.firestore.collection("sync_sources").document(source).get().exists)

    def deliver(self, data: dict[str, Any], message_id: str = "m-1") -> None:
        """One message, and what it causes, until no message is left."""
        waiting = [(message_id, data)]
        while waiting:
            name, found = waiting.pop(0)
            SyncService(self.platform, connect).handle(SyncRequest.of(name, found))
            waiting += [(m["messageId"], data_of(m)) for m in pulled(self.pubsub, "sync-requests")]

    # --- what there is

    def state(self, stream: str = "square_payments") -> dict[str, Any]:
        found = StatusService(self.platform).overview({"square": list(connect(self.platform, "square").streams)})
        return next(s for s in found["sources"][0]["streams"] if s["stream"] == stream)

    def certificate(self, stream: str = "square_payments") -> dict[str, Any]:
        return dict(self.state(stream)["certificate"])

    def places(self, table: str, amount: str, location: str = "location_id") -> list[dict[str, Any]]:
        """As the ledger of a simulator has them."""
        rows = self.warehouse.run(
            f"SELECT {location} AS location, DATE(created_at) AS day, COUNT(*) AS count, SUM({amount}) AS cents, "
            f"MAX(updated_at) AS newest FROM `{table}` WHERE created_at > '2000-01-01' GROUP BY location, day"
        )
        found = [{**row, "day": row["day"].isoformat(), "newest": _wire(row["newest"])} for row in rows]
        return sorted(found, key=lambda place: (place["location"], place["day"]))

    def ledger(self, stream: str, **between: str) -> list[dict[str, Any]]:
        found = self.square.ledger(stream, **between)["places"]
        return sorted(found, key=lambda place: (place["location"], place["day"]))

    def rows(self, table: str, columns: str = "*", where: str = "created_at > '2000-01-01'") -> list[dict[str, Any]]:
        return self.warehouse.run(f"SELECT {columns} FROM `{table}` WHERE {where}")

    def payment(self, payment_id: str) -> dict[str, Any]:
        found = self.rows("analytics.square_payments", where=f"created_at > '2000-01-01' AND id = '{payment_id}'")
        assert len(found) == 1
        return found[0]

    def events(self, topic: str) -> Sequence[dict[str, Any]]:
        return [data_of(message) for message in pulled(self.pubsub, topic)]


def _wire(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def square_simulator(folder: Path, clock: ClockFile, **parameters: Any) -> Simulator:
    wanted = {"payments": PAYMENTS, "customers": 130, "items": 40, "days": DAYS, "seed": 1, **parameters}
    return Simulator("square", folder, clock_file=str(clock.path), until="2026-07-01T17:00:00Z", **wanted)


def reseeded(square: Simulator, **parameters: Any) -> Simulator:
    square.clear_traps()
    square.token("sim-square-token")
    wanted = {"payments": PAYMENTS, "customers": 130, "items": 40, "days": DAYS, "seed": 1, **parameters}
    square.seed(until="2026-07-01T17:00:00Z", **wanted)
    square.wait_until_seeded()
    square.reset_requests()
    return square


def clock_file(folder: Path) -> ClockFile:
    path = folder / "clock.json"
    path.write_text(json.dumps({"offsetSeconds": 0}))
    return ClockFile(path, timedelta())
