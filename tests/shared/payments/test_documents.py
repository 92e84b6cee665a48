"""What Firestore keeps of a charge is read as it was."""

from __future__ import annotations

from hypothesis import given

from shared.payments.documents import of_charge, to_charge
from shared.payments.models import INTENT, PAID, Charge
from shared.platform.context import Platform
from tests.factories.memberships import CHARGES, FEW, NOON, STATES, charge


@FEW
@given(CHARGES)
def test_every_charge(found: Charge) -> None:
    document = of_charge(found)
    assert to_charge(found.id, document) == found
    assert "id" not in document


@FEW
@given(CHARGES)
def test_what_is_there_for_queries(found: Charge) -> None:
    document = of_charge(found)
    assert document["open"] == found.open
    assert "" not in document["transactions"]
    assert set(document["transactions"]) == {found.transaction_id, *found.reversals} - {""}


def test_through_firestore(platform: Platform) -> None:
    full = charge(
        state=PAID,
        references=("A" * 20, "B" * 20),
        sent_at=NOON,
        paid_at=NOON,
        transaction_id="60001",
        code="declined",
        reason="This transaction has been declined.",
        request_id="req-1",
        refund_of="60000",
        reversals={"60002": 9699, "60001": 1},
    )
    for wanted in (full, *(charge(state=state) for state in (INTENT, *STATES))):
        reference = platform.firestore.collection("charges").document(wanted.id)
        reference.set(of_charge(wanted))
        assert to_charge(wanted.id, reference.get().to_dict() or {}) == wanted
