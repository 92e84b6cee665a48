"""drand's simulator in a time of its own, and the client that a function would have for it.

One simulator does for a whole session: rounds follow from their number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from local.control import move_clock
from local.environment import State
from local.simulators.drand import DrandProvider
from local.simulators.process import Simulator
from shared.integrations.drand import Drand, parse_chain
from shared.platform.clock import Clock

NOW = datetime(2026, 7, 1, 17, tzinfo=UTC)
CHAIN = parse_chain(DrandProvider.environment("")["DRAND_CHAIN"])
# The round of NOW.
NEWEST = int(NOW.timestamp()) - CHAIN.genesis_time + 1
# Rounds of quicknet as the real relays gave them.
REAL = {
    657413: "b713718a38ae728dfd477991af2822e08d2f305e47718cef9f7848ce4050e7be41076862b98fad56e91a6b85b89cd97b",
    42: "95a9f9f5b231b7714de1553105d8ffdf3dcda24cfdb1e689319bccf79a9c8ce430a91b811fbfaf763900bc998b5d686a",
}
RANDOMNESS = "fc1873a13f3545aeade8401532ef5519920652eee6b0d2b19ca12643b87b3587"
# Time-outs that a busy machine keeps to.
PATIENT = (5.0, 5.0)


@contextmanager
def drand_simulator(folder: Path, at: datetime = NOW) -> Iterator[Simulator]:
    """It has every round up to `at`, and one more each second."""
    state = State(folder)
    move_clock(state, at)
    with Simulator("drand", folder, clock_file=str(state.clock_file)) as running:
        yield running


def relays_of(simulator: Simulator) -> list[str]:
    return DrandProvider.environment(simulator.url)["DRAND_URL"].split(",")


def beacon_at(relays: Sequence[str], clock: Clock) -> Drand:
    return Drand(CHAIN, relays, clock, PATIENT)
