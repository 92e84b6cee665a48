"""From the published inputs of a draw to its picks: algorithm `livhana-raffle-1`. Pure.

K = HMAC-SHA-256(key=seed, context). Word i is the first 8 bytes of HMAC-SHA-256(K, i as 8 bytes), both big-endian, for
i = 0, 1, 2... A word is a position modulo the number of tickets, unless it is so large that low positions would come
out more often; that one, and a position that was picked already, is passed over.
"""

from __future__ import annotations

import hmac
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, count

from shared.raffles.merkle import Entry

ALGORITHM = "livhana-raffle-1"
# The winner and ten runner-ups.
PICKS = 11
WORDS = 2**64


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Everything that the result follows from; hashes, keys and signatures are hexadecimal.

    `sales_closed_at`: as on the wire. `genesis_time`: Unix seconds; `period`: seconds. Of source `local`: no chain,
    no key and no signature (all empty), and 0 for the times and the round.
    """

    raffle_id: str
    seed: bytes = field(repr=False)
    seed_commitment: str
    ledger_root: str
    tickets: int
    sales_closed_at: str
    source: str
    chain_hash: str
    public_key: str
    genesis_time: int
    period: int
    round: int
    signature: str
    randomness: str


def context(inputs: Inputs) -> bytes:
    """What is public of the inputs, a line each."""
    lines = (
        ALGORITHM,
        inputs.raffle_id,
        inputs.seed_commitment,
        inputs.ledger_root,
        inputs.tickets,
        inputs.sales_closed_at,
        inputs.source,
        inputs.chain_hash,
        inputs.public_key,
        inputs.genesis_time,
        inputs.period,
        inputs.round,
        inputs.signature,
        inputs.randomness,
    )
    return "\n".join(map(str, lines)).encode()


def positions(inputs: Inputs, count: int) -> list[int]:
    """`count` places in the ledger, from 0, or all of fewer. Raises ValueError where there are no tickets."""
    return sampled(words(hmac.digest(inputs.seed, context(inputs), "sha256")), inputs.tickets, count)


def picks(inputs: Inputs, entries: Sequence[Entry], count: int = PICKS) -> list[int]:
    """Ticket numbers: the winner's, then the runner-ups'. `entries`: by number.

    Raises ValueError where there are no tickets, or other than `inputs` says.
    """
    ends = list(accumulate(entry.last - entry.first + 1 for entry in entries))
    if not ends or ends[-1] != inputs.tickets:
        raise ValueError(f"the ledger has {ends[-1] if ends else 0} tickets, not {inputs.tickets}")
    return [_ticket(entries, ends, position) for position in positions(inputs, count)]


def words(key: bytes) -> Iterator[int]:
    """Numbers from 0 to 2^64 - 1, without end."""
    for number in count():
        yield int.from_bytes(hmac.digest(key, number.to_bytes(8, "big"), "sha256")[:8], "big")


def sampled(words: Iterable[int], tickets: int, count: int) -> list[int]:
    """`count` of the positions 0 to tickets - 1, or all of fewer, each as likely as any other, in the order drawn."""
    if tickets < 1:
        raise ValueError("there are no tickets to draw from")
    wanted, fair = min(tickets, count), WORDS - WORDS % tickets
    found: dict[int, None] = {}
    source = iter(words)
    while len(found) < wanted:
        word = next(source)
        if word < fair:
            found.setdefault(word % tickets)
    return list(found)


def _ticket(entries: Sequence[Entry], ends: Sequence[int], position: int) -> int:
    place = bisect_right(ends, position)
    return entries[place].last - (ends[place] - 1 - position)
