"""A Lightspeed simulator of a test's own size, and the client that a function would have for it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from local.simulators.lightspeed import LightspeedProvider
from local.simulators.lightspeed_oauth import FIRST_REFRESH
from local.simulators.process import Simulator
from shared.integrations.lightspeed import Lightspeed
from shared.integrations.lightspeed_oauth import LightspeedTokens
from shared.platform.clock import Clock
from shared.platform.context import Platform
from shared.platform.ids import Ids
from shared.platform.settings import Settings
from shared.pos.models import CREATED, Field, Page, Slice
from tests.factories.environment import environment

UNTIL = datetime(2026, 7, 1, tzinfo=UTC)
DAYS = 60
START = UNTIL - timedelta(days=DAYS)
SIZE = {"sales": 900, "items": 120, "customers": 130, "days": DAYS, "seed": 1}
# Nobody waits for it: what the limits are about has tests of its own.
WIDE = {"bucket": 1_000_000, "drip": 1000, "burst": 100_000}
ALL = Slice(CREATED, START, UNTIL)


def lightspeed_simulator(folder: Path) -> Simulator:
    return Simulator("lightspeed", folder, until=UNTIL.isoformat(), **SIZE, **WIDE)


def begin_again(simulator: Simulator, **parameters: Any) -> Simulator:
    """As it was at its start, first refresh token and all."""
    simulator.clear_traps()
    simulator.seed(until=UNTIL.isoformat(), **{**SIZE, **WIDE, **parameters})
    simulator.reset_requests()
    return simulator


def platform_for(project: str, simulator: Simulator, clock: Clock, **changes: str) -> Platform:
    variables = {**LightspeedProvider.environment(simulator.url), "LIGHTSPEED_REFRESH_TOKEN": FIRST_REFRESH, **changes}
    return Platform(Settings.load(environment(project, **variables)), clock, Ids(clock))


def client_for(platform: Platform) -> Lightspeed:
    return Lightspeed(platform, LightspeedTokens.on(platform))


def part(start: datetime, end: datetime, by: Field = CREATED) -> Slice:
    return Slice(by, start, end)


def rows_of(pages: Iterable[Page], key: str = "id") -> dict[str, dict[str, Any]]:
    """The newest version of each record."""
    found: dict[str, dict[str, Any]] = {}
    for page in pages:
        for row in page.rows:
            if row[key] not in found or row["updated_at"] >= found[row[key]]["updated_at"]:
                found[row[key]] = row
    return found
