"""What age verification keeps and answers, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from shared.verification.policy import PolicyRule

# Texas asks shops to inspect an ID; what is checked here is what the customer typed. The record says so.
EVIDENCE_CLASS = "self_declared_id_digits"
# Failed attempts of one customer in a sliding window.
MAX_ATTEMPTS = 3
WINDOW = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Claim:
    """What the customer states, as received. It has no repr, so that no log line shows a person."""

    full_name: str
    date_of_birth: str
    id_number_last4: str
    state: str

    @classmethod
    def of(cls, body: Mapping[str, str]) -> Claim:
        """From a validated request body."""
        return cls(
            full_name=body["full_name"],
            date_of_birth=body["date_of_birth"],
            id_number_last4=body["id_number_last4"],
            state=body["state"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The facts of a claim that passed every check."""

    full_name: str = field(repr=False)
    """NFC, trimmed, one space between words."""
    date_of_birth: date = field(repr=False)
    id_number_last4: str = field(repr=False)
    state: str
    """USPS code, upper case."""
    age: int
    """Completed years on the local day of the check."""
    policy: PolicyRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The first check that failed."""

    method: str
    """`input_validation`, `age_check` or `id_validation`."""
    reason: str
    field: str
    """Wire name of the field to correct."""
    code: str
    next_step: str
    age: int | None = None
    """Completed years, only for a customer under the minimum age."""
    state: str | None = None
    """USPS code, where the customer gave a real one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyView:
    """The rule that applies in a state on a local day."""

    state: str
    state_name: str
    time_zone: str
    date: date
    rule: PolicyRule
    evidence_class: str = EVIDENCE_CLASS


@dataclass(frozen=True, kw_only=True, repr=False)
class Person:
    """The personal part of a record: exists in clear only while a request runs. It has no repr either."""

    customer_id: str
    full_name: str
    date_of_birth: date
    id_number_last4: str
    email: str


@dataclass(frozen=True, kw_only=True)
class DataKey:
    """A customer's data key, wrapped by the service key `key_id`."""

    key_id: str
    wrapped: bytes


@dataclass(frozen=True, kw_only=True)
class Verification:
    """`verifications/{customerHash}`. `sealed` is the person under the data key; the rest is not personal.

    `blocked_until` repeats the attempt window's end while it is full, so that a cached answer needs one read.
    `token_family` names the age tokens issued for this customer; an erasure ends it. `expiry_notice_...`: when the
    reminder was queued, sent, or given up because its address takes none. `expired_told_at`: `verification.expired`.
    """

    id: str
    method: str
    verified_at: datetime
    expires_at: datetime
    age: int
    state: str
    policy_version: str
    evidence_class: str
    token_family: str
    data_key: DataKey
    sealed: bytes
    blocked_until: datetime | None = None
    expiry_notice_queued_at: datetime | None = None
    expiry_notice_sent_at: datetime | None = None
    expiry_notice_failed_at: datetime | None = None
    expired_told_at: datetime | None = None

    def valid_at(self, now: datetime) -> bool:
        return now < self.expires_at

    def answers_at(self, now: datetime) -> bool:
        """Whether a verify may be answered from this record."""
        blocked = self.blocked_until is not None and now < self.blocked_until
        return self.valid_at(now) and not blocked


@dataclass(frozen=True, kw_only=True)
class FailedAttempt:
    id: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Verified:
    """The answer to a verify that succeeded, newly or from the record."""

    verification_id: str
    method: str
    reason: str
    age: int
    verified_at: datetime
    expires_at: datetime
    age_token: str


@dataclass(frozen=True, kw_only=True)
class Refused:
    """The answer to a verify whose checks failed, and what to do next."""

    attempt_id: str
    method: str
    reason: str
    field: str
    code: str
    next_step: str
    age: int | None
    attempts_remaining: int
    reset_at: datetime | None

    @classmethod
    def by(cls, attempt_id: str, refusal: Refusal, attempts_remaining: int, reset_at: datetime | None) -> Refused:
        return cls(
            attempt_id=attempt_id,
            method=refusal.method,
            reason=refusal.reason,
            field=refusal.field,
            code=refusal.code,
            next_step=refusal.next_step,
            age=refusal.age,
            attempts_remaining=attempts_remaining,
            reset_at=reset_at,
        )


@dataclass(frozen=True, kw_only=True)
class Status:
    """The answer to a status request. `verified` is false once expired."""

    verification_id: str
    verified: bool
    expired: bool
    method: str
    age: int
    state: str
    verified_at: datetime
    expires_at: datetime
    token_family: str
    age_token: str | None
