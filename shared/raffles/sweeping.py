"""What time does to raffles: reservations end, and so do sales."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from shared.payments.ports import Gateway
from shared.payments.service import Payments
from shared.platform.context import Platform
from shared.platform.errors import Failure
from shared.raffles.drawing import Draws
from shared.raffles.ports import Beacon
from shared.raffles.sales import Sales

log = logging.getLogger(__name__)


@dataclass
class Swept:
    """`over`: reservations that had ended; `failed`: of how many it is still not known. `closed`: raffles."""

    over: int = 0
    failed: int = 0
    closed: int = 0


class Sweep:
    """One per instance. `run` twice is as good as once."""

    def __init__(self, platform: Platform, sales: Sales, draws: Draws) -> None:
        self._platform = platform
        self._sales = sales
        self._draws = draws

    @classmethod
    def on(
        cls, platform: Platform, gateway: Callable[[Platform], Gateway], beacon: Callable[[Platform], Beacon]
    ) -> Sweep:
        return platform.once(
            cls,
            lambda: cls(platform, Sales(platform, Payments(platform, gateway(platform))), Draws.on(platform, beacon)),
        )

    def run(self) -> Swept:
        """Raises `Unavailable` when Firestore does not answer."""
        swept = Swept()
        for raffle in self._sales.raffles.with_reservations():
            over, failed = self._sales.release_expired(raffle)
            swept.over += over
            swept.failed += failed
        for raffle in self._sales.raffles.listed():
            due = raffle.closing is None and raffle.draw_date <= self._platform.clock.now()
            if due and raffle.sold and not raffle.open:
                swept.closed += self._closed(raffle.id)
        return swept

    def _closed(self, raffle_id: str) -> bool:
        """Failure policy: one that cannot be closed now is closed a minute later, or by its draw."""
        try:
            self._draws.close(raffle_id)
        except Failure as failure:
            log.warning("sales_not_closed", extra={"raffleId": raffle_id, "reason": failure.sentence})
            return False
        return True
