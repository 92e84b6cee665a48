from __future__ import annotations

import hmac
import json
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import fields, replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.raffles.draw import ALGORITHM, PICKS, WORDS, Inputs, context, picks, positions, sampled, words
from shared.raffles.merkle import Entry, root
from tests.factories.audits import LEDGER, drand_draw, entries_in, inputs_in, ledgers

GOLDEN = Path(__file__).parents[2] / "golden" / "raffles"
DRAWS = ("drand", "drand_large", "local", "one_ticket")
DRAWS_OF_CHANCE = 1_000_000


def golden(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text())


def with_tickets(tickets: int) -> Inputs:
    return replace(inputs_in(drand_draw()), tickets=tickets)


@pytest.mark.parametrize("name", DRAWS)
def test_a_draw_stays_what_it_is(name: str) -> None:
    audit = golden(name)
    inputs, entries = inputs_in(audit), entries_in(audit)
    assert audit["algorithm"] == ALGORITHM
    assert context(inputs).decode().split("\n") == golden("contexts")[name]
    assert root(inputs.raffle_id, entries) == audit["ledgerRoot"]
    assert picks(inputs, entries) == [pick["ticketNumber"] for pick in audit["picks"]]


def test_the_picks_follow_from_the_seed_and_the_context_as_the_rules_say() -> None:
    """The rules of the algorithm, written down once more and slowly."""
    inputs = inputs_in(golden("drand"))
    key = hmac.new(inputs.seed, "\n".join(golden("contexts")["drand"]).encode(), "sha256").digest()
    everyone = [number for entry in LEDGER for number in range(entry.first, entry.last + 1)]
    expected: list[int] = []
    block = 0
    while len(expected) < 11:
        word = int.from_bytes(hmac.new(key, block.to_bytes(8, "big"), "sha256").digest()[:8], "big")
        block += 1
        if word < 2**64 - 2**64 % 31 and everyone[word % 31] not in expected:
            expected.append(everyone[word % 31])
    assert picks(inputs, LEDGER) == expected


@pytest.mark.parametrize("name", [field.name for field in fields(Inputs)])
def test_the_picks_follow_from_every_input(name: str) -> None:
    inputs = with_tickets(5000)
    value = getattr(inputs, name)
    other = value + 1 if isinstance(value, int) else value[::-1]
    assert positions(replace(inputs, **{name: other}), PICKS) != positions(inputs, PICKS)


def test_the_seed_is_in_no_log() -> None:
    assert str(inputs_in(drand_draw()).seed) not in repr(inputs_in(drand_draw()))


@given(st.binary(min_size=32, max_size=32), st.integers(1, 200), st.integers(1, 20))
def test_positions_are_distinct_within_the_tickets_and_as_many_as_there_can_be(
    seed: bytes, tickets: int, count: int
) -> None:
    found = positions(replace(with_tickets(tickets), seed=seed), count)
    assert len(found) == len(set(found)) == min(tickets, count)
    assert set(found) <= set(range(tickets))


@given(st.binary(min_size=32, max_size=32), st.integers(1, 50), st.integers(0, 50))
def test_more_picks_leave_the_first_ones_as_they_were(seed: bytes, tickets: int, count: int) -> None:
    inputs = replace(with_tickets(tickets), seed=seed)
    assert positions(inputs, PICKS + count)[: min(PICKS, tickets)] == positions(inputs, PICKS)


@given(ledgers(), st.binary(min_size=32, max_size=32))
def test_the_winner_and_the_runner_ups_are_distinct_tickets_of_the_ledger(entries: list[Entry], seed: bytes) -> None:
    everyone = [number for entry in entries for number in range(entry.first, entry.last + 1)]
    inputs = replace(with_tickets(len(everyone)), seed=seed)
    found = picks(inputs, entries)
    assert found == [everyone[position] for position in positions(inputs, PICKS)]
    assert len(set(found)) == len(found) == min(len(everyone), 11)


@pytest.mark.parametrize(("entries", "tickets"), [([], 0), ([], 1), (LEDGER, 30), (LEDGER, 32)])
def test_another_number_of_tickets_than_the_inputs_say_is_refused(entries: list[Entry], tickets: int) -> None:
    with pytest.raises(ValueError, match="tickets"):
        picks(with_tickets(tickets), entries)


def test_there_is_nothing_to_draw_from_no_tickets() -> None:
    with pytest.raises(ValueError, match="no tickets"):
        positions(with_tickets(0), 1)


# --- rejection sampling


@pytest.mark.parametrize("tickets", [1, 2, 3, 5, 7, 11, 100_000, 2**32, 2**63 + 1])
def test_words_that_would_favour_low_positions_are_passed_over(tickets: int) -> None:
    fair = 2**64 // tickets * tickets
    above = list(range(fair, min(fair + 5, 2**64)))
    assert sampled([*above, 2**64 - 1] if above else [], tickets, 0) == []
    assert sampled([*above, fair - 1], tickets, 1) == [tickets - 1]
    assert sampled([*above, 0], tickets, 1) == [0]


def test_a_forced_rejection_of_three_tickets() -> None:
    """2^64 = 3k + 1: of all words the last one alone is too many."""
    assert sampled([2**64 - 1, 1], 3, 1) == [1]
    assert sampled([2**64 - 2, 1], 3, 1) == [2]


def test_a_position_that_was_picked_already_is_passed_over() -> None:
    assert sampled([4, 4, 9, 14, 3, 0], 5, 3) == [4, 3, 0]


@given(st.integers(1, 2**64))
def test_every_position_comes_from_as_many_words(tickets: int) -> None:
    fair = WORDS - WORDS % tickets
    assert fair % tickets == 0
    assert WORDS - fair < tickets


def test_words_are_64_bits_of_hmac_blocks() -> None:
    found = list(islice(words(b"k" * 32), 3))
    blocks = [hmac.new(b"k" * 32, bytes(7) + bytes([number]), "sha256").digest() for number in range(3)]
    assert found == [int.from_bytes(block[:8], "big") for block in blocks]


# --- no bias


def test_a_million_draws_favour_no_ticket() -> None:
    tickets = 97
    won = Counter(sampled(words(key.to_bytes(32, "big")), tickets, 1)[0] for key in range(DRAWS_OF_CHANCE))
    assert chance_of(won.values(), tickets, DRAWS_OF_CHANCE) > 0.001
    # What the same test says of a byte modulo 97, which favours the first 62.
    bytewise = Counter(number * 251 % 256 % tickets for number in range(DRAWS_OF_CHANCE // 10))
    assert chance_of(bytewise.values(), tickets, DRAWS_OF_CHANCE // 10) < 1e-9


def test_no_rank_favours_a_ticket() -> None:
    tickets, draws = 13, 6_000
    found = [sampled(words(seed.to_bytes(32, "big")), tickets, PICKS) for seed in range(draws)]
    for rank in range(PICKS):
        counts = Counter(one[rank] for one in found)
        assert chance_of(counts.values(), tickets, draws) > 0.0001


def chance_of(counts: Iterable[int], kinds: int, total: int) -> float:
    """That chance alone is as uneven (chi-square; the approximation of Wilson and Hilferty)."""
    expected = total / kinds
    seen = list(counts)
    square = sum((count - expected) ** 2 / expected for count in [*seen, *[0] * (kinds - len(seen))])
    freedom = kinds - 1
    spread = 2 / (9 * freedom)
    return math.erfc(((square / freedom) ** (1 / 3) - 1 + spread) / math.sqrt(spread) / math.sqrt(2)) / 2
