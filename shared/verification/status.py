"""What is known of a customer. Nothing is decrypted for it, and nothing is written."""

from __future__ import annotations

from shared.platform.context import Platform
from shared.platform.errors import Forbidden
from shared.verification import sandbox
from shared.verification.errors import NoVerification
from shared.verification.models import Status, Verification
from shared.verification.repository import VerificationRepository
from shared.verification.tokens import AgeTokens


class StatusService:
    """Reads the record and signs an age token for it."""

    def __init__(self, platform: Platform, repository: VerificationRepository, tokens: AgeTokens) -> None:
        self._platform = platform
        self._repository = repository
        self._tokens = tokens

    @classmethod
    def on(cls, platform: Platform) -> StatusService:
        return platform.once(cls, lambda: cls(platform, VerificationRepository.on(platform), AgeTokens.on(platform)))

    def status(self, customer_id: str) -> Status:
        """Raises `NoVerification`, `Unavailable`."""
        if self._platform.settings.sandbox and sandbox.is_one(customer_id):
            return self._status_of(customer_id, sandbox.record(customer_id, self._platform.clock.now()))
        record = self._repository.record(self._platform.customer_hash(customer_id))
        if record is None:
            raise NoVerification(customer_id)
        return self._status_of(customer_id, record.verification)

    def own_status(self, customer_id: str, age_token: str, *, may_ask_for_others: bool) -> Status:
        """The status of the caller, or of the customer whom the age token names.

        Raises `NoVerification` (also when an erasure has revoked the token), `AgeTokenInvalid`, `Forbidden`.
        """
        if not age_token:
            return self.status(customer_id)
        named, family = self._tokens.read(age_token)
        if named != customer_id and not may_ask_for_others:
            raise Forbidden("This age token is another customer's.")
        status = self.status(named)
        if status.token_family != family:
            raise NoVerification(named)
        return status

    def _status_of(self, customer_id: str, verification: Verification) -> Status:
        valid = verification.valid_at(self._platform.clock.now())
        return Status(
            verification_id=verification.id,
            verified=valid,
            expired=not valid,
            method=verification.method,
            age=verification.age,
            state=verification.state,
            verified_at=verification.verified_at,
            expires_at=verification.expires_at,
            token_family=verification.token_family,
            age_token=self._tokens.issue(customer_id, verification) if valid else None,
        )
