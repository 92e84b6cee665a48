"""Where mails go: {customerId, email}, sealed under the service keys and bound to the customer hash."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass

from shared.memberships.models import Member, Pending
from shared.platform.context import Platform
from shared.platform.crypto import Keyring, Undecryptable

log = logging.getLogger(__name__)


@dataclass(frozen=True, repr=False)
class Contact:
    """Personal, hence no repr. Empty when it cannot be opened any more."""

    customer_id: str = ""
    email: str = ""


class Contacts:
    """Seals and opens."""

    def __init__(self, platform: Platform) -> None:
        self._keyring = Keyring.parse("VERIFICATION_KEY", platform.settings.require("VERIFICATION_KEY"))
        self._entropy = platform.ids.entropy

    def seal(self, contact: Contact, customer_hash: str) -> tuple[str, bytes]:
        """(key id, sealed)."""
        plain = json.dumps({"customerId": contact.customer_id, "email": contact.email})
        return self._keyring.wrap(plain.encode(), _context(customer_hash), self._entropy)

    def open(self, kept: Member | Pending, customer_hash: str) -> Contact:
        """Failure policy: what cannot be opened costs the mail, never the membership."""
        try:
            plain = json.loads(self._keyring.unwrap(kept.contact_key, kept.contact, _context(customer_hash)))
        except Undecryptable:
            log.error("contact_undecryptable", extra={"customerHash": customer_hash})
            return Contact()
        return Contact(plain["customerId"], plain["email"])


def _context(customer_hash: str) -> bytes:
    return b"membership|" + customer_hash.encode()
