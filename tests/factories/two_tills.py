"""A shop with a Square and a Lightspeed till, synced, around both ends of daylight-saving time.

What is at the edge of a store day, week, month or year lies at these two days; a test moves the clock to where each
window has its edge there, so that a month and a half of data is enough for all of them.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local.simulators.lightspeed import LightspeedProvider
from local.simulators.process import Simulator
from shared.integrations.lightspeed_oauth import LightspeedTokens
from shared.integrations.sources import connect
from shared.pos.service import SyncService
from tests.factories.clock_file import ClockFile
from tests.factories.lightspeed import WIDE
from tests.factories.shop import Shop, clock_file
from tests.factories.truth import LightspeedTill, SquareTill, Truth

UNTIL = "2026-11-04T18:00:00Z"
NOW = datetime(2026, 11, 4, 18, 30, tzinfo=UTC)
DAYS = 20
# On a day without others, every kind of sale that does not count, or not in full.
ODD_SALES = "2026-03-10T18:00:00Z"
# Nobody else has these customer ids.
UNCOUNTED_BUYERS = VOID, OPEN, GIVER_BACK = "97", "98", "99"
# First day and the day after the last: the days around the hour that is missing, and the seeded ones.
SPANS = (("2026-03-06", "2026-03-11"), ("2026-10-12", ""))
# Chicago is 6 hours behind UTC in winter and 5 in summer.
EDGES = (
    "2026-03-08T05:59:59.999Z",  # 7 March, the last millisecond
    "2026-03-08T06:00:00.000Z",  # 8 March, the first
    "2026-03-08T07:59:59.999Z",  # 01:59:59.999, and then it is 03:00
    "2026-03-08T08:00:00.000Z",
    "2026-03-09T04:59:59.999Z",  # the end of a day of 23 hours
    "2026-03-09T05:00:00.000Z",
    "2026-10-29T04:59:59.999Z",
    "2026-10-29T05:00:00.000Z",
    "2026-11-01T04:59:59.999Z",  # 31 October, and the end of a month
    "2026-11-01T05:00:00.000Z",
    "2026-11-01T06:30:00.000Z",  # 01:30
    "2026-11-01T07:30:00.000Z",  # 01:30 again
    "2026-11-02T05:59:59.999Z",  # the end of a day of 25 hours
    "2026-11-02T06:00:00.000Z",
    "2026-11-04T05:59:59.999Z",
    "2026-11-04T06:00:00.000Z",
)


class TwoTills(Shop):
    """`truth` is what the tills said when they were synced last."""

    def __init__(self, project: str, square: Simulator, lightspeed: Simulator, clock: ClockFile) -> None:
        super().__init__(project, square, clock, **LightspeedProvider.environment(lightspeed.url))
        self.lightspeed = lightspeed
        self.pubsub.create_topics(["cache-refresh", "security-events"])
        self.truth: dict[str, Truth] = {}
        self.stand_at(NOW)
        self._sell()
        for start, end in SPANS:
            self.read("backfill", start, end)

    def read(self, mode: str = "incremental", start: str = "", end: str = "") -> None:
        """Sync both tills."""
        for source in ("square", "lightspeed"):
            job = SyncService(self.platform, connect).run_here(source, mode, start, end, lambda rows: None, 4)
            assert (job.status, job.sync_mode) == ("done", "live")
        square = SquareTill(self.square.url).truth()
        token = LightspeedTokens.on(self.platform).access()
        lightspeed = LightspeedTill(self.lightspeed.url, token).truth()
        both = Truth(square.sales + lightspeed.sales, square.lines, square.names, square.products + lightspeed.products)
        self.truth = {"square": square, "lightspeed": lightspeed, "": both}

    def sell(self, cents: int, at: str, **values: Any) -> str:
        """The id of a payment at Square."""
        return str(self.square.add_payment(amount=cents, created_at=at, silent=True, **values)["id"])

    def ring_up(self, dollars: str, at: str, **values: Any) -> str:
        """The id of a sale at Lightspeed, whose times are whole seconds."""
        moment = datetime.fromisoformat(at).replace(microsecond=0).isoformat()
        return str(self.lightspeed.add("sales", createTime=moment, calcTotal=dollars, **values)["saleID"])

    def _sell(self) -> None:
        """Beside what is seeded: sales at the edges, and every kind of sale that counts otherwise."""
        till = SquareTill(self.square.url)
        buyers = [p["customer_id"] for p in till.listed("/v2/payments", "payments") if "customer_id" in p]
        for number, at in enumerate(EDGES):
            self.sell(1000 + 7 * number, at, customer_id=buyers[number % 5])
            self.ring_up(f"{20 + number}.115", at, customerID=str(number % 4))
        for number, status in enumerate(("CANCELED", "FAILED", "APPROVED", "PENDING")):
            self.sell(50_000 + number, ODD_SALES, status=status, customer_id=buyers[-1])
        for refund in (1, 2_500, 4_000):
            sold = self.sell(4_000, ODD_SALES)
            self.square.change_payment(sold, refund_cents=refund, silent=True)
        self.ring_up("777.77", ODD_SALES, voided=True, customerID=VOID)
        self.ring_up("888.88", ODD_SALES, completed=False, customerID=OPEN)
        self.ring_up("0", ODD_SALES, customerID="7")
        # Given back by somebody who buys nothing: revenue, but neither a transaction nor a customer.
        self.ring_up("-12.345", ODD_SALES, customerID=GIVER_BACK)
        self.ring_up("-3.00", UNTIL, customerID=GIVER_BACK)
        # Changed at one moment, in both tills: so that a list needs more than the time to be in order.
        for item in list(till.listed("/v2/catalog/list", "objects", types="ITEM"))[:6]:
            self.square.change("items", item["id"], updated_at=UNTIL, name=f"Renamed {item['id']}", silent=True)
        for number in range(4, 10):
            # Later than any change of its stock.
            self.lightspeed.change("items", str(number), timeStamp=UNTIL)


@contextmanager
def two_tills(folder: Path) -> Iterator[TwoTills]:
    clock = clock_file(folder)
    own: dict[str, Any] = {"clock_file": str(clock.path), "until": UNTIL, "days": DAYS, "seed": 3}
    square = Simulator("square", folder, payments=170, customers=40, items=45, **own)
    lightspeed = Simulator("lightspeed", folder, sales=70, items=30, customers=25, **own, **WIDE)
    with square, lightspeed:
        yield TwoTills(f"t-{uuid.uuid4().hex[:12]}", square, lightspeed, clock)
