"""How a charge goes from one state to the next. Pure."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from shared.payments.models import (
    ABSENT,
    APPROVED,
    CODE_UNAVAILABLE,
    DECLINED,
    FAILED,
    HELD,
    IN_REVIEW,
    INTENT,
    PAID,
    PENDING,
    REFUND,
    REVERSED,
    SENT,
    SETTLED,
    UNKNOWN,
    VOIDED,
    Charge,
    Outcome,
    Transaction,
)

# A charge that the gateway does not have after so long was lost on its way: longer than any request lives there.
QUIET = timedelta(minutes=3)
# Clocks differ, and a list is asked for by the gateway's.
CLOCK_SKEW = timedelta(hours=1)
REFERENCE = re.compile(r"[A-Z2-7]{20}")
STATES = {APPROVED: PAID, HELD: HELD, DECLINED: DECLINED, ABSENT: DECLINED, UNKNOWN: UNKNOWN}


def reference_of(charge_id: str, attempt: int) -> str:
    """20 letters and digits, which is all that the gateway keeps; the same for the same attempt."""
    digest = hashlib.sha256(f"{charge_id}#{attempt}".encode()).digest()
    return base64.b32encode(digest)[:20].decode()


def is_reference(text: str) -> bool:
    """Whether it may be one of ours: an account may be used by others too."""
    return REFERENCE.fullmatch(text) is not None


def again(charge: Charge, now: datetime, **changes: object) -> Charge:
    """The next attempt of a charge that was declined or lost."""
    attempt = charge.attempt + 1
    lost = charge.code == CODE_UNAVAILABLE and charge.sent_at is not None
    references = charge.references if lost else (*charge.references, reference_of(charge.id, attempt))
    fresh = replace(charge, state=INTENT, attempt=attempt, references=references, updated_at=now, sent_at=None)
    return replace(fresh, transaction_id="", code="", reason="", **changes)  # type: ignore[arg-type]


def sent(charge: Charge, now: datetime) -> Charge:
    return replace(charge, state=SENT, sent_at=now, updated_at=now)


def after(charge: Charge, outcome: Outcome, now: datetime) -> Charge:
    """What is known of the charge after the gateway has said something."""
    return replace(
        charge,
        state=STATES[outcome.kind],
        transaction_id=outcome.transaction_id or charge.transaction_id,
        code=outcome.code,
        reason=outcome.reason,
        updated_at=now,
        paid_at=now if outcome.kind == APPROVED else charge.paid_at,
    )


def reversal(charge: Charge, transaction_id: str, cents: int, now: datetime) -> Charge:
    """Money of a paid charge has gone back by this transaction (its own id: it was voided)."""
    reversals = {**charge.reversals, transaction_id: cents}
    state = REVERSED if sum(reversals.values()) >= charge.cents else charge.state
    return replace(charge, reversals=reversals, state=state, updated_at=now)


def outcome_of(found: Sequence[Transaction], charge: Charge, now: datetime) -> Outcome:
    """What a search for an attempt that got no answer says: `found` are all transactions with the charge's references.

    Money that any of its attempts took pays it; a decline is an answer to the attempt that it has the reference of.
    """
    latest = [t for t in found if t.reference == charge.reference]
    for kind, statuses, among in (
        (APPROVED, {PENDING, SETTLED}, found),
        (HELD, {IN_REVIEW}, found),
        (DECLINED, {FAILED, VOIDED}, latest),
    ):
        # The oldest: if the gateway took two, the second is the one to be given back.
        matching = sorted((t for t in among if t.status in statuses), key=lambda t: (t.submitted_at, t.id))
        if matching:
            first = matching[0]
            reason = "The payment was not taken." if kind == DECLINED else ""
            return Outcome(kind=kind, transaction_id=first.id, method=first.method, reason=reason)
    if charge.sent_at is not None and now - charge.sent_at < QUIET:
        return Outcome(kind=UNKNOWN, code=CODE_UNAVAILABLE)
    return Outcome(kind=ABSENT, code=CODE_UNAVAILABLE, reason="The payment never reached the payment provider.")


def refund_outcome(
    found: Sequence[Transaction], charge: Charge, original: Transaction | None, now: datetime
) -> Outcome:
    """The same for money that goes back: the refund itself is there, or the transaction was voided."""
    refunds = [t for t in found if t.status == REFUND]
    if refunds:
        return Outcome(kind=APPROVED, transaction_id=refunds[0].id)
    if original is not None and original.status == VOIDED:
        return Outcome(kind=APPROVED, transaction_id=original.id)
    return outcome_of([], charge, now)


def owed(charge: Charge, transactions: Iterable[Transaction]) -> list[Transaction]:
    """Of a charge that is not open, the transactions with its references that were taken beyond the one it is paid by.

    They must be given back: an attempt that was given up arrived late, or the gateway took two.
    """
    taken = [t for t in transactions if t.status in {PENDING, SETTLED, IN_REVIEW}]
    return [t for t in taken if t.id != charge.transaction_id or charge.state == DECLINED]
