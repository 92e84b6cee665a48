"""A charge and what the gateway says of it. Pure; money is whole cents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

# What the gateway says of a charge (`Outcome.kind`).
APPROVED = "approved"
# Taken, and not paid until somebody at the gateway has looked at it.
HELD = "held"
DECLINED = "declined"
# No answer, or none that says what happened: it must be asked for, never sent again.
UNKNOWN = "unknown"
# Asked for, and not there.
ABSENT = "absent"
# It was sent with a profile that the gateway does not know (yet): certainly not charged.
NOT_YET = "not_yet"

# Why a charge was declined (`Outcome.code`): the gateway's many codes as the few that a caller can act on.
CODE_DECLINED = "declined"
CODE_CARD = "invalid_card_data"
CODE_DUPLICATE = "duplicate"
CODE_UNAVAILABLE = "gateway_unavailable"

# What we know of a charge (`Charge.state`). INTENT: it may still be sent, by whoever turns it into SENT. SENT: it may
# be at the gateway; whoever finds it so asks there. PAID: the money is ours.
INTENT = "intent"
SENT = "sent"
PAID = "settled"
REVERSED = "reversed"
# Of refunds (`Charge.kind`): of what was owed and paid, or of what the gateway took beyond it.
RETURNED = "refund"
EXCESS = "excess"
OPEN_STATES = frozenset({INTENT, SENT, UNKNOWN, HELD})

# What has become of a transaction (`Transaction.status`).
PENDING = "pending"
SETTLED = "settled"
IN_REVIEW = "in_review"
VOIDED = "voided"
FAILED = "failed"
# A transaction that gives money back, on its way or there.
REFUND = "refund"


@dataclass(frozen=True)
class Method:
    """A card that the gateway keeps: its profile's and its own id there. `last4` and `brand` are for people."""

    profile: str
    payment: str
    last4: str = ""
    brand: str = ""

    @property
    def id(self) -> str:
        """`payment_method_id` on the wire."""
        return f"pm_{self.profile}_{self.payment}"


@dataclass(frozen=True, repr=False)
class Token:
    """A card as the gateway's own form gave it: to be used once, within minutes. Never kept, hence no repr."""

    value: str


@dataclass(frozen=True)
class Customer:
    """Who pays, as the gateway knows them: `reference` is ours, 20 characters at most."""

    reference: str
    email: str


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is sent to be charged. `reference`: ours, 20 characters at most, of this one attempt and no other.

    `keep`: store the token's card at the gateway. `recurring`: the customer is not there.
    """

    reference: str
    cents: int
    description: str
    customer: Customer
    funding: Token | Method
    keep: bool = False
    recurring: bool = False


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the gateway says. `reason` is its own sentence, `code` one of the CODE_ above, for a decline.

    `method`: the card, if it was stored with the charge.
    """

    kind: str
    transaction_id: str = ""
    code: str = ""
    reason: str = ""
    method: Method | None = None


@dataclass(frozen=True, kw_only=True)
class Transaction:
    """One of the gateway's, as its lists and details show it. `reference` is ours, empty for a foreign one.

    `refunds` (of details alone): the transaction that a refund gives back.
    """

    id: str
    reference: str
    cents: int
    status: str
    submitted_at: datetime
    method: Method | None = None
    refunds: str = ""


@dataclass(frozen=True, kw_only=True)
class Charge:
    """What one customer owes for one thing, once; or, with `refund_of`, what is given back of a transaction.

    `id` names what is paid for, so that it exists once however often it is tried. `reference` is of the current
    attempt; `references` of all. An attempt has a new one after a decline, and the same after it was lost: the gateway
    then refuses it if the lost one has arrived after all.
    """

    id: str
    owner: str
    customer_hash: str
    kind: str
    cents: int
    state: str
    attempt: int
    references: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    sent_at: datetime | None = None
    paid_at: datetime | None = None
    transaction_id: str = ""
    code: str = ""
    reason: str = ""
    request_id: str = ""
    refund_of: str = ""
    reversals: Mapping[str, int] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        return self.references[-1]

    @property
    def open(self) -> bool:
        """Whether it is not known yet what becomes of it."""
        return self.state in OPEN_STATES

    @property
    def reversed_cents(self) -> int:
        return sum(self.reversals.values())
