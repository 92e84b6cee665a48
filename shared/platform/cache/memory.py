"""The values that this instance has seen last: so that a lookup reads a head only, and for when Firestore is down."""

from __future__ import annotations

import threading
from collections import OrderedDict

from shared.platform.cache.models import Head

ENTRIES = 64


class Memory:
    """The newest value of each of the keys used last."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._kept: OrderedDict[str, tuple[Head, bytes]] = OrderedDict()

    def get(self, key: str) -> tuple[Head, bytes] | None:
        with self._guard:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def keep(self, key: str, head: Head, value: bytes) -> None:
        with self._guard:
            self._kept[key] = head, value
            self._kept.move_to_end(key)
            while len(self._kept) > ENTRIES:
                self._kept.popitem(last=False)
