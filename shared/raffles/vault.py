"""What is sealed under the service keys: the secret seed of a raffle, and who has bought its tickets."""

from __future__ import annotations

import json
import logging

from shared.platform.context import Platform
from shared.platform.crypto import Keyring, Undecryptable
from shared.raffles.models import Buyer, Purchase, Raffle

SEED_BYTES = 32

log = logging.getLogger(__name__)


class Vault:
    """Seals and opens. Each blob is bound to what it belongs to: moved elsewhere it does not open."""

    def __init__(self, platform: Platform) -> None:
        self._keyring = Keyring.parse("VERIFICATION_KEY", platform.settings.require("VERIFICATION_KEY"))
        self._entropy = platform.ids.entropy

    def new_seed(self, raffle_id: str) -> tuple[bytes, str, bytes]:
        """(seed, key id, sealed seed)."""
        seed = self._entropy(SEED_BYTES)
        return seed, *self._keyring.wrap(seed, _seed_of(raffle_id), self._entropy)

    def seed(self, raffle: Raffle) -> bytes:
        """Raises `Undecryptable`: without its seed a raffle cannot be drawn, and no other will do."""
        return self._keyring.unwrap(raffle.seed_key, raffle.seed, _seed_of(raffle.id))

    def seal(self, buyer: Buyer, purchase_id: str) -> tuple[str, bytes]:
        """(key id, sealed)."""
        plain = json.dumps([buyer.customer_id, buyer.email, buyer.name]).encode()
        return self._keyring.wrap(plain, _buyer_of(purchase_id), self._entropy)

    def buyer(self, purchase: Purchase) -> Buyer:
        """Failure policy: what cannot be opened costs the mail, never the tickets."""
        try:
            plain = self._keyring.unwrap(purchase.contact_key, purchase.contact, _buyer_of(purchase.id))
        except Undecryptable:
            log.error("buyer_undecryptable", extra={"purchaseId": purchase.id})
            return Buyer()
        return Buyer(*json.loads(plain))


def _seed_of(raffle_id: str) -> bytes:
    return b"raffle-seed|" + raffle_id.encode()


def _buyer_of(purchase_id: str) -> bytes:
    return b"raffle-buyer|" + purchase_id.encode()
