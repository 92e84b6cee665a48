"""One customer's membership, with the address that is sealed in it."""

from __future__ import annotations

from shared.memberships.contact import Contacts
from shared.memberships.errors import NoMembership
from shared.memberships.models import Membership
from shared.memberships.repository import Memberships
from shared.platform.context import Platform


class MembershipLookup:
    """One per instance."""

    def __init__(self, platform: Platform) -> None:
        self._customer_hash = platform.customer_hash
        self._memberships = Memberships(platform)
        self._contacts = Contacts(platform)

    @classmethod
    def on(cls, platform: Platform) -> MembershipLookup:
        return platform.once(cls, lambda: cls(platform))

    def get(self, customer_id: str) -> tuple[Membership, str]:
        """The newest membership and the e-mail address. Raises `NoMembership`, `Unavailable`."""
        member = self._memberships.get(self._customer_hash(customer_id)).member
        if member.membership is None:
            raise NoMembership
        return member.membership, self._contacts.open(member, member.customer_hash).email
