from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.raffles.merkle import Entry, Receipt, proves, receipt, root
from tests.factories.audits import LEDGER, RAFFLE_ID, ledgers, wire_receipt

GOLDEN = Path(__file__).parents[2] / "golden" / "raffles"


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962, 2.1, as it is written there: without the code under test."""
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + tree_hash(leaves[:split]) + tree_hash(leaves[split:])).digest()


def tickets(entries: Sequence[Entry]) -> list[tuple[int, str]]:
    return [(number, entry.purchase_id) for entry in entries for number in range(entry.first, entry.last + 1)]


@given(ledgers())
def test_the_root_is_that_of_rfc_6962(entries: list[Entry]) -> None:
    leaves = [f"{RAFFLE_ID}\n{number}\n{purchase}".encode() for number, purchase in tickets(entries)]
    assert root(RAFFLE_ID, entries) == tree_hash(leaves).hex()


def test_the_root_of_nothing_is_that_of_rfc_6962() -> None:
    assert root(RAFFLE_ID, []) == sha256().hexdigest()


def test_the_root_and_a_receipt_stay_what_they_are() -> None:
    golden = json.loads((GOLDEN / "receipt.json").read_text())
    found = receipt(RAFFLE_ID, LEDGER, 20)
    assert found is not None
    assert wire_receipt(found) == golden
    assert root(RAFFLE_ID, LEDGER) == golden["root"]


def test_how_a_purchase_is_split_into_entries_does_not_matter() -> None:
    assert root("R", [Entry(1, 3, "TXN_a")]) == root("R", [Entry(1, 1, "TXN_a"), Entry(2, 3, "TXN_a")])


@pytest.mark.parametrize(
    "entries",
    [
        [Entry(3, 4, "TXN_a"), Entry(1, 2, "TXN_b")],
        [Entry(1, 3, "TXN_a"), Entry(3, 4, "TXN_b")],
        [Entry(1, 3, "TXN_a"), Entry(1, 3, "TXN_a")],
        [Entry(3, 2, "TXN_a")],
        [Entry(0, 2, "TXN_a")],
    ],
)
def test_a_ledger_in_disorder_has_no_root_and_no_receipts(entries: list[Entry]) -> None:
    with pytest.raises(ValueError, match="no range of tickets"):
        root("R", entries)
    with pytest.raises(ValueError, match="no range of tickets"):
        receipt("R", [Entry(100, 100, "TXN_c"), *entries], 100)


@settings(max_examples=30)
@given(ledgers(12))
def test_every_ticket_has_a_receipt_that_proves_it(entries: list[Entry]) -> None:
    everything = tickets(entries)
    for position, (number, purchase) in enumerate(everything):
        found = receipt(RAFFLE_ID, entries, number)
        assert found is not None
        assert (found.ticket_number, found.purchase_id, found.position) == (number, purchase, position)
        assert (found.tickets, found.root) == (len(everything), root(RAFFLE_ID, entries))
        assert len(found.path) <= (len(everything) - 1).bit_length()
        assert proves(RAFFLE_ID, found)
        assert not proves("RAFFLE_of_others", found)


@settings(max_examples=50)
@given(ledgers(12), st.data())
def test_a_receipt_proves_no_other_ticket_purchase_place_or_ledger(entries: list[Entry], data: st.DataObject) -> None:
    everything = tickets(entries)
    one, other = (data.draw(st.sampled_from(everything)) for _ in range(2))
    found, foreign = receipt(RAFFLE_ID, entries, one[0]), receipt(RAFFLE_ID, entries, other[0])
    assert found is not None
    assert foreign is not None
    nodes = len(found.path)
    forged = [
        replace(found, ticket_number=found.ticket_number + 1),
        replace(found, purchase_id=found.purchase_id + "0"),
        replace(found, leaf=found.root if nodes else found.leaf[::-1]),
        replace(found, root=found.root[::-1]),
        replace(found, position=-1),
        replace(found, position=found.tickets),
        replace(found, path=(*found.path, found.root)),
        *(replace(found, path=found.path[:at] + found.path[at + 1 :]) for at in range(nodes)),
        *(replace(found, path=(*found.path[:at], found.root, *found.path[at + 1 :])) for at in range(nodes)),
        *([replace(found, position=foreign.position)] if foreign.position != found.position else []),
        *([replace(found, path=foreign.path)] if foreign.path != found.path else []),
    ]
    assert [one for one in forged if proves(RAFFLE_ID, one)] == []


@pytest.mark.parametrize("ticket", [-1, 0, 7, 8, 26, 39, 48, 10**30])
def test_numbers_that_nobody_has_bought_have_no_receipt(ticket: int) -> None:
    assert receipt(RAFFLE_ID, LEDGER, ticket) is None


@pytest.mark.parametrize("step", ["", "zz", "é", "ab" * 31, "ab" * 33])
def test_a_path_of_something_else_proves_nothing(step: str) -> None:
    found = receipt(RAFFLE_ID, LEDGER, 20)
    assert found is not None
    assert not proves(RAFFLE_ID, replace(found, path=(step, *found.path[1:])))


def test_a_leaf_is_no_node() -> None:
    """A node cannot be passed off as the leaf of a ticket: they are hashed with another first byte."""
    entries = [Entry(1, 2, "TXN_a")]
    whole = root("R", entries)
    alone = Receipt(ticket_number=1, purchase_id="TXN_a", position=0, tickets=1, leaf=whole, path=(), root=whole)
    assert not proves("R", alone)


def test_a_hundred_thousand_tickets_take_well_under_a_second() -> None:
    entries = [Entry(number, number, f"TXN_{number:026}") for number in range(1, 100_001)]
    started = process_time()
    whole = root(RAFFLE_ID, entries)
    assert process_time() - started < 1
    found = receipt(RAFFLE_ID, entries, 77_777)
    assert found is not None
    assert (found.root, len(found.path)) == (whole, 17)
    assert proves(RAFFLE_ID, found)
