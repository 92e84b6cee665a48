"""Erasing a customer (docs/decisions/0012). No key is needed for it."""

from __future__ import annotations

from shared.platform.clock import to_milliseconds
from shared.platform.contention import until_unchanged
from shared.platform.context import Platform
from shared.verification import events
from shared.verification.repository import VerificationRepository


class ErasureService:
    """Deletes what is personal, and says so in the trail."""

    def __init__(self, platform: Platform, repository: VerificationRepository) -> None:
        self._platform = platform
        self._repository = repository

    @classmethod
    def on(cls, platform: Platform) -> ErasureService:
        return platform.once(cls, lambda: cls(platform, VerificationRepository.on(platform)))

    def erase(self, customer_id: str, role: str, request_id: str) -> None:
        """Delete everything personal. Running it again changes nothing. Raises `Unavailable`.

        A reminder that waits to be sent is not: its sender looks for the record, which is gone.
        """
        customer_hash = self._platform.customer_hash(customer_id)
        until_unchanged(
            lambda: self._erase_record(customer_hash, role, request_id),
            self._platform.clock,
            self._platform.ids,
        )
        self._platform.idempotency.forget(customer_hash)

    def _erase_record(self, customer_hash: str, role: str, request_id: str) -> None:
        record = self._repository.record(customer_hash)
        if record is None:
            return
        now = to_milliseconds(self._platform.clock.now())
        event = events.erased(self._platform.ids.new("evt"), customer_hash, request_id, record.verification, role, now)
        self._repository.erase(customer_hash, record, event)
        self._platform.outbox.publish([event])
