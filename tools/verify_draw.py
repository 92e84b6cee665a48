"""Check the draw of a raffle from its audit document alone: who won follows from it, or it is wrong.

This file needs Python 3.9 or newer and nothing else; copy it anywhere. It recomputes the commitment to the seed, the
ledger's root, the round that had to be used, the randomness, and the winner with the runner-ups. With one of the
packages drand-verify or py_ecc it also checks that the randomness was signed by drand, which is then the proof that
nobody could choose it; without them it says so.
"""

from __future__ import annotations

import sys

if __name__ == "__main__" and not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
    # The folder of this file: what is there under a name of the standard library would be taken for it.
    del sys.path[0]

import argparse
import hmac
import http.client
import importlib
import itertools
import json
import re
import urllib.parse
import urllib.request
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

ALGORITHM = "livhana-raffle-1"
PICKS = 11
WORDS = 2**64
# More cannot be checked in the memory of a small machine.
MOST_TICKETS = 10_000_000
MOST_BYTES = 256 * 2**20
TIMEOUT_SECONDS = 60
DRAWN = ("drawn", "completed")
DRAND, LOCAL = "drand", "local"
# drand's chain "quicknet". These are the values to trust: never those of the document.
QUICKNET = {
    "chainHash": "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971",
    "publicKey": "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451"
    "0d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a",
    "genesisTime": 1692803367,
    "period": 3,
}
SCHEME = "bls-unchained-g1-rfc9380"
DST = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")

ID = (re.compile(r"[A-Za-z0-9._:@-]{1,128}"), "an id of letters, digits and . _ : @ -")
WORD = (re.compile(r"[a-z0-9_-]{1,64}"), "a word in small letters")
TIME = (re.compile(r"[0-9]{4}(-[0-9]{2}){2}T([0-9]{2}:){2}[0-9]{2}\.[0-9]{3}Z"), "a time like 2026-07-01T17:00:00.000Z")
HASH = (re.compile(r"[0-9a-f]{64}"), "64 hexadecimal digits in small letters")
KEY = (re.compile(r"[0-9a-f]{192}"), "192 hexadecimal digits in small letters")
SIGNATURE = (re.compile(r"[0-9a-f]{96}"), "96 hexadecimal digits in small letters")
EMPTY = (re.compile(r""), "empty: a draw without drand has none")
Form = tuple[re.Pattern[str], str]


class Unusable(Exception):
    """The document cannot be checked. The text names the field."""


class Check(NamedTuple):
    """`passed`: None where it was not done. `text`: for a person who knows nothing of hashes."""

    name: str
    passed: bool | None
    text: str


class Entry(NamedTuple):
    """Tickets `first` to `last` of one purchase."""

    first: int
    last: int
    purchase_id: str


# --- reading the document


class Fields:
    """A JSON object, read by name. Every method raises `Unusable` for a field that is missing or is something else."""

    def __init__(self, value: Any, place: str = "") -> None:
        if not isinstance(value, dict):
            raise Unusable(f"{place or 'The document'} is {shown(value)}, not a JSON object.")
        self._values, self._place = value, place

    def has(self, name: str) -> bool:
        return self._values.get(name) is not None

    def text(self, name: str, form: Form) -> str:
        value, (pattern, words) = self._value(name), form
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise Unusable(f"Field {self._name(name)} is {shown(value)}, not {words}.")
        return value

    def empty(self, name: str) -> str:
        return self.text(name, EMPTY) if self.has(name) else ""

    def number(self, name: str, least: int, most: int = 2**53 - 1) -> int:
        value = self._value(name)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise Unusable(f"Field {self._name(name)} is {shown(value)}, not a whole number from {least} to {most}.")
        return value

    def time(self, name: str) -> datetime:
        text = self.text(name, TIME)
        try:
            return datetime.fromisoformat(text[:-1] + "+00:00")
        except ValueError:
            raise Unusable(f"Field {self._name(name)} is {shown(text)}: there is no such time.") from None

    def object(self, name: str) -> Fields:
        return Fields(self._value(name), f"Field {self._name(name)}")

    def objects(self, name: str) -> list[Fields]:
        return [Fields(value, f"Field {self._name(name)}[{place}]") for place, value in enumerate(self.values(name))]

    def texts(self, name: str, form: Form) -> list[str]:
        values = self.values(name)
        return [Fields({name: value}, self._place).text(name, form) for value in values]

    def values(self, name: str) -> list[Any]:
        value = self._value(name)
        if not isinstance(value, list):
            raise Unusable(f"Field {self._name(name)} is {shown(value)}, not a list.")
        return value

    def _value(self, name: str) -> Any:
        if name not in self._values:
            raise Unusable(f"Field {self._name(name)} is missing.")
        return self._values[name]

    def _name(self, name: str) -> str:
        return f"{self._place.replace('Field ', '', 1)}.{name}" if self._place else name


@dataclass(frozen=True)
class Entropy:
    """Where the randomness is from. Of source `local`: nothing but `randomness`."""

    source: str
    randomness: str
    chain_hash: str = ""
    public_key: str = ""
    scheme: str = ""
    genesis_time: int = 0
    period: int = 0
    round: int = 0
    round_time: str = ""
    signature: str = ""

    @classmethod
    def read(cls, fields: Fields) -> Entropy:
        source = fields.text("source", WORD)
        if source not in (DRAND, LOCAL):
            raise Unusable(f"Field entropy.source is {shown(source)}, neither 'drand' nor 'local'.")
        randomness = fields.text("randomness", HASH)
        if source == LOCAL:
            for name in ("chainHash", "publicKey", "scheme", "roundTime", "signature"):
                fields.empty(name)
            for name in ("genesisTime", "period", "round"):
                fields.number(name, 0, 0)
            return cls(source, randomness)
        fields.time("roundTime")
        return cls(
            source,
            randomness,
            chain_hash=fields.text("chainHash", HASH),
            public_key=fields.text("publicKey", KEY),
            scheme=fields.text("scheme", WORD),
            round_time=fields.text("roundTime", TIME),
            signature=fields.text("signature", SIGNATURE),
            genesis_time=fields.number("genesisTime", 1),
            period=fields.number("period", 1),
            round=fields.number("round", 1),
        )


@dataclass(frozen=True)
class Draw:
    """What the document says, with every field of the right form."""

    raffle_id: str
    algorithm: str
    seed_commitment: str
    seed: str
    closed: str
    closed_at: datetime
    drawn_at: datetime
    tickets: int
    root: str
    entropy: Entropy
    picks: list[tuple[int, int]]
    ledger: list[Entry]

    @classmethod
    def read(cls, fields: Fields) -> Draw:
        _refuse_undrawn(fields)
        if not fields.has("ledger"):
            raise Unusable("Field ledger is missing: get the document with ?ledger=true at the end of its address.")
        return cls(
            raffle_id=fields.text("raffleId", ID),
            algorithm=fields.text("algorithm", WORD),
            seed_commitment=fields.text("seedCommitment", HASH),
            seed=fields.text("seed", HASH),
            closed=fields.text("salesClosedAt", TIME),
            closed_at=fields.time("salesClosedAt"),
            drawn_at=fields.time("drawnAt"),
            tickets=fields.number("tickets", 1, MOST_TICKETS),
            root=fields.text("ledgerRoot", HASH),
            entropy=Entropy.read(fields.object("entropy")),
            picks=[(one.number("rank", 0), one.number("ticketNumber", 1)) for one in fields.objects("picks")],
            ledger=[
                Entry(one.number("first", 1), one.number("last", 1), one.text("purchaseId", ID))
                for one in fields.objects("ledger")
            ],
        )


@dataclass(frozen=True)
class Receipt:
    """That a ticket is in the ledger. `path`: the hashes beside it, from the leaf up."""

    ticket: int
    purchase_id: str
    position: int
    tickets: int
    leaf: str
    path: list[str]
    root: str

    @classmethod
    def read(cls, fields: Fields) -> Receipt:
        return cls(
            ticket=fields.number("ticketNumber", 1),
            purchase_id=fields.text("purchaseId", ID),
            position=fields.number("position", 0, MOST_TICKETS),
            tickets=fields.number("tickets", 1, MOST_TICKETS),
            leaf=fields.text("leaf", HASH),
            path=fields.texts("path", HASH),
            root=fields.text("root", HASH),
        )


def _refuse_undrawn(fields: Fields) -> None:
    status = fields.text("status", WORD)
    if status == "cancelled":
        raise Unusable("Field status is 'cancelled': this raffle was called off, so there is no draw to check.")
    if status not in DRAWN:
        missing = ", ".join(name for name in ("salesClosedAt", "seed", "drawnAt") if not fields.has(name))
        raise Unusable(
            f"Field status is {shown(status)}: this raffle has not been drawn yet"
            f"{f' (not there yet: {missing})' if missing else ''}. Come back after the draw."
        )


# --- the algorithm


def leaf_of(raffle_id: str, ticket: int, purchase_id: str) -> bytes:
    return sha256(f"\0{raffle_id}\n{ticket}\n{purchase_id}".encode()).digest()


def node_of(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def root_of(raffle_id: str, ledger: Iterable[Entry]) -> str:
    """The Merkle root of RFC 6962 over the tickets in their order."""
    level = [
        leaf_of(raffle_id, ticket, entry.purchase_id)
        for entry in ledger
        for ticket in range(entry.first, entry.last + 1)
    ]
    while len(level) > 1:
        above = [node_of(left, right) for left, right in zip(level[::2], level[1::2])]  # noqa: B905 - not in 3.9
        level = above + level[-1:] if len(level) % 2 else above
    return level[0].hex()


def climbed(receipt: Receipt) -> str:
    """RFC 9162, 2.1.3.2: the root that the receipt's path leads to; empty where its length is wrong."""
    node, position, last = bytes.fromhex(receipt.leaf), receipt.position, receipt.tickets - 1
    for step in map(bytes.fromhex, receipt.path):
        if last == 0:
            return ""
        if position % 2 or position == last:
            node = node_of(step, node)
            while position and position % 2 == 0:
                position, last = position // 2, last // 2
        else:
            node = node_of(node, step)
        position, last = position // 2, last // 2
    return node.hex() if last == 0 else ""


def context_of(draw: Draw) -> bytes:
    entropy = draw.entropy
    lines = [ALGORITHM, draw.raffle_id, draw.seed_commitment, draw.root, draw.tickets, draw.closed]
    lines += [entropy.source, entropy.chain_hash, entropy.public_key, entropy.genesis_time, entropy.period]
    lines += [entropy.round, entropy.signature, entropy.randomness]
    return "\n".join(map(str, lines)).encode()


def words_of(seed: bytes, context: bytes) -> Iterator[int]:
    key = hmac.digest(seed, context, "sha256")
    for number in itertools.count():
        yield int.from_bytes(hmac.digest(key, number.to_bytes(8, "big"), "sha256")[:8], "big")


def sampled(words: Iterator[int], tickets: int) -> list[int]:
    """Positions of the winner and the runner-ups. Words from `fair` on are passed over: they would favour the first."""
    fair = WORDS - WORDS % tickets
    found: list[int] = []
    while len(found) < min(PICKS, tickets):
        word = next(words)
        if word < fair and word % tickets not in found:
            found.append(word % tickets)
    return found


def picks_of(draw: Draw) -> list[Entry]:
    """The tickets that had to be picked, in the order of their ranks, each with its purchase."""
    ends = list(itertools.accumulate(entry.last - entry.first + 1 for entry in draw.ledger))
    found = []
    for position in sampled(words_of(bytes.fromhex(draw.seed), context_of(draw)), draw.tickets):
        place = bisect_right(ends, position)
        ticket = draw.ledger[place].last - (ends[place] - 1 - position)
        found.append(Entry(ticket, ticket, draw.ledger[place].purchase_id))
    return found


# --- the checks


def judged(name: str, passed: bool, right: str, wrong: str) -> Check:
    return Check(name, passed, right if passed else wrong)


def checks_of(draw: Draw, chain_key: str | None, signature: bool) -> Iterator[Check]:
    """All but the picks. `chain_key`: of another chain than quicknet. `signature`: whether to check it."""
    yield judged(
        "algorithm",
        draw.algorithm == ALGORITHM,
        f"the rules of the draw are {ALGORITHM}",
        f"the rules of the draw are {draw.algorithm}; this file knows {ALGORITHM} only",
    )
    yield judged(
        "seed",
        sha256(bytes.fromhex(draw.seed)).hexdigest() == draw.seed_commitment,
        "the shop's secret number is the one that it committed to when it made the raffle",
        "the shop's secret number is not the one that it committed to when it made the raffle: it was exchanged",
    )
    yield from ledger_checks(draw)
    if draw.entropy.source == DRAND:
        yield from drand_checks(draw, chain_key)
        yield (
            signature_check(draw.entropy, chain_key)
            if signature
            else Check("signature", None, "not checked, as you asked")
        )
    else:
        yield Check("randomness", None, "the shop's own machine made it: that it was not chosen cannot be checked")
    yield drawn_check(draw)


def drawn_check(draw: Draw) -> Check:
    drand = draw.entropy.source == DRAND
    earliest, what = (
        (drand_time(draw.entropy), "its randomness came out") if drand else (draw.closed_at, "sales closed")
    )
    passed = draw.drawn_at >= earliest
    return judged("drawn at", passed, f"the draw was made after {what}", f"the draw was made before {what}")


def ledger_checks(draw: Draw) -> Iterator[Check]:
    wrong = disorder(draw.ledger)
    total = sum(entry.last - entry.first + 1 for entry in draw.ledger)
    yield judged("ledger order", not wrong, "no ticket was sold twice", wrong)
    yield judged(
        "tickets",
        total == draw.tickets,
        f"the list of sold tickets has the {total} tickets that were published when sales closed",
        f"the list of sold tickets has {total} tickets; {draw.tickets} were published when sales closed",
    )
    sound = not wrong and total == draw.tickets
    yield judged(
        "ledger root",
        sound and root_of(draw.raffle_id, draw.ledger) == draw.root,
        "the list of sold tickets is the one whose fingerprint was published when sales closed",
        "the list of sold tickets is not the one whose fingerprint was published when sales closed: it was changed",
    )


def disorder(ledger: Sequence[Entry]) -> str:
    """What is wrong with the order of the list; empty where nothing is."""
    before = 0
    for entry in ledger:
        if not before < entry.first <= entry.last:
            return f"tickets {entry.first} to {entry.last} are out of order, or in the list twice"
        before = entry.last
    return ""


def drand_checks(draw: Draw, chain_key: str | None) -> Iterator[Check]:
    entropy, due = draw.entropy, round_due(draw.closed_at, draw.entropy)
    yield chain_check(entropy, chain_key)
    yield judged(
        "round",
        entropy.round == due,
        f"drand's round {due} is the one that the rule gives for when sales closed: it was not picked afterwards",
        f"the draw had to use drand's round {due}; it used round {entropy.round}, which may have been picked",
    )
    time = drand_time(entropy)
    yield judged(
        "round time",
        entropy.round_time == wire(time) and time > draw.closed_at,
        f"the round came out at {wire(time)}, after sales had closed: nobody knew it when tickets were sold",
        f"the round came out at {wire(time)}, not at {entropy.round_time}, or not after sales closed",
    )
    yield judged(
        "randomness",
        sha256(bytes.fromhex(entropy.signature)).hexdigest() == entropy.randomness,
        "the random number is the one that follows from drand's signature",
        "the random number does not follow from drand's signature: it was exchanged",
    )


def another_chain(entropy: Entropy, chain_key: str | None) -> bool:
    return chain_key is not None and entropy.chain_hash != QUICKNET["chainHash"]


def chain_check(entropy: Entropy, chain_key: str | None) -> Check:
    """That it is quicknet, whose values are in this file, or the chain whose key the caller knows."""
    said = {
        "chainHash": entropy.chain_hash,
        "publicKey": entropy.public_key,
        "genesisTime": entropy.genesis_time,
        "period": entropy.period,
        "scheme": entropy.scheme,
    }
    other = another_chain(entropy, chain_key)
    pinned = {"publicKey": chain_key, "scheme": SCHEME} if other else {**QUICKNET, "scheme": SCHEME}
    wrong = ", ".join(name for name, value in pinned.items() if said[name] != value)
    if other:
        return judged(
            "chain",
            not wrong,
            "ANOTHER chain than drand's public one, with the key that you gave: it proves no more than that key does",
            f"{wrong} is not that of the chain whose key you gave",
        )
    return judged(
        "chain",
        not wrong,
        "the randomness is from quicknet, the public chain of drand",
        f"{wrong} is not that of quicknet, the public chain of drand. If you trust another chain: --chain-key",
    )


def round_due(closed_at: datetime, entropy: Entropy) -> int:
    """The first round that comes more than a period after sales have closed."""
    milliseconds = (closed_at - EPOCH) // timedelta(milliseconds=1)
    period = entropy.period * 1000
    latest = (milliseconds + period - entropy.genesis_time * 1000) // period + 1
    return latest + 1


def drand_time(entropy: Entropy) -> datetime:
    """When the round comes out. Raises `Unusable` for a time that there is not."""
    try:
        return EPOCH + timedelta(seconds=entropy.genesis_time + (entropy.round - 1) * entropy.period)
    except OverflowError:
        raise Unusable("Fields entropy.genesisTime, entropy.period and entropy.round give no time.") from None


def wire(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def signature_check(entropy: Entropy, chain_key: str | None) -> Check:
    """With the key that is trusted, whatever key the document names."""
    key = chain_key if chain_key is not None and another_chain(entropy, chain_key) else str(QUICKNET["publicKey"])
    passed = signed(entropy.round, entropy.signature, key)
    if passed is None:
        return Check("signature", None, "not checked: pip install drand-verify (or py_ecc), and run this again")
    return judged(
        "signature",
        passed,
        "the drand network signed this randomness: nobody could choose or foresee it",
        "the drand network did not sign this randomness: somebody made it up",
    )


def signed(number: int, signature: str, key: str) -> bool | None:
    """None: no package that can tell is installed."""
    for package, verify in (("drand_verify", _by_drand_verify), ("py_ecc", _by_py_ecc)):
        try:
            importlib.import_module(package)
        except ImportError:
            continue
        return verify(number, signature, key)
    return None


def _by_drand_verify(number: int, signature: str, key: str) -> bool:
    try:
        importlib.import_module("drand_verify").verify_quicknet(number, signature, key)
    except ValueError:
        return False
    except BaseException as error:
        # It panics, outside Exception, over a key that is no point of the curve.
        if type(error).__name__ != "PanicException":
            raise
        return False
    return True


def _by_py_ecc(number: int, signature: str, key: str) -> bool:
    """e(signature, G2) == e(hash of the round, key); a signature outside the group of prime order is none."""
    compression = importlib.import_module("py_ecc.bls.point_compression")
    curve = importlib.import_module("py_ecc.optimized_bls12_381")
    hashing = importlib.import_module("py_ecc.bls.hash_to_curve")
    try:
        point = compression.decompress_G1(int(signature, 16))
        public = compression.decompress_G2((int(key[:96], 16), int(key[96:], 16)))
    except ValueError:
        return False
    if curve.is_inf(point) or not curve.is_inf(curve.multiply(point, curve.curve_order)):
        return False
    hashed = hashing.hash_to_G1(sha256(number.to_bytes(8, "big")).digest(), DST, sha256)
    return bool(curve.pairing(curve.G2, point) == curve.pairing(public, hashed))


def picks_check(draw: Draw, expected: Sequence[Entry]) -> Check:
    due = [(rank, entry.first) for rank, entry in enumerate(expected)]
    if not due:
        return Check("picks", False, "the winner cannot be computed from such a list of tickets")
    if draw.picks == due:
        return Check("picks", True, "the winner and the runner-ups are those that follow from all of this")
    named, right = (", ".join(str(ticket) for _, ticket in picks[:PICKS]) for picks in (draw.picks, due))
    return Check("picks", False, f"the document names tickets {named or 'none'}; the draw gives {right}")


def receipt_check(fields: Fields, receipt: Receipt) -> Check:
    """Against the root and the number of tickets that were published when sales closed."""
    raffle_id, root = fields.text("raffleId", ID), fields.text("ledgerRoot", HASH)
    tickets = fields.number("tickets", 1, MOST_TICKETS)
    leaf = leaf_of(raffle_id, receipt.ticket, receipt.purchase_id).hex()
    wrong = ""
    if receipt.leaf != leaf:
        wrong = "its leaf is not of this raffle, ticket and purchase"
    elif receipt.tickets != tickets or receipt.position >= tickets:
        wrong = f"its place is {receipt.position} of {receipt.tickets} tickets; the raffle has {tickets}"
    elif receipt.root != root or climbed(receipt) != root:
        wrong = "its path does not lead to the published fingerprint of the list of tickets"
    said = f"ticket {receipt.ticket}, purchase {receipt.purchase_id}"
    return Check("receipt", not wrong, f"{said}: {wrong or 'it is in the list that the draw was made from'}")


def ticket_check(draw: Draw, ticket: int, expected: Sequence[Entry]) -> Check:
    holder = next((entry for entry in draw.ledger if entry.first <= ticket <= entry.last), None)
    if holder is None:
        return Check("ticket", False, f"ticket {ticket} is not in the list of sold tickets")
    rank = next((rank for rank, entry in enumerate(expected) if entry.first == ticket), None)
    came = "it was not picked" if rank is None else "it won" if rank == 0 else f"it is runner-up {rank}"
    return Check("ticket", True, f"ticket {ticket} is in the list, of purchase {holder.purchase_id}; {came}")


# --- from the command line


def main(arguments: Sequence[str] | None = None) -> int:
    """0: all that was checked is right; 1: something is wrong; 2: the document cannot be checked."""
    wanted = _parser().parse_args(arguments)
    failed: list[str] = []
    try:
        document = Fields(loaded(wanted.audit))
        return _examined(document, wanted, failed)
    except Unusable as error:
        sys.stdout.flush()
        print(f"verify_draw: {error}", file=sys.stderr)
        return 1 if failed else 2


def _examined(document: Fields, wanted: argparse.Namespace, failed: list[str]) -> int:
    """Prints a line for each check. The names of the wrong ones are added to `failed`, also before `Unusable`."""
    skipped: list[str] = []

    def show(check: Check) -> None:
        mark = {True: "ok", False: "FAILED", None: "-"}[check.passed]
        print(f"{mark:<7} {check.name:<13} {check.text}")
        {True: [], False: failed, None: skipped}[check.passed].append(check.name)

    for fields in _receipts(document, wanted.receipt):
        show(receipt_check(document, Receipt.read(fields)))
    draw = Draw.read(document)
    for check in checks_of(draw, wanted.chain_key, wanted.signature):
        show(check)
    expected = [] if {"ledger order", "tickets"} & set(failed) else picks_of(draw)
    show(picks_check(draw, expected))
    if wanted.ticket is not None:
        show(ticket_check(draw, wanted.ticket, expected))
    if wanted.require_signature and draw.entropy.source == LOCAL:
        show(Check("signature", False, "there is none, and --require-signature asks for one"))
    elif wanted.require_signature and "signature" in skipped:
        show(Check("signature", False, "it was not checked, and --require-signature asks for it"))
    _print_result(draw, expected, failed, skipped)
    return 1 if failed else 0


def _print_result(draw: Draw, expected: Sequence[Entry], failed: Sequence[str], skipped: Sequence[str]) -> None:
    print()
    for rank, entry in enumerate(expected):
        print(f"{f'Runner-up {rank}' if rank else 'Winner':<13} ticket {entry.first}, purchase {entry.purchase_id}")
    if failed:
        verdict = f"WRONG ({', '.join(failed)}). This result does not follow from what was published."
    elif "signature" in skipped:
        verdict = "right in all that was checked. The signature of drand was NOT checked."
    elif skipped:
        verdict = "right in all that can be checked. The randomness was the shop's own."
    elif draw.entropy.source == DRAND and draw.entropy.chain_hash != QUICKNET["chainHash"]:
        verdict = "right, as far as you trust the key that you gave."
    else:
        verdict = "right. Nobody could choose this result."
    print(f"\nRaffle {draw.raffle_id}: {verdict}")


def _receipts(document: Fields, place: str | None) -> Iterator[Fields]:
    """The one in the document, and the one in a file: alone, or in an answer that holds it."""
    if document.has("receipt"):
        yield document.object("receipt")
    if place is not None:
        answer = Fields(loaded(place), "The receipt")
        yield answer.object("receipt") if answer.has("receipt") else answer


def loaded(place: str) -> Any:
    """JSON from a file, standard input (-) or an address, which is asked for the ledger too. Raises `Unusable`."""
    try:
        if re.match("https?://", place):
            content = _fetched(place)
        elif place == "-":
            content = sys.stdin.buffer.read(MOST_BYTES + 1)
        else:
            with Path(place).open("rb") as file:
                content = file.read(MOST_BYTES + 1)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Unusable(f"{place} cannot be read: {error}") from None
    if len(content) > MOST_BYTES:
        raise Unusable(f"{place} is larger than {MOST_BYTES} bytes.")
    try:
        return json.loads(content.decode("utf-8-sig"))
    except RecursionError:
        raise Unusable(f"{place} is nested too deeply to be an audit document.") from None
    except ValueError as error:
        raise Unusable(f"{place} is not JSON: {error}") from None


def _fetched(address: str) -> bytes:
    parts = urllib.parse.urlsplit(address)
    query = {**dict(urllib.parse.parse_qsl(parts.query)), "ledger": "true"}
    address = urllib.parse.urlunsplit(parts._replace(query=urllib.parse.urlencode(query)))
    with urllib.request.urlopen(address, timeout=TIMEOUT_SECONDS) as answer:
        return bytes(answer.read(MOST_BYTES + 1))


def shown(value: Any) -> str:
    """Short, in plain ASCII: a document cannot write to the terminal what it likes."""
    text = f"a {type(value).__name__}" if isinstance(value, (dict, list)) else ascii(value)
    return text if len(text) <= 60 else text[:57] + "..."


@cache
def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="verify_draw.py",
        description=__doc__,
        epilog="Exit status: 0 all that was checked is right, 1 something is wrong, 2 the document cannot be checked.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("audit", help="the audit document with its ledger: a file, - for standard input, or its http(s) address")
    add("--receipt", metavar="FILE", help="check this receipt of a ticket too")
    add("--ticket", type=int, metavar="N", help="say what became of this ticket")
    add("--chain-key", type=_key, metavar="HEX", help="the public key of another drand chain than quicknet")
    add("--no-signature", dest="signature", action="store_false", help="leave drand's signature unchecked")
    add("--require-signature", action="store_true", help="a signature that was not checked counts as wrong")
    return parser


def _key(text: str) -> str:
    pattern, words = KEY
    if not pattern.fullmatch(text):
        raise argparse.ArgumentTypeError(f"a key is {words}")
    return text


if __name__ == "__main__":
    sys.exit(main())
