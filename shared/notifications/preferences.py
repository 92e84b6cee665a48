"""Unsubscribing, by a link that needs no sign-in: `mail_preferences/{customerHash}`.

The link names the keyed hash of the customer and is signed under the same key for this purpose alone: who has one can
unsubscribe this customer, and nothing else.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from urllib.parse import urlencode

from shared.notifications.errors import BadLink
from shared.platform import firestore
from shared.platform.context import Platform

PREFERENCES = "mail_preferences"
PATH = "/api/notifications/unsubscribe"


class Preferences:
    """One per instance."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    @classmethod
    def on(cls, platform: Platform) -> Preferences:
        return platform.once(cls, lambda: cls(platform))

    def link(self, customer_hash: str) -> str:
        query = urlencode({"c": customer_hash, "s": self._signature(customer_hash)})
        return f"{self._platform.settings.public_url.rstrip('/')}{PATH}?{query}"

    def check(self, customer_hash: str, signature: str) -> None:
        """Raises `BadLink` for one that we have not made."""
        if not hmac.compare_digest(self._signature(customer_hash).encode(), signature.encode()):
            raise BadLink

    def unsubscribe(self, customer_hash: str) -> None:
        """Doing it again changes nothing. Raises `Unavailable`."""
        kept = {"unsubscribedAt": self._platform.clock.now()}
        with firestore.translated():
            self._platform.firestore.collection(PREFERENCES).document(customer_hash).set(
                kept, timeout=firestore.COMMIT_SECONDS
            )

    def unsubscribed(self, customer_hash: str) -> bool:
        """Raises `Unavailable`."""
        return firestore.read(self._platform.firestore.collection(PREFERENCES).document(customer_hash)) is not None

    def unsubscribed_of(self, customer_hashes: Sequence[str]) -> frozenset[str]:
        """Those among them, with one call. Raises `Unavailable`."""
        collection = self._platform.firestore.collection(PREFERENCES)
        with firestore.translated():
            found = self._platform.firestore.get_all([collection.document(one) for one in customer_hashes])
            return frozenset(document.id for document in found if document.exists)

    def _signature(self, customer_hash: str) -> str:
        # No customer id has a '|', so that this is nobody's hash.
        return self._platform.customer_hash(f"unsubscribe|{customer_hash}")
