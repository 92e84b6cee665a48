"""Telling once of each verification that it is over: `verification.expired`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from shared.platform.clock import to_milliseconds
from shared.platform.context import Platform
from shared.verification import events
from shared.verification.pages import PAGE, save, walk
from shared.verification.repository import Found, Place, VerificationRepository


class Expiry:
    """One run. `told` counts."""

    def __init__(self, platform: Platform, page: int = PAGE) -> None:
        self._platform = platform
        self._page = page
        self._repository = VerificationRepository.on(platform)
        self.told = 0

    def run(self, after: Place | None, seconds: float) -> Place | None:
        """Tell for about so long; where to go on, or None at the end. Raises `Unavailable`."""
        now = to_milliseconds(self._platform.clock.now())

        def read(place: Place | None) -> Sequence[Found]:
            return self._repository.untold(now, place, self._page)

        return walk(self._platform.clock, read, lambda page: self._tell(page, now), after, seconds, self._page)

    def _tell(self, page: Sequence[Found], now: datetime) -> None:
        saved = save(
            self._repository,
            [
                (
                    found,
                    replace(found.verification, expired_told_at=now),
                    events.expired(found.customer_hash, found.verification),
                )
                for found in page
            ],
        )
        self.told += len(saved)
        self._platform.outbox.publish([event for _, _, event in saved])
