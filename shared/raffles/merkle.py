"""The ledger of a raffle under one hash, and receipts that a ticket is in it. Pure.

Leaf of a ticket: SHA-256(0x00 || "{raffleId}\\n{ticketNumber}\\n{purchaseId}"); node: SHA-256(0x01 || left || right).
The tree is that of RFC 6962 over the tickets in order of number: level by level in pairs, with a last node that has no
neighbour moving up unchanged. A receipt is an inclusion proof of RFC 9162, section 2.1.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

LEAF, NODE = b"\x00", b"\x01"


@dataclass(frozen=True)
class Entry:
    """Numbers `first` to `last`, both included, belong to this purchase."""

    first: int
    last: int
    purchase_id: str


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """That a ticket is in the ledger, at this place of so many. Hashes are hexadecimal, `path` from the leaf up."""

    ticket_number: int
    purchase_id: str
    position: int
    tickets: int
    leaf: str
    path: tuple[str, ...]
    root: str


def root(raffle_id: str, entries: Sequence[Entry]) -> str:
    """Hexadecimal. Raises ValueError for entries that are not in order, or overlap."""
    return _levels(_leaves(raffle_id, entries))[-1][0].hex()


def receipt(raffle_id: str, entries: Sequence[Entry], ticket: int) -> Receipt | None:
    """None: nobody has this ticket. Raises as `root`."""
    position = 0
    for entry in entries:
        if entry.first <= ticket <= entry.last:
            return _receipt(raffle_id, entries, entry.purchase_id, ticket, position + ticket - entry.first)
        position += entry.last - entry.first + 1
    return None


def proves(raffle_id: str, receipt: Receipt) -> bool:
    """Whether the receipt's ticket and purchase are under its root, at its position of its tickets."""
    leaf = _leaf(_start(raffle_id), receipt.ticket_number, _end(receipt.purchase_id))
    if leaf.hex() != receipt.leaf or not 0 <= receipt.position < receipt.tickets:
        return False
    try:
        path = [bytes.fromhex(step) for step in receipt.path]
    except ValueError:
        return False
    return _climbed(leaf, path, receipt.position, receipt.tickets) == receipt.root


def _receipt(raffle_id: str, entries: Sequence[Entry], purchase_id: str, ticket: int, position: int) -> Receipt:
    levels = _levels(_leaves(raffle_id, entries))
    return Receipt(
        ticket_number=ticket,
        purchase_id=purchase_id,
        position=position,
        tickets=len(levels[0]),
        leaf=levels[0][position].hex(),
        path=tuple(_path(levels, position)),
        root=levels[-1][0].hex(),
    )


def _path(levels: Sequence[Sequence[bytes]], position: int) -> Iterator[str]:
    for level in levels[:-1]:
        if position ^ 1 < len(level):
            yield level[position ^ 1].hex()
        position >>= 1


def _climbed(node: bytes, path: Iterable[bytes], position: int, tickets: int) -> str:
    """RFC 9162, 2.1.3.2: the root, or nothing where the path is too long or too short."""
    last = tickets - 1
    for step in path:
        if last == 0:
            return ""
        if position & 1 or position == last:
            node = _node(step, node)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            node = _node(node, step)
        position, last = position >> 1, last >> 1
    return node.hex() if last == 0 else ""


def _levels(leaves: list[bytes]) -> list[list[bytes]]:
    """From the leaves up to the root. Of no leaves the root is the hash of nothing, as in RFC 6962."""
    if not leaves:
        return [[sha256().digest()]]
    levels = [leaves]
    while len(level := levels[-1]) > 1:
        above = [_node(left, right) for left, right in zip(level[::2], level[1::2], strict=False)]
        levels.append(above + level[-1:] if len(level) % 2 else above)
    return levels


def _leaves(raffle_id: str, entries: Iterable[Entry]) -> list[bytes]:
    start, leaves, before = _start(raffle_id), list[bytes](), 0
    for entry in entries:
        if not before < entry.first <= entry.last:
            raise ValueError(f"{entry.first}-{entry.last} is no range of tickets after {before}")
        end = _end(entry.purchase_id)
        leaves += [_leaf(start, number, end) for number in range(entry.first, entry.last + 1)]
        before = entry.last
    return leaves


def _start(raffle_id: str) -> bytes:
    return LEAF + f"{raffle_id}\n".encode()


def _end(purchase_id: str) -> bytes:
    return f"\n{purchase_id}".encode()


def _leaf(start: bytes, number: int, end: bytes) -> bytes:
    return sha256(start + str(number).encode() + end).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(NODE + left + right).digest()
