"""Where Lightspeed's tokens are kept: `sync_credentials/lightspeed` in Firestore, sealed under the service key.

One writer: who wants to refresh takes the lease by compare-and-set, and saves under the version that the lease made.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.platform import firestore
from shared.platform.context import Platform
from shared.platform.crypto import Keyring, Undecryptable
from shared.platform.errors import ChangedMeanwhile, Unavailable
from shared.platform.firestore import Stored
from shared.values import leases

if TYPE_CHECKING:
    from google.cloud.firestore import DocumentReference

COLLECTION, DOCUMENT = "sync_credentials", "lightspeed"
CONTEXT = b"sync_credentials|lightspeed"
# Whoever crashed while it held the lease holds up the others for so long.
LEASE = timedelta(seconds=60)
SAVE_TRIES = 4
SAVE_PAUSE_SECONDS = 0.5
# Hashes of the refresh tokens that were ever set.
SETTINGS_KEPT = 50
NEVER = datetime.fromtimestamp(0, UTC)

log = logging.getLogger(__name__)


@dataclass(frozen=True, repr=False)
class Tokens:
    """A pair as Lightspeed gave it; without `access` a refresh token alone. Never shown, hence no repr."""

    refresh: str
    access: str = ""
    expires_at: datetime = NEVER


@dataclass(frozen=True)
class Known:
    """The tokens to go on with, and the document they are from (None: there is none yet)."""

    tokens: Tokens
    seen: Stored | None

    def leased_at(self, now: datetime) -> bool:
        return self.seen is not None and leases.ahead(self.seen.data["leaseUntil"], LEASE, now)

    def refreshed_within(self, length: timedelta, now: datetime) -> bool:
        return self.seen is not None and leases.younger(self.seen.data["refreshedAt"], length, now)


class LightspeedCredentials:
    """Every method raises `Unavailable` when Firestore does not answer."""

    def __init__(self, platform: Platform) -> None:
        settings = platform.settings
        self._platform = platform
        self._keyring = Keyring.parse("VERIFICATION_KEY", settings.require("VERIFICATION_KEY"))
        self._setting = settings.lightspeed_refresh_token
        self._setting_hash = hashlib.sha256(self._setting.encode()).hexdigest()

    def load(self) -> Known:
        """What is stored; the setting where nothing is, or where it has a value that was never seen before.

        Never seen, not merely another: an instance that still has the former setting must not bring it back.
        """
        seen = firestore.read(self._reference)
        stored = self._opened(seen) if seen else None
        if seen is None or stored is None or self._is_new(seen):
            return Known(Tokens(self._setting), seen)
        return Known(stored, seen)

    def lease(self, known: Known, now: datetime) -> Known:
        """The same tokens with the lease on the document. Raises `ChangedMeanwhile` when somebody was faster."""
        owner = self._platform.ids.new("lease")
        before = known.seen.data if known.seen else {**self._sealed(known.tokens), "settings": []}
        self._put({**before, "leaseOwner": owner, "leaseUntil": now + LEASE, "refreshedAt": now}, known)
        seen = firestore.read(self._reference)
        if seen is None or seen.data["leaseOwner"] != owner:
            raise ChangedMeanwhile("leaseOwner")
        return Known(known.tokens, seen)

    def save(self, leased: Known, tokens: Tokens) -> bool:
        """Store the new pair and give the lease back. False: somebody else has taken the lease, and theirs counts."""
        document = {**_given_back(leased), **self._sealed(tokens)}
        if self._setting_hash not in document["settings"]:
            document["settings"] = [*document["settings"], self._setting_hash][-SETTINGS_KEPT:]
        for attempt in range(1, SAVE_TRIES + 1):
            try:
                self._put(document, leased)
            except ChangedMeanwhile:
                return self._is_stored(document)
            except Unavailable:
                if attempt == SAVE_TRIES:
                    raise
                self._platform.clock.sleep(SAVE_PAUSE_SECONDS * attempt)
            else:
                return True
        return False

    def release(self, leased: Known) -> bool:
        """Give the lease back, with the stored tokens as they were. False: somebody else has taken it."""
        try:
            self._put(_given_back(leased), leased)
        except ChangedMeanwhile:
            return False
        return True

    def _put(self, document: dict[str, Any], known: Known) -> None:
        batch = self._platform.firestore.batch()
        firestore.put(batch, self._reference, document, known.seen)
        firestore.commit(batch)

    def _is_stored(self, document: dict[str, Any]) -> bool:
        """Whether our own write was there already, its answer lost."""
        seen = firestore.read(self._reference)
        return seen is not None and seen.data["sealed"] == document["sealed"]

    def _sealed(self, tokens: Tokens) -> dict[str, Any]:
        plain = json.dumps({"refresh": tokens.refresh, "access": tokens.access})
        key_id, sealed = self._keyring.wrap(plain.encode(), CONTEXT, self._platform.ids.entropy)
        return {"keyId": key_id, "sealed": sealed, "expiresAt": tokens.expires_at}

    def _is_new(self, seen: Stored) -> bool:
        return self._setting != "" and self._setting_hash not in seen.data["settings"]

    def _opened(self, seen: Stored) -> Tokens | None:
        """Failure policy: what no service key opens any more is as if it were not there; the setting must do."""
        try:
            plain = json.loads(self._keyring.unwrap(seen.data["keyId"], seen.data["sealed"], CONTEXT))
        except Undecryptable:
            log.warning("lightspeed_tokens_undecryptable", extra={"keyId": seen.data["keyId"]})
            return None
        return Tokens(plain["refresh"], plain["access"], seen.data["expiresAt"])

    @property
    def _reference(self) -> DocumentReference:
        return self._platform.firestore.collection(COLLECTION).document(DOCUMENT)


def _given_back(leased: Known) -> dict[str, Any]:
    return {**(leased.seen.data if leased.seen else {}), "leaseOwner": "", "leaseUntil": NEVER}
