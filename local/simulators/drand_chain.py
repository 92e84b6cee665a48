"""A chain of signed rounds as drand's are, with a key that is made from a seed."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pyblst import BlstP1Element, BlstP2Element

from shared.integrations.drand_signature import DOMAIN, G2_GENERATOR, SCHEME, message, randomness

# Of the curve's groups.
ORDER = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001


@dataclass(frozen=True)
class LocalChain:
    """`genesis` in unix seconds, `period` in seconds; `name` is what drand calls the beacon's id."""

    name: str
    seed: int
    genesis: int
    period: int

    @cached_property
    def public_key(self) -> str:
        return str(BlstP2Element.uncompress(G2_GENERATOR).scalar_mul(self._secret).compress().hex())

    @cached_property
    def group(self) -> str:
        """drand's is the hash of the nodes' group; there are no nodes here."""
        return hashlib.sha256(f"group {self.name} {self.seed}".encode()).hexdigest()

    @cached_property
    def hash(self) -> str:
        """As drand computes it."""
        return chain_hash(self.name, self.period, self.genesis, self.public_key, self.group)

    def latest(self, now: float) -> int:
        """The round of this moment in unix seconds; 0 before the first."""
        return max(0, int((now - self.genesis) // self.period) + 1)

    def time_of(self, number: int) -> int:
        return self.genesis + (number - 1) * self.period

    def sign(self, number: int) -> bytes:
        return bytes(BlstP1Element.hash_to_group(message(number), DOMAIN).scalar_mul(self._secret).compress())

    def round(self, number: int) -> dict[str, Any]:
        signature = self.sign(number)
        return {"round": number, "randomness": randomness(signature).hex(), "signature": signature.hex()}

    def info(self) -> dict[str, Any]:
        return {
            "public_key": self.public_key,
            "period": self.period,
            "genesis_time": self.genesis,
            "hash": self.hash,
            "groupHash": self.group,
            "schemeID": SCHEME,
            "metadata": {"beaconID": self.name},
        }

    @cached_property
    def _secret(self) -> int:
        digest = hashlib.sha512(f"drand {self.name} {self.seed}".encode()).digest()
        return int.from_bytes(digest, "big") % ORDER


def chain_hash(name: str, period: int, genesis: int, public_key: str, group: str) -> str:
    """What a chain is called by: everything about it but its scheme."""
    fixed = struct.pack(">Iq", period, genesis) + bytes.fromhex(public_key) + bytes.fromhex(group)
    return hashlib.sha256(fixed + name.encode()).hexdigest()
