"""What every service stands on, made once per instance, each client on its first use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from shared.platform import bigquery, firestore
from shared.platform.clock import Clock, MovableClock
from shared.platform.crypto import decode_key, keyed_hash
from shared.platform.idempotency import IdempotencyStore
from shared.platform.ids import Ids
from shared.platform.metrics import ELSEWHERE, Metrics
from shared.platform.outbox import Outbox
from shared.platform.permits import PermitStore
from shared.platform.pubsub import Publisher
from shared.platform.settings import Settings

if TYPE_CHECKING:
    from google.cloud.bigquery import Client as BigQueryClient
    from google.cloud.firestore import Client as FirestoreClient


Made = TypeVar("Made")


@dataclass(frozen=True, eq=False)
class Platform:
    """Settings, clock and ids, and lazily the clients: no client is made at import time."""

    settings: Settings
    clock: Clock
    ids: Ids
    _made: dict[type, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def start(cls, settings: Settings) -> Platform:
        clock = MovableClock(settings.clock_file) if settings.clock_file else Clock()
        return cls(settings, clock, Ids(clock))

    def once(self, kind: type[Made], make: Callable[[], Made]) -> Made:
        """The one `kind` of this instance: services are made on first use and kept."""
        if kind not in self._made:
            # Of two threads' objects both get the one that was there first.
            self._made.setdefault(kind, make())
        made: Made = self._made[kind]
        return made

    @cached_property
    def firestore(self) -> FirestoreClient:
        return firestore.connect(self.settings.project)

    @cached_property
    def bigquery(self) -> BigQueryClient:
        return bigquery.connect(self.settings.project, self.settings.bigquery_location, self.settings.bigquery_emulator)

    @cached_property
    def publisher(self) -> Publisher:
        return Publisher(self.settings.project, self.settings.pubsub_emulator)

    @cached_property
    def outbox(self) -> Outbox:
        return Outbox(self.firestore, self.publisher, self.clock)

    @cached_property
    def idempotency(self) -> IdempotencyStore:
        return IdempotencyStore(self.firestore, self._hash_key, self.clock, self.ids)

    @cached_property
    def permits(self) -> PermitStore:
        return PermitStore(self.firestore, self.clock, self.ids)

    @cached_property
    def metrics(self) -> Metrics:
        deployed_as = self.settings.service.replace("-", "_")
        return Metrics(lambda: self.firestore, self.clock, deployed_as or ELSEWHERE)

    def customer_hash(self, customer_id: str) -> str:
        """The name of a customer everywhere but on the wire: HMAC-SHA-256 under CUSTOMER_HASH_KEY, hex."""
        return keyed_hash(self._hash_key, customer_id)

    @cached_property
    def _hash_key(self) -> bytes:
        return decode_key("CUSTOMER_HASH_KEY", self.settings.require("CUSTOMER_HASH_KEY"))
