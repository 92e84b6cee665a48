"""Ids and randomness, injected. An id is a readable prefix and a sortable random part: `av_01JD...`."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from shared.platform.clock import Clock

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Ids:
    """Makes ids of 48 bits of time and 80 bits of entropy: they sort by time and cannot be guessed."""

    def __init__(self, clock: Clock, entropy: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._clock = clock
        self.entropy = entropy

    def new(self, prefix: str) -> str:
        milliseconds = int(self._clock.now().timestamp() * 1000)
        value = (milliseconds << 80) | int.from_bytes(self.entropy(10), "big")
        return f"{prefix}_{_base32(value)}"

    def jitter(self) -> float:
        """A random number in [0, 1), for back-off."""
        return int.from_bytes(self.entropy(4), "big") / 2**32


def _base32(value: int) -> str:
    return "".join(_CROCKFORD[(value >> shift) & 31] for shift in range(125, -1, -5))
