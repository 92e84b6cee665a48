"""The first sync of a fresh stack: asked for as soon as the simulators have their data, not at the next quarter."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from local.background import Background
from shared.platform import firestore
from shared.platform.context import Platform
from shared.platform.errors import Unavailable
from shared.runtime.manifest import declared_functions, schedules

if TYPE_CHECKING:
    from local.simulators.fleet import Fleet

PAUSE_SECONDS = 0.5


class FirstSync(Background):
    """Publishes what the Scheduler would, once for each simulator whose source was never synced."""

    def __init__(self, platform: Platform, fleet: Fleet) -> None:
        super().__init__("first-sync")
        self._platform = platform
        self._fleet = fleet
        self._waiting = set(fleet.urls)

    def pause(self) -> float:
        return PAUSE_SECONDS if self._waiting else 3600

    def step(self) -> None:
        for name in sorted(self._fleet.ready() & self._waiting, reverse=True):  # Square, the larger one, first
            # An emulator is slow to start: asked again half a second later.
            with contextlib.suppress(Unavailable):
                if firestore.read(self._platform.firestore.collection("sync_sources").document(name)) is None:
                    self._ask(f"sync_{name}")
                self._waiting.discard(name)

    def _ask(self, name: str) -> None:
        for scheduled in schedules(declared_functions()):
            if scheduled.name == name:
                self._platform.publisher.publish(scheduled.topic, [scheduled.message()])
