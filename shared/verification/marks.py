"""What has become of reminders, noted on the records that they are about."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.platform.contention import until_unchanged
from shared.platform.context import Platform
from shared.verification.repository import Found, VerificationRepository

TEMPLATE = "age-verification-expiring"


class ExpiryNotices:
    """One per instance. Raises `Unavailable` from every method when Firestore does not answer."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._repository = VerificationRepository.on(platform)

    @classmethod
    def on(cls, platform: Platform) -> ExpiryNotices:
        return platform.once(cls, lambda: cls(platform))

    def still_due(self, customer_hash: str, verification_id: str) -> bool:
        """Whether this verification still stands and still ends: neither erased, nor replaced, nor over."""
        record = self._repository.record(customer_hash)
        if record is None or record.verification.id != verification_id:
            return False
        return record.verification.valid_at(self._platform.clock.now())

    def note(self, customer_hash: str, verification_id: str, at: datetime, *, sent: bool) -> None:
        """The reminder was sent, or its address takes none. Again, or of a record that is gone: nothing."""
        until_unchanged(
            lambda: self._note(customer_hash, verification_id, at, sent), self._platform.clock, self._platform.ids
        )

    def _note(self, customer_hash: str, verification_id: str, at: datetime, sent: bool) -> None:
        record = self._repository.record(customer_hash)
        if record is None or record.verification.id != verification_id:
            return
        known = record.verification
        if (known.expiry_notice_sent_at if sent else known.expiry_notice_failed_at) is not None:
            return
        noted = replace(known, expiry_notice_sent_at=at) if sent else replace(known, expiry_notice_failed_at=at)
        self._repository.save_noted([(Found(customer_hash, record), noted, None)])
