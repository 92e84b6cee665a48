"""What Firestore keeps of a member is read as it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given

from shared.memberships.documents import DAYS, of_member, to_member
from shared.memberships.models import FIRST, Member, Membership, Past, Pending
from shared.payments.models import Method
from shared.platform.context import Platform
from tests.factories.memberships import FEW, MEMBERS, NOON, STATUSES, begun, in_status

CARD = Method("900", "901", "1111", "Visa")
PENDING = Pending(
    charge_id="SUB_1:2026-07-01:first",
    kind=FIRST,
    result=replace(begun("GOLD"), method=CARD, upgrades=("SUB_1:2026-07-01:upgrade_GOLD",)),
    lease_until=NOON,
    fingerprint="f" * 64,
    contact=b"\x00sealed",
    contact_key="key-1",
    request_id="req-1",
)
PAST = Past(id="MEM_0", tier="BRONZE", price=4700, status="expired", created_at=NOON, ended_at=NOON)


@FEW
@given(MEMBERS)
def test_every_member(member: Member) -> None:
    assert to_member(member.customer_hash, of_member(member)) == member


def test_through_firestore(platform: Platform) -> None:
    member = Member(customer_hash="c", pending=PENDING, past=(PAST, PAST), contact=b"\xff", contact_key="k")
    of_status = [replace(member, membership=replace(in_status(status), method=CARD)) for status in STATUSES]
    reference = platform.firestore.collection("memberships").document("c")
    for wanted in (Member(customer_hash="c"), member, *of_status):
        reference.set(of_member(wanted))
        assert to_member("c", reference.get().to_dict() or {}) == wanted


@pytest.mark.parametrize("status", STATUSES)
def test_the_day_on_which_the_job_looks_is_text_that_sorts(status: str) -> None:
    membership = in_status(status)
    document = of_member(Member(customer_hash="c", membership=membership))
    assert document["dueOn"] == (membership.due_on.isoformat() if membership.due_on else None)
    assert of_member(Member(customer_hash="c"))["dueOn"] is None


def test_every_day_of_a_membership_is_written_as_one() -> None:
    dates = {
        name for name, kind in Membership.__annotations__.items() if kind in ("date", "date | None", date, date | None)
    }
    assert dates == DAYS


def test_a_field_of_a_later_version_is_not_in_the_way() -> None:
    document = of_member(Member(customer_hash="c", membership=begun()))
    document["membership"]["ofTheFuture"] = 1
    assert to_member("c", document).membership == begun()
