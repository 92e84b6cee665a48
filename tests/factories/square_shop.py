"""Square's read endpoints in front of a simulator, and what they must say by the simulator's own tables."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Any

from werkzeug.test import TestResponse

from local.simulators.process import Simulator
from shared.platform.context import Platform
from shared.platform.ids import Ids
from shared.platform.settings import Settings
from tests.factories.api import NEVER
from tests.factories.environment import environment
from tests.factories.serving import serving
from tests.factories.stepping_clock import SteppingClock
from tests.factories.tokens import bearer

SIZE = {"payments": 560, "customers": 5, "items": 130, "days": 25, "seed": 1, "until": "2026-07-01T17:00:00Z"}
TOKEN = "sim-square-token"
# The store day of the simulator's last data, and six days before: noon in Texas is 17:00 in UTC.
WEEK = "2026-06-25T05:00:00.000Z", "2026-07-02T05:00:00.000Z"


class SquareShop:
    """One project; its clock stands at noon in Texas on 1 July 2026 and moves when somebody sleeps."""

    def __init__(self, project: str, square: Simulator, clock: SteppingClock) -> None:
        self.square = square
        self.clock = clock
        self._environment = {
            **environment(project),
            "SQUARE_URL": square.url,
            "SQUARE_ACCESS_TOKEN": TOKEN,
            "SQUARE_REQUESTS_PER_SECOND": "1000",
        }
        self._platforms: dict[str, Platform] = {}

    def platform(self, **changes: str) -> Platform:
        """One instance for each environment."""
        key = str(sorted(changes.items()))
        if key not in self._platforms:
            settings = Settings.load({**self._environment, **changes})
            self._platforms[key] = Platform(settings, self.clock, Ids(self.clock))
        return self._platforms[key]

    def catalog(self, role: str = "customer", **changes: str) -> TestResponse:
        return self.get("catalog", role, {}, **changes)

    def transactions(self, role: str = "service", **changes: str) -> TestResponse:
        return self.get("transactions", role, {}, **changes)

    def get(self, name: str, role: str, headers: dict[str, str], query: str = "", **changes: str) -> TestResponse:
        client = serving(self.platform(**changes))(f"pos_square_{name}")
        caller = bearer(role, f"{role}-1", exp=NEVER) if role else {}
        return client.get(f"/api/square/{name}{query}", headers={**caller, **headers})

    def asked(self) -> int:
        """Calls of Square since the simulator was last asked to forget them."""
        return int(self.square.requests()["total"])

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """From the simulator's tables."""
        connection = sqlite3.connect(f"file:{self.square.folder / 'square.sqlite'}?mode=ro", uri=True)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    def week(self) -> tuple[int, int]:
        """Cents and count of the completed payments of WEEK, net of refunds."""
        sql = (
            "SELECT coalesce(sum(amount - refunded), 0), count(*) FROM payments "
            "WHERE status = 'COMPLETED' AND created >= ? AND created < ?"
        )
        ((cents, count),) = self.rows(sql, *(int(datetime.fromisoformat(t).timestamp() * 1000) for t in WEEK))
        return cents, count
