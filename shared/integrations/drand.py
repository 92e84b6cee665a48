"""drand, the public randomness of the League of Entropy: `shared.raffles.ports.Beacon` over its relays' HTTP API.

What makes a round true is its signature by the key that is pinned here; relays are only asked for it, one after
another, and none is believed: not its key, not its randomness.

Failure policy: a relay that does not answer, or not with this round signed, is passed over and logged. When none has
it, it is "not yet" until LATE_SECONDS after its time, then `BeaconUnavailable`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from shared.integrations import drand_signature
from shared.platform.clock import Clock
from shared.platform.context import Platform
from shared.platform.errors import Misconfigured
from shared.raffles.errors import BeaconUnavailable
from shared.raffles.ports import Chain, Signed

if TYPE_CHECKING:
    import requests

QUICKNET = Chain(
    hash="52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971",
    public_key="83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451"
    "0d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a",
    genesis_time=1692803367,
    period=3,
    scheme=drand_signature.SCHEME,
)
# Connect, and then each wait for more of the answer. Some relays hold a request until there is something to say.
TIMEOUT_SECONDS = (2.0, 3.0)
# Relays have a round a second or two after its time.
LATE_SECONDS = 10
# An answer has 250 bytes.
MOST_BYTES = 4096
MOST_ROUNDS = 2**63

log = logging.getLogger(__name__)


def connect(platform: Platform) -> Drand:
    """One for an instance; asks nobody yet. Raises `Misconfigured` for a DRAND_CHAIN that is none."""
    settings = platform.settings
    return platform.once(
        Drand,
        lambda: Drand(
            parse_chain(settings.drand_chain) if settings.drand_chain else QUICKNET,
            [relay.strip().rstrip("/") for relay in settings.drand_url.split(",") if relay.strip()],
            platform.clock,
        ),
    )


def parse_chain(text: str) -> Chain:
    """`<hash>:<public key>:<genesis time>:<period>`. Raises `Misconfigured`."""
    try:
        chain_hash, key, genesis, period = text.split(":")
        chain = Chain(bytes.fromhex(chain_hash).hex(), key.lower(), int(genesis), int(period), drand_signature.SCHEME)
        usable = chain.hash and chain.period > 0 and drand_signature.is_key(bytes.fromhex(key))
    except ValueError:
        usable = False
    if not usable:
        raise Misconfigured("DRAND_CHAIN is not '<hash>:<public key>:<genesis time>:<period>' of a chain.")
    return chain


class Drand:
    """Threads may share it."""

    def __init__(
        self, chain: Chain, relays: Sequence[str], clock: Clock, timeouts: tuple[float, float] = TIMEOUT_SECONDS
    ) -> None:
        self.chain = chain
        self._key = bytes.fromhex(chain.public_key)
        self._relays = relays
        self._clock = clock
        self._timeouts = timeouts

    def round(self, number: int) -> Signed | None:
        # Round 0 is the latest one at every relay: whoever asks for it chooses the moment, and so the number.
        if not 0 < number < MOST_ROUNDS:
            raise ValueError(f"There is no round {number}.")
        if self._age(number) < 0:
            return None
        for relay in self._relays:
            found, reason = self._ask(relay, number)
            if found is not None:
                return found
            log.warning("beacon_relay_passed_over", extra={"relay": relay, "round": number, "reason": reason})
        if self._age(number) < LATE_SECONDS:
            return None
        raise BeaconUnavailable

    def _age(self, number: int) -> float:
        """Seconds since the round's time."""
        return self._clock.now().timestamp() - self.chain.time_of(number)

    def _ask(self, relay: str, number: int) -> tuple[Signed | None, str]:
        """The round if the relay has it, else why not."""
        import requests

        try:
            with self._session.get(
                f"{relay}/{self.chain.hash}/public/{number}", timeout=self._timeouts, allow_redirects=False, stream=True
            ) as response:
                if response.status_code != 200:
                    return None, f"answered {response.status_code}"
                content = next(response.iter_content(MOST_BYTES), b"")
        except requests.RequestException as error:
            return None, f"gave no whole answer ({type(error).__name__})"
        return self._checked(_read(content), number)

    def _checked(self, answer: dict[str, Any], number: int) -> tuple[Signed | None, str]:
        signature = _signature(answer)
        if signature is None:
            return None, "answered with something that is no round"
        if answer.get("round") != number:
            return None, "answered with another round"
        if not drand_signature.is_signed(self._key, number, signature):
            return None, "answered with a signature that the chain's key did not make"
        return Signed(number, signature.hex(), drand_signature.randomness(signature).hex()), ""

    @cached_property
    def _session(self) -> requests.Session:
        import requests

        session = requests.Session()
        # Else every call would look for a .netrc.
        session.trust_env = False
        return session


def _read(content: bytes) -> dict[str, Any]:
    """Empty for what is no JSON object."""
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _signature(answer: dict[str, Any]) -> bytes | None:
    try:
        return bytes.fromhex(answer["signature"])
    except (KeyError, TypeError, ValueError):
        return None
