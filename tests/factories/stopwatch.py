"""How long something took, without what the machine held it up: other tests and the checks run beside it."""

from __future__ import annotations

import threading
import time
from typing import Self

NAP_SECONDS = 0.01
# Timers are late by less on a machine that has nothing else to do.
USUAL_SECONDS = 0.003


class Stopwatch:
    """`with Stopwatch() as watch:`, then `watch.seconds`; `watch.elapsed` has the held-up time in it.

    A thread beside the block takes short naps: by what it oversleeps, the block was held up too.
    """

    def __init__(self) -> None:
        self.elapsed = 0.0
        self._held_up = 0.0
        self._ended = threading.Event()
        self._napping = threading.Thread(target=self._nap, name="stopwatch", daemon=True)

    @property
    def seconds(self) -> float:
        return self.elapsed - self._held_up

    def __enter__(self) -> Self:
        self._napping.start()
        self._started = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self.elapsed = time.monotonic() - self._started
        self._ended.set()
        self._napping.join()

    def _nap(self) -> None:
        while not self._ended.is_set():
            started = time.monotonic()
            time.sleep(NAP_SECONDS)
            late = time.monotonic() - started - NAP_SECONDS
            if late > USUAL_SECONDS:
                self._held_up += late
