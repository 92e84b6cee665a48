"""What a raffle and a purchase of tickets are. Pure; money is whole cents, numbers are ranges (first, last)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

DRAFT, ACTIVE, SOLD_OUT = "draft", "active", "sold_out"
DRAWN, COMPLETED, CANCELLED = "drawn", "completed", "cancelled"
STATUSES = (DRAFT, ACTIVE, SOLD_OUT, DRAWN, COMPLETED, CANCELLED)
# Shown to everybody in the list.
LISTED = (ACTIVE, SOLD_OUT)
# What a draw, or a cancellation, may follow.
DRAWABLE = frozenset({ACTIVE, SOLD_OUT})
CANCELLABLE = frozenset({DRAFT, ACTIVE, SOLD_OUT})
# What an admin may set by an update; the others follow from selling, drawing and cancelling.
SETTABLE = frozenset({(DRAFT, ACTIVE), (DRAWN, COMPLETED)})

# States of a purchase. REFUNDING: its money is on its way back.
RESERVED, PAID, RELEASED = "reserved", "paid", "released"
REFUNDING, REFUNDED = "refunding", "refunded"

# The owner that our charges name, and the kind of the charge.
OWNER = "raffles"
TICKETS = "tickets"

# So long numbers are kept for a payment that is under way.
RESERVATION = timedelta(minutes=10)
MOST_IN_A_PURCHASE = 100
# Bonus entries of an active GOLD member, once for a raffle.
BONUS_ENTRIES = 5
# A document holds 1 MiB: as many free ranges as there can be of so many tickets are within it.
MOST_TICKETS = 100_000
RUNNER_UPS = 10
# By the tables of infra/schemas/commerce.raffle*.json.
RECORDS_KEPT_YEARS = 7

# Where the randomness of a draw is from.
DRAND, LOCAL = "drand", "local"

Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True)
class Change:
    """Of what was published: `kind` is `draw_date`."""

    at: datetime
    kind: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class LegalBasis:
    """On what right the raffle is held, and who has checked that.

    `basis`: one of those of policy.py. `prize_value`: cents. `states`: USPS codes of those that tickets are sold to.
    `recorded_at` and `recorded_by` are empty until it is recorded.
    """

    basis: str
    organisation: str
    reference: str
    prize_value: int
    prize_is_money: bool = False
    signed_off_by: str
    states: tuple[str, ...]
    recorded_at: datetime | None = None
    recorded_by: str = ""


@dataclass(frozen=True, kw_only=True)
class Closing:
    """The end of sales: the ledger is fixed under its root, and so is the round that is drawn with, before it exists.

    `source`: DRAND or LOCAL; of LOCAL there is no chain and no round.
    """

    at: datetime
    tickets: int
    root: str
    source: str
    chain_hash: str = ""
    public_key: str = ""
    scheme: str = ""
    genesis_time: int = 0
    period: int = 0
    round: int = 0

    @property
    def round_time(self) -> int:
        """Unix seconds."""
        return self.genesis_time + (self.round - 1) * self.period


@dataclass(frozen=True)
class Pick:
    """Rank 0 is the winner."""

    rank: int
    ticket: int
    purchase_id: str


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """The draw: the seed that was committed to, now public, the randomness, and who was picked."""

    at: datetime
    seed: str
    signature: str
    randomness: str
    picks: tuple[Pick, ...]


@dataclass(frozen=True, kw_only=True)
class Raffle:
    """One raffle.

    `prize`: text, or cents. `free`: the numbers that can be bought. `reserved`: tickets of `open` reservations.
    `paid` and `bonus`: tickets of purchases that are paid. `returned`: of `paid`, those whose money went back after
    sales had closed: their numbers stay in the ledger.
    `revealed_seed`: of one that was cancelled after that. paid + bonus + reserved + free is always `max_tickets`.
    """

    id: str
    name: str
    description: str
    prize: str | int
    ticket_price: int
    max_tickets: int
    draw_date: datetime
    status: str
    created_at: datetime
    updated_at: datetime
    seed_commitment: str
    seed_key: str = field(repr=False)
    seed: bytes = field(repr=False)
    free: Ranges
    reserved: int = 0
    open: int = 0
    paid: int = 0
    bonus: int = 0
    returned: int = 0
    ever_sold: bool = False
    legal: LegalBasis | None = None
    changes: tuple[Change, ...] = ()
    closing: Closing | None = None
    drawing: Drawing | None = None
    cancelled_at: datetime | None = None
    cancel_reason: str = ""
    revealed_seed: str = ""

    @property
    def sold(self) -> int:
        return self.paid + self.bonus

    @property
    def remaining(self) -> int:
        return sum(last - first + 1 for first, last in self.free)

    @property
    def revenue(self) -> int:
        """Cents that are ours: what went back is not."""
        return (self.paid - self.returned) * self.ticket_price

    @property
    def frozen(self) -> bool:
        """Whether price, number of tickets and prize are what somebody has paid, or is paying, for."""
        return self.ever_sold or self.open > 0


@dataclass(frozen=True, kw_only=True)
class Purchase:
    """One customer's tickets, bought at once. `key_hash`: of the Idempotency-Key that it was asked for with."""

    id: str
    raffle_id: str
    customer_hash: str
    state: str
    paid: Ranges
    bonus: Ranges
    price: int
    charge_id: str
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    contact_key: str = field(repr=False)
    contact: bytes = field(repr=False)
    key_hash: str = ""
    request_id: str = ""

    @property
    def paid_tickets(self) -> int:
        return sum(last - first + 1 for first, last in self.paid)

    @property
    def bonus_tickets(self) -> int:
        return sum(last - first + 1 for first, last in self.bonus)

    @property
    def tickets(self) -> int:
        return self.paid_tickets + self.bonus_tickets

    @property
    def cents(self) -> int:
        return self.paid_tickets * self.price


@dataclass(frozen=True)
class Bonus:
    """That a customer has had the bonus entries of a raffle: with which purchase, as a member by which charges."""

    purchase_id: str
    paid_by: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class Buyer:
    """Where mails go, and whom an admin is told of. Personal, hence no repr; empty when it cannot be opened."""

    customer_id: str = ""
    email: str = ""
    name: str = ""
