"""Webhooks that came, by event id, for a week: `webhook_events/{id}`. Providers send them again, and in any order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.platform import firestore
from shared.platform.clock import Clock
from shared.platform.context import Platform
from shared.platform.errors import ChangedMeanwhile
from shared.platform.outbox import Outbox, Outgoing

if TYPE_CHECKING:
    from google.cloud.firestore import Client

COLLECTION = "webhook_events"
KEPT = timedelta(days=7)


class WebhookEvents:
    """Each event has its effect once. Raises `Unavailable` when Firestore does not answer."""

    def __init__(self, client: Client, outbox: Outbox, clock: Clock) -> None:
        self._client = client
        self._outbox = outbox
        self._clock = clock

    @classmethod
    def on(cls, platform: Platform) -> WebhookEvents:
        return cls(platform.firestore, platform.outbox, platform.clock)

    def remember(self, event_id: str, outgoing: Sequence[Outgoing]) -> bool:
        """Keep that it came, and send what it causes, in one commit; False when it came before."""
        batch = self._client.batch()
        now = self._clock.now()
        batch.create(
            self._client.collection(COLLECTION).document(event_id), {"receivedAt": now, "expireAt": now + KEPT}
        )
        for message in outgoing:
            self._outbox.add(batch, message)
        try:
            firestore.commit(batch)
        except ChangedMeanwhile:
            return False
        self._outbox.publish(outgoing)
        return True
