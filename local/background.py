"""A thread of the local stack that does something again and again until it is told to stop."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod


class Background(ABC):
    """Waits `pause()` seconds, then calls `step()`."""

    def __init__(self, name: str) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join(timeout=5)

    @abstractmethod
    def pause(self) -> float:
        """Seconds until the next step."""

    @abstractmethod
    def step(self) -> None:
        """What is done each time."""

    def _run(self) -> None:
        while not self._ended.wait(self.pause()):
            self.step()
