"""Verifying a customer: loads, lets the rules decide, commits state and event together.

An attempt is one compare-and-set on the customer's attempt window: read, decide in memory, commit. No answer leaves
before its commit, so twenty attempts at once reveal exactly three results (docs/decisions/0006).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from shared.platform.clock import to_milliseconds
from shared.platform.contention import until_unchanged
from shared.platform.context import Platform
from shared.platform.crypto import Keyring, Undecryptable
from shared.platform.locks import KeyedLocks
from shared.verification import events, sandbox
from shared.verification.errors import TooManyAttempts
from shared.verification.models import (
    EVIDENCE_CLASS,
    MAX_ATTEMPTS,
    WINDOW,
    Checked,
    Claim,
    FailedAttempt,
    Person,
    Refusal,
    Refused,
    Verification,
    Verified,
)
from shared.verification.repository import Record, VerificationRepository, Window
from shared.verification.rules import check, counted, expires_at, remaining, reset_at
from shared.verification.tokens import AgeTokens
from shared.verification.vault import Vault

# The method of what is answered from the record.
CACHE = "cache"

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One request to verify. `email` is kept, sealed, for the expiry notice only."""

    customer_id: str
    customer_hash: str
    claim: Claim
    email: str
    request_id: str
    new_record: bool
    """True for resubmit: never answer from the record."""


class VerificationService:
    """One per instance; holds no state but its clients and the queue of callers per customer."""

    def __init__(self, platform: Platform, repository: VerificationRepository, vault: Vault, tokens: AgeTokens) -> None:
        self._platform = platform
        self._repository = repository
        self._vault = vault
        self._tokens = tokens
        self._locks = KeyedLocks()

    @classmethod
    def on(cls, platform: Platform) -> VerificationService:
        return platform.once(cls, lambda: cls._made(platform))

    @classmethod
    def _made(cls, platform: Platform) -> VerificationService:
        keyring = Keyring.parse("VERIFICATION_KEY", platform.settings.require("VERIFICATION_KEY"))
        return cls(
            platform, VerificationRepository.on(platform), Vault(keyring, platform.ids.entropy), AgeTokens.on(platform)
        )

    def verify(
        self, customer_id: str, claim: Claim, email: str, request_id: str, *, new_record: bool = False
    ) -> Verified | Refused:
        """The answer of a valid record with the same birth date, else of the checks, stored.

        `new_record` (resubmit) never answers from the record: success supersedes it. A refused claim leaves it as it
        is. Raises `TooManyAttempts`, `Unavailable`.
        """
        if self._is_sandbox(customer_id):
            return self._verify_in_sandbox(customer_id)
        started = self._platform.clock.monotonic()
        attempt = Attempt(
            customer_id=customer_id,
            customer_hash=self._platform.customer_hash(customer_id),
            claim=claim,
            email=email,
            request_id=request_id,
            new_record=new_record,
        )
        outcome = self._outcome(attempt)
        self._measure(outcome, started)
        return outcome

    def _outcome(self, attempt: Attempt) -> Verified | Refused:
        cached = self._from_record(attempt, self._repository.record(attempt.customer_hash))
        if cached:
            return cached
        with self._locks.hold(attempt.customer_hash):
            return until_unchanged(lambda: self._decide(attempt), self._platform.clock, self._platform.ids)

    def _measure(self, outcome: Verified | Refused, started: float) -> None:
        """An answer from the record is no attempt (docs/decisions/0007), and is no quicker way to a good figure."""
        metrics = self._platform.metrics
        if isinstance(outcome, Verified) and outcome.method == CACHE:
            return
        metrics.count("verification_attempts")
        metrics.count("verification_successes", int(isinstance(outcome, Verified)))
        metrics.observe("verification_latency", (self._platform.clock.monotonic() - started) * 1000)

    def _decide(self, attempt: Attempt) -> Verified | Refused:
        record = self._repository.record(attempt.customer_hash)
        cached = self._from_record(attempt, record)
        if cached:
            return cached
        now = to_milliseconds(self._platform.clock.now())
        window = _inside(self._repository.window(attempt.customer_hash), now)
        self._refuse_when_full(attempt, window, now)
        checked = check(attempt.claim, now)
        if isinstance(checked, Refusal):
            return self._fail(attempt, checked, record, window, now)
        return self._succeed(attempt, checked, record, window, now)

    def _from_record(self, attempt: Attempt, record: Record | None) -> Verified | None:
        """The record's answer, if the claim passes every check and states the same birth date."""
        now = self._platform.clock.now()
        if attempt.new_record or record is None or not record.verification.answers_at(now):
            return None
        checked = check(attempt.claim, now)
        if isinstance(checked, Refusal) or not self._same_birth_date(attempt, checked, record.verification):
            return None
        return self._verified(attempt.customer_id, record.verification, CACHE, checked.age)

    def _same_birth_date(self, attempt: Attempt, checked: Checked, verification: Verification) -> bool:
        try:
            person = self._vault.open(verification.data_key, verification.sealed, attempt.customer_hash)
        except Undecryptable:
            # Failure policy: a record that cannot be opened is not a hit; the claim is verified anew.
            log.error("record_undecryptable", extra={"verificationId": verification.id})
            return False
        return person.date_of_birth == checked.date_of_birth

    def _refuse_when_full(self, attempt: Attempt, window: Window, now: datetime) -> None:
        """Failure policy: the limit fails closed; a window that cannot be read has raised `Unavailable` before."""
        times = [failure.at for failure in window.failures]
        if remaining(times) > 0:
            return
        ids = self._platform.ids
        self._platform.metrics.count("verification_limit_hits")
        self._platform.outbox.announce(
            events.rate_limited(ids.new("evt"), ids.new("att"), attempt.customer_hash, attempt.request_id, now)
        )
        raise TooManyAttempts(min(times) + WINDOW, now)

    def _fail(
        self, attempt: Attempt, refusal: Refusal, record: Record | None, window: Window, now: datetime
    ) -> Refused:
        ids = self._platform.ids
        failure = FailedAttempt(id=ids.new("att"), at=now)
        failures = (*window.failures, failure)
        times = counted([f.at for f in failures], now)
        blocked_until = reset_at(times) if remaining(times) == 0 else None
        event = events.failed(ids.new("evt"), failure.id, attempt.customer_hash, attempt.request_id, refusal, now)
        self._repository.save_failure(attempt.customer_hash, failures, record, window, event, blocked_until)
        self._platform.outbox.publish([event])
        return Refused.by(failure.id, refusal, remaining(times), reset_at(times))

    def _succeed(
        self, attempt: Attempt, checked: Checked, record: Record | None, window: Window, now: datetime
    ) -> Verified:
        ids = self._platform.ids
        known = record.verification if record else None
        verification = self._new_record(attempt, checked, known, now)
        event = events.succeeded(
            ids.new("evt"),
            ids.new("att"),
            attempt.customer_hash,
            attempt.request_id,
            verification,
            known.id if known else None,
        )
        self._repository.save_success(attempt.customer_hash, verification, record, window, event)
        self._platform.outbox.publish([event])
        return self._verified(attempt.customer_id, verification, "full_verification", checked.age)

    def _new_record(
        self, attempt: Attempt, checked: Checked, known: Verification | None, now: datetime
    ) -> Verification:
        known_key = known.data_key if known else None
        data_key, sealed = self._vault.seal(_person(attempt, checked), attempt.customer_hash, known_key)
        return Verification(
            id=self._platform.ids.new("av"),
            method="full_verification",
            verified_at=now,
            expires_at=expires_at(now, checked.policy),
            age=checked.age,
            state=checked.state,
            policy_version=checked.policy.version,
            evidence_class=EVIDENCE_CLASS,
            token_family=known.token_family if known else self._platform.ids.new("fam"),
            data_key=data_key,
            sealed=sealed,
        )

    def _verified(self, customer_id: str, verification: Verification, method: str, age: int) -> Verified:
        return Verified(
            verification_id=verification.id,
            method=method,
            reason="Previously verified customer" if method == CACHE else "All checks passed",
            age=age,
            verified_at=verification.verified_at,
            expires_at=verification.expires_at,
            age_token=self._tokens.issue(customer_id, verification),
        )

    # --- test people

    def _is_sandbox(self, customer_id: str) -> bool:
        return self._platform.settings.sandbox and sandbox.is_one(customer_id)

    def _verify_in_sandbox(self, customer_id: str) -> Verified | Refused:
        now = to_milliseconds(self._platform.clock.now())
        checked = sandbox.verify(customer_id, now)
        if isinstance(checked, Refusal):
            return Refused.by(self._platform.ids.new("att"), checked, MAX_ATTEMPTS - 1, now + WINDOW)
        return self._verified(
            customer_id, sandbox.verification(customer_id, checked, now), "full_verification", checked.age
        )


def _inside(window: Window, now: datetime) -> Window:
    """Without the attempts that have left the 24 hours."""
    times = counted([failure.at for failure in window.failures], now)
    return Window(tuple(failure for failure in window.failures if failure.at in times), window.seen)


def _person(attempt: Attempt, checked: Checked) -> Person:
    return Person(
        customer_id=attempt.customer_id,
        full_name=checked.full_name,
        date_of_birth=checked.date_of_birth,
        id_number_last4=checked.id_number_last4,
        email=attempt.email,
    )
