"""Closing sales and drawing.

Sales close in one commit, which publishes the ledger, its root and the number of a drand round that does not exist
yet. Then that round is waited for, and decides. Whatever dies in between, the next call goes on from there: root and
round stay the same, and so does the result.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.platform import firestore
from shared.platform.clock import to_milliseconds, wire_time
from shared.platform.contention import until_unchanged
from shared.platform.context import Platform
from shared.platform.outbox import Outgoing
from shared.raffles import documents, events, merkle
from shared.raffles.draw import Inputs, picks
from shared.raffles.errors import (
    AlreadyDrawn,
    BeaconUnavailable,
    Cancelled,
    NoRaffle,
    NotActive,
    NothingSold,
    OpenReservations,
)
from shared.raffles.merkle import Entry
from shared.raffles.models import (
    CANCELLED,
    COMPLETED,
    DRAND,
    DRAWABLE,
    DRAWN,
    LOCAL,
    PAID,
    RUNNER_UPS,
    Buyer,
    Closing,
    Drawing,
    Pick,
    Raffle,
)
from shared.raffles.ports import Beacon, Signed
from shared.raffles.repository import Raffles, Record, pieces
from shared.raffles.vault import Vault

# A round is there within seconds of its time; a caller is not kept waiting for longer.
PATIENCE_SECONDS = 20.0
POLL_SECONDS = 0.25
ENTROPY_BYTES = 32

log = logging.getLogger(__name__)


@dataclass(frozen=True, repr=False)
class Drawn:
    """The drawn raffle, and who bought each ticket that was picked: the winner's first."""

    raffle: Raffle
    picked: tuple[tuple[Pick, Buyer], ...]


class Draws:
    """One per instance. `beacon`: None where the randomness is made here (DRAW_ENTROPY=local)."""

    def __init__(self, platform: Platform, beacon: Beacon | None) -> None:
        self._platform = platform
        self._beacon = beacon
        self._raffles = Raffles(platform)
        self._vault = Vault(platform)

    @classmethod
    def on(cls, platform: Platform, connect: Callable[[Platform], Beacon]) -> Draws:
        drand = platform.settings.draw_entropy == DRAND
        return platform.once(cls, lambda: cls(platform, connect(platform) if drand else None))

    def draw(self, raffle_id: str, request_id: str) -> Drawn:
        """Close, if sales are open, wait for the round, and draw.

        Raises `NoRaffle`, `NotActive`, `AlreadyDrawn`, `Cancelled`, `NothingSold`, `OpenReservations`,
        `BeaconUnavailable`, `Unavailable`.
        """
        closing = self.close(raffle_id, request_id)
        signed = self._signed(closing)
        return until_unchanged(
            lambda: self._drawn(raffle_id, closing, signed, request_id), self._platform.clock, self._platform.ids
        )

    # --- closing

    def close(self, raffle_id: str, request_id: str = "") -> Closing:
        """Fix the ledger and the round, once. Raises as `draw`."""
        return until_unchanged(lambda: self._closed(raffle_id, request_id), self._platform.clock, self._platform.ids)

    def _closed(self, raffle_id: str, request_id: str) -> Closing:
        record = self._drawable(raffle_id)
        if record.raffle.closing is not None:
            return record.raffle.closing
        # Every change of a purchase is in one commit with the raffle: if one comes meanwhile, this commit fails.
        entries = self._entries(record.raffle)
        closing = self._closing(raffle_id, entries)
        raffle = replace(record.raffle, closing=closing, updated_at=closing.at)
        event = events.of_raffle(self._platform.ids.new("evt"), events.SALES_CLOSED, raffle, request_id, closing.at)
        self._save(raffle, record, [event], entries)
        return closing

    def _drawable(self, raffle_id: str) -> Record:
        record = self._raffles.get(raffle_id)
        if record is None:
            raise NoRaffle
        raffle = record.raffle
        if raffle.status in (DRAWN, COMPLETED):
            raise AlreadyDrawn
        if raffle.status == CANCELLED:
            raise Cancelled("draw")
        if raffle.status not in DRAWABLE:
            raise NotActive(raffle.status)
        if raffle.open:
            raise OpenReservations(raffle.open)
        if not raffle.sold:
            raise NothingSold
        return record

    def _entries(self, raffle: Raffle) -> list[Entry]:
        purchases = self._raffles.purchases_in(raffle.id, PAID)
        found = [
            Entry(first, last, purchase.id)
            for purchase in purchases
            for first, last in (*purchase.paid, *purchase.bonus)
        ]
        return sorted(found, key=lambda entry: entry.first)

    def _closing(self, raffle_id: str, entries: list[Entry]) -> Closing:
        at = to_milliseconds(self._platform.clock.now())
        tickets = sum(entry.last - entry.first + 1 for entry in entries)
        root = merkle.root(raffle_id, entries)
        if self._beacon is None:
            return Closing(at=at, tickets=tickets, root=root, source=LOCAL)
        chain = self._beacon.chain
        return Closing(
            at=at,
            tickets=tickets,
            root=root,
            source=DRAND,
            chain_hash=chain.hash,
            public_key=chain.public_key,
            scheme=chain.scheme,
            genesis_time=chain.genesis_time,
            period=chain.period,
            round=round_after(at, chain.genesis_time, chain.period),
        )

    # --- the round

    def _signed(self, closing: Closing) -> Signed:
        """Waits for the round to come. Failure policy: without it nothing is drawn; no other round will do."""
        if closing.source == LOCAL:
            return Signed(0, "", self._platform.ids.entropy(ENTROPY_BYTES).hex())
        if self._beacon is None or self._beacon.chain.hash != closing.chain_hash:
            log.error("draw_chain_gone", extra={"chainHash": closing.chain_hash})
            raise BeaconUnavailable
        clock = self._platform.clock
        until = clock.monotonic() + PATIENCE_SECONDS
        while clock.monotonic() < until:
            wait = closing.round_time - clock.now().timestamp()
            if wait > 0:
                clock.sleep(min(wait, POLL_SECONDS))
            elif (signed := self._beacon.round(closing.round)) is not None:
                return signed
            else:
                clock.sleep(POLL_SECONDS)
        raise BeaconUnavailable

    # --- drawing

    def _drawn(self, raffle_id: str, closing: Closing, signed: Signed, request_id: str) -> Drawn:
        record = self._drawable(raffle_id)
        now = to_milliseconds(self._platform.clock.now())
        seed = self._vault.seed(record.raffle)
        entries = self._raffles.ledger(raffle_id)
        if merkle.root(raffle_id, entries) != closing.root:
            raise LookupError(f"The ledger of raffle {raffle_id} is not the one that was published.")
        numbers = picks(inputs_of(record.raffle, closing, seed, signed), entries, 1 + RUNNER_UPS)
        picked = tuple(Pick(rank, number, _purchase_with(entries, number)) for rank, number in enumerate(numbers))
        drawing = Drawing(
            at=now, seed=seed.hex(), signature=signed.signature, randomness=signed.randomness, picks=picked
        )
        raffle = replace(record.raffle, status=DRAWN, drawing=drawing, updated_at=now)
        told: list[Outgoing] = [events.of_raffle(self._platform.ids.new("evt"), events.DRAWN, raffle, request_id, now)]
        with_buyers = []
        for pick in picked:
            buyer, mail = self._told(raffle, pick, now)
            with_buyers.append((pick, buyer))
            told += [mail] if mail else []
        self._save(raffle, record, told, [])
        return Drawn(raffle, tuple(with_buyers))

    def _told(self, raffle: Raffle, pick: Pick, now: datetime) -> tuple[Buyer, Outgoing | None]:
        found = self._raffles.purchase(raffle.id, pick.purchase_id)
        if found is None:
            raise LookupError(f"There is no purchase {pick.purchase_id} in raffle {raffle.id}.")
        purchase = found[0]
        buyer = self._vault.buyer(purchase)
        template = events.RUNNER_UP if pick.rank else events.WON
        more = {"ticketNumber": pick.ticket, "rank": pick.rank}
        return buyer, events.mail(self._platform.ids.new("mail"), template, buyer, raffle, purchase, now, more)

    def _save(self, raffle: Raffle, record: Record, told: Sequence[Outgoing], entries: Sequence[Entry]) -> None:
        batch = self._platform.firestore.batch()
        firestore.put(batch, self._raffles.reference(raffle.id), documents.of_raffle(raffle), record.seen)
        for number, piece in enumerate(pieces(entries)):
            firestore.put(batch, self._raffles.piece(raffle.id, number), piece, None)
        for outgoing in told:
            self._platform.outbox.add(batch, outgoing)
        firestore.commit(batch)
        self._platform.outbox.publish(told)


def round_after(closed_at: datetime, genesis_time: int, period: int) -> int:
    """The first round whose time is more than a period after `closed_at`: it does not exist when sales close."""
    later = (closed_at + timedelta(seconds=period)).timestamp()
    return math.floor((later - genesis_time) / period) + 2


def inputs_of(raffle: Raffle, closing: Closing, seed: bytes, signed: Signed) -> Inputs:
    """Everything that the result follows from."""
    return Inputs(
        raffle_id=raffle.id,
        seed=seed,
        seed_commitment=raffle.seed_commitment,
        ledger_root=closing.root,
        tickets=closing.tickets,
        sales_closed_at=wire_time(closing.at),
        source=closing.source,
        chain_hash=closing.chain_hash,
        public_key=closing.public_key,
        genesis_time=closing.genesis_time,
        period=closing.period,
        round=closing.round,
        signature=signed.signature,
        randomness=signed.randomness,
    )


def _purchase_with(entries: list[Entry], number: int) -> str:
    return next(entry.purchase_id for entry in entries if entry.first <= number <= entry.last)
