"""The personal part of a record: sealed under the customer's own data key, which the service key wraps.

Deleting the wrapped data key makes every copy of the sealed part unreadable, wherever it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date

from shared.platform.crypto import KEY_BYTES, Keyring, Undecryptable, seal, unseal
from shared.verification.models import DataKey, Person


class Vault:
    """Seals and opens persons. Both are bound to the customer hash: a blob moved to another record stays closed."""

    def __init__(self, keyring: Keyring, entropy: Callable[[int], bytes]) -> None:
        self._keyring = keyring
        self._entropy = entropy

    def seal(self, person: Person, customer_hash: str, known: DataKey | None) -> tuple[DataKey, bytes]:
        """Under the customer's data key, or a new one. The key is wrapped anew with the current service key."""
        data_key = self._known_key(known, customer_hash) or self._entropy(KEY_BYTES)
        key_id, wrapped = self._keyring.wrap(data_key, _context(customer_hash), self._entropy)
        plain = json.dumps(
            {
                "customerId": person.customer_id,
                "fullName": person.full_name,
                "dateOfBirth": person.date_of_birth.isoformat(),
                "idNumberLast4": person.id_number_last4,
                "email": person.email,
            }
        )
        sealed = seal(data_key, plain.encode(), _context(customer_hash), self._entropy)
        return DataKey(key_id=key_id, wrapped=wrapped), sealed

    def open(self, data_key: DataKey, sealed: bytes, customer_hash: str) -> Person:
        """Raises `Undecryptable`."""
        key = self._unwrap(data_key, customer_hash)
        plain = json.loads(unseal(key, sealed, _context(customer_hash)))
        return Person(
            customer_id=plain["customerId"],
            full_name=plain["fullName"],
            date_of_birth=date.fromisoformat(plain["dateOfBirth"]),
            id_number_last4=plain["idNumberLast4"],
            email=plain["email"],
        )

    def _known_key(self, known: DataKey | None, customer_hash: str) -> bytes | None:
        """Failure policy: a data key that no service key opens any more is replaced."""
        try:
            return self._unwrap(known, customer_hash) if known else None
        except Undecryptable:
            return None

    def _unwrap(self, data_key: DataKey, customer_hash: str) -> bytes:
        return self._keyring.unwrap(data_key.key_id, data_key.wrapped, _context(customer_hash))


def _context(customer_hash: str) -> bytes:
    return b"verification|" + customer_hash.encode()
