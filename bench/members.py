"""Members for measurements, written as the functions write them."""

from __future__ import annotations

from shared.memberships import documents, rules
from shared.memberships.models import Member
from shared.memberships.repository import MEMBERSHIPS
from shared.memberships.rules import Now
from shared.platform.context import Platform
from shared.platform.settings import Settings


def join(variables: dict[str, str], customers: list[str]) -> None:
    """Each an active SILVER member from this moment on."""
    platform = Platform.start(Settings.load(variables))
    now = Now(platform.clock.now(), platform.settings.store_timezone)
    batch = platform.firestore.batch()
    for customer in customers:
        ids = (platform.ids.new("MEM"), platform.ids.new("SUB"))
        membership = rules.begun(ids=ids, tier="SILVER", method_type="card", before=None, now=now)
        member = Member(customer_hash=platform.customer_hash(customer), membership=membership)
        reference = platform.firestore.collection(MEMBERSHIPS).document(member.customer_hash)
        batch.set(reference, documents.of_member(member))
    batch.commit()
