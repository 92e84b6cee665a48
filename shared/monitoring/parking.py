"""Keeps a message that was given up, sealed, until somebody decides."""

from __future__ import annotations

import logging

from shared.monitoring.dead_letters import COLLECTION, PARKED
from shared.monitoring.letters import Letter, keyring, sealed
from shared.platform import firestore
from shared.platform.context import Platform
from shared.platform.errors import ChangedMeanwhile

log = logging.getLogger(__name__)


def park(platform: Platform, letter: Letter) -> None:
    """One that is known already, resolved or not, stays as it is. Raises `Unavailable`."""
    key_id, blob = sealed(letter, keyring(platform), platform.ids.entropy)
    parked = {
        "state": PARKED,
        "function": letter.function,
        "topic": letter.topic,
        "tries": letter.tries,
        "parkedAt": platform.clock.now(),
        "publishedAt": letter.published_at,
        "keyId": key_id,
        "sealed": blob,
        **letter.shown(),
    }
    batch = platform.firestore.batch()
    firestore.put(batch, platform.firestore.collection(COLLECTION).document(letter.id), parked, None)
    try:
        firestore.commit(batch)
    except ChangedMeanwhile:
        return
    log.error("dead_letter", extra={"letter": letter.id, "failed": letter.function, "topic": letter.topic})
