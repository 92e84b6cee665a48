"""Whether a customer may be sold to, for those who need nothing else of a verification."""

from __future__ import annotations

from shared.platform.context import Platform
from shared.verification import sandbox
from shared.verification.repository import VerificationRepository


class VerificationReader:
    """One per instance."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._repository = VerificationRepository.on(platform)

    @classmethod
    def on(cls, platform: Platform) -> VerificationReader:
        return platform.once(cls, lambda: cls(platform))

    def is_verified(self, customer_id: str) -> bool:
        """Whether there is a verification that is valid at this moment. Raises `Unavailable`."""
        now = self._platform.clock.now()
        if self._platform.settings.sandbox and sandbox.is_one(customer_id):
            return sandbox.record(customer_id, now).valid_at(now)
        record = self._repository.record(self._platform.customer_hash(customer_id))
        return record is not None and record.verification.valid_at(now)
