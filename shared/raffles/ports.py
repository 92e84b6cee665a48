"""What a draw needs of a beacon of public randomness. The real one is shared/integrations/drand.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Chain:
    """Which beacon, by what can be pinned: `hash` and `public_key` in hexadecimal digits, times in (unix) seconds."""

    hash: str
    public_key: str
    genesis_time: int
    period: int
    scheme: str

    def time_of(self, number: int) -> int:
        """When the round comes, in unix seconds."""
        return self.genesis_time + (number - 1) * self.period


@dataclass(frozen=True)
class Signed:
    """A round: its signature, and the randomness that follows from it, in hexadecimal digits."""

    round: int
    signature: str
    randomness: str


class Beacon(Protocol):
    """Nobody knows a round before its time, and nobody can choose it; whatever serves it need not be trusted."""

    @property
    def chain(self) -> Chain: ...

    def round(self, number: int) -> Signed | None:
        """The round, verified; None: it is not there yet. Raises `BeaconUnavailable`, and ValueError below round 1."""
