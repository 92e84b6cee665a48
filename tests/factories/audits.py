"""Audit documents of draws, as the API gives them, made with shared/raffles; and what can be done to them."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from hypothesis import strategies as st

from shared.platform.clock import parse_wire_time, wire_time
from shared.raffles import merkle
from shared.raffles.draw import ALGORITHM, Inputs, picks
from shared.raffles.merkle import Entry, Receipt

RAFFLE_ID = "RAFFLE_01J1ZK3V5TQ8"
SEED = bytes(range(32))
# A round that quicknet has signed.
ROUND = 657413
SIGNATURE = "b713718a38ae728dfd477991af2822e08d2f305e47718cef9f7848ce4050e7be41076862b98fad56e91a6b85b89cd97b"
QUICKNET: dict[str, Any] = {
    "chain_hash": "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971",
    "public_key": "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451"
    "0d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a",
    "genesis_time": 1692803367,
    "period": 3,
}
NO_CHAIN: dict[str, Any] = {"chain_hash": "", "public_key": "", "genesis_time": 0, "period": 0}
SCHEME = "bls-unchained-g1-rfc9380"
ROUND_AT = datetime.fromtimestamp(QUICKNET["genesis_time"] + (ROUND - 1) * QUICKNET["period"], UTC)
# The rule gives the round for the three seconds that end a period before it.
CLOSED_AT = ROUND_AT - timedelta(milliseconds=4750)
# Numbers that were never sold are missing, and a purchase may have several ranges.
LEDGER = (
    Entry(1, 5, "TXN_a1"),
    Entry(6, 6, "TXN_b2"),
    Entry(9, 20, "TXN_c3"),
    Entry(21, 25, "TXN_a1"),
    Entry(40, 47, "TXN_d4"),
)


def drand_draw(ledger: Sequence[Entry] = LEDGER, **different: Any) -> dict[str, Any]:
    """With the real round. `different`: fields of `Inputs`; the picks follow from them."""
    given = {"source": "drand", "round": ROUND, "signature": SIGNATURE, **QUICKNET, **different}
    if "randomness" not in given:
        given["randomness"] = sha256(bytes.fromhex(given["signature"])).hexdigest()
    return document(_inputs(ledger, **given), ledger)


def local_draw(ledger: Sequence[Entry] = LEDGER, **different: Any) -> dict[str, Any]:
    given = {"source": "local", "round": 0, "signature": "", "randomness": "5a" * 32, **NO_CHAIN, **different}
    return document(_inputs(ledger, **given), ledger)


def undrawn(status: str = "active") -> dict[str, Any]:
    """Sales have closed, and the round is being waited for."""
    drawn = drand_draw()
    entropy = {**drawn["entropy"], "signature": None, "randomness": None}
    return {**drawn, "status": status, "seed": None, "entropy": entropy, "picks": [], "drawnAt": None}


def document(inputs: Inputs, ledger: Sequence[Entry]) -> dict[str, Any]:
    drand = inputs.source == "drand"
    round_time = inputs.genesis_time + (inputs.round - 1) * inputs.period
    closed_at = parse_wire_time(inputs.sales_closed_at)
    return {
        "success": True,
        "raffleId": inputs.raffle_id,
        "status": "drawn",
        "algorithm": ALGORITHM,
        "seedCommitment": inputs.seed_commitment,
        "seed": inputs.seed.hex(),
        "plannedDrawAt": "2023-09-15T15:00:00.000Z",
        "salesClosedAt": inputs.sales_closed_at,
        "tickets": inputs.tickets,
        "ledgerRoot": inputs.ledger_root,
        "entropy": {
            "source": inputs.source,
            "chainHash": inputs.chain_hash,
            "publicKey": inputs.public_key,
            "scheme": SCHEME if drand else "",
            "genesisTime": inputs.genesis_time,
            "period": inputs.period,
            "round": inputs.round,
            "roundTime": wire_time(datetime.fromtimestamp(round_time, UTC)) if drand else None,
            "signature": inputs.signature,
            "randomness": inputs.randomness,
        },
        "picks": [{"rank": rank, "ticketNumber": number} for rank, number in enumerate(picks(inputs, ledger))],
        "drawnAt": wire_time(closed_at + timedelta(seconds=10)),
        "cancelledAt": None,
        "note": "What the draw rests on.",
        "changes": [],
        "ledger": [{"first": entry.first, "last": entry.last, "purchaseId": entry.purchase_id} for entry in ledger],
    }


def receipt_of(ticket: int, ledger: Sequence[Entry] = LEDGER, raffle_id: str = RAFFLE_ID) -> dict[str, Any]:
    receipt = merkle.receipt(raffle_id, ledger, ticket)
    assert receipt is not None
    return wire_receipt(receipt)


def wire_receipt(receipt: Receipt) -> dict[str, Any]:
    return {
        "ticketNumber": receipt.ticket_number,
        "purchaseId": receipt.purchase_id,
        "position": receipt.position,
        "tickets": receipt.tickets,
        "leaf": receipt.leaf,
        "path": list(receipt.path),
        "root": receipt.root,
    }


def inputs_in(document: dict[str, Any]) -> Inputs:
    """What a document's draw followed from."""
    entropy = document["entropy"]
    return Inputs(
        raffle_id=document["raffleId"],
        seed=bytes.fromhex(document["seed"]),
        seed_commitment=document["seedCommitment"],
        ledger_root=document["ledgerRoot"],
        tickets=document["tickets"],
        sales_closed_at=document["salesClosedAt"],
        source=entropy["source"],
        chain_hash=entropy["chainHash"],
        public_key=entropy["publicKey"],
        genesis_time=entropy["genesisTime"],
        period=entropy["period"],
        round=entropy["round"],
        signature=entropy["signature"],
        randomness=entropy["randomness"],
    )


def entries_in(document: dict[str, Any]) -> list[Entry]:
    return [Entry(one["first"], one["last"], one["purchaseId"]) for one in document["ledger"]]


def altered(value: Any, places: Iterable[tuple[Any, ...]]) -> Iterator[tuple[str, Any]]:
    """(what was altered, `value` with it): each character and each digit at these places, one at a time."""
    for place in places:
        old = at(value, place)
        for new in _neighbours(old):
            yield f"{'.'.join(map(str, place))}: {new!r}", put(value, place, new)


def at(value: Any, place: tuple[Any, ...]) -> Any:
    for step in place:
        value = value[step]
    return value


def put(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    """A copy of `value` with `new` at the place."""
    value = copy.deepcopy(value)
    at(value, place[:-1])[place[-1]] = new
    return value


def leaves_in(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all texts and numbers."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves_in(inner, (*place, key))
    elif isinstance(value, str | int) and not isinstance(value, bool):
        yield place


def _neighbours(old: str | int) -> Iterator[str | int]:
    text = str(old)
    for index, character in enumerate(text):
        changed = "0123456789abcdef".replace(character, "")[ord(character) % 15]
        texts = {text[:index] + new + text[index + 1 :] for new in (changed, chr(ord(character) ^ 1))}
        if isinstance(old, int):
            yield from (int(new) for new in texts if new.isascii() and new.isdigit() and int(new) != old)
        else:
            yield from texts


def _inputs(ledger: Sequence[Entry], **given: Any) -> Inputs:
    raffle_id = given.pop("raffle_id", RAFFLE_ID)
    seed = given.pop("seed", SEED)
    return Inputs(
        raffle_id=raffle_id,
        seed=seed,
        seed_commitment=sha256(seed).hexdigest(),
        ledger_root=merkle.root(raffle_id, ledger),
        tickets=sum(entry.last - entry.first + 1 for entry in ledger),
        sales_closed_at=given.pop("sales_closed_at", wire_time(CLOSED_AT)),
        **given,
    )


@st.composite
def ledgers(draw: st.DrawFn, most: int = 40) -> list[Entry]:
    """With at least one ticket: gaps, long and short ranges, and purchases with several ranges."""
    shapes = draw(
        st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9), st.integers(1, 5)), min_size=1, max_size=most)
    )
    entries, number = [], 1
    for gap, length, purchase in shapes:
        first = number + gap
        entries.append(Entry(first, first + length - 1, f"TXN_{purchase}"))
        number = first + length
    return entries
