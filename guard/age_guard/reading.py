"""Reads the service's answer. Whatever is not exactly as agreed counts as no answer at all."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from age_guard.errors import AgeVerificationRequired, UnableToVerifyAge
from age_guard.transport import Answer
from age_guard.verified import VerifiedAge

_OLDEST = 150
_log = logging.getLogger("age_guard")


def verified_age(customer_id: str, answer: Answer, now: datetime, verification_url: str) -> VerifiedAge:
    """The verification in ``answer`` when it is valid at ``now``.

    Raises ``AgeVerificationRequired`` when the answer says no, and ``UnableToVerifyAge`` when it
    says neither yes nor no.
    """
    if answer.status == 404:
        _warn_of_wrong_address(answer.body)
        raise AgeVerificationRequired("not_found", verification_url)
    if answer.status in {401, 403}:
        raise UnableToVerifyAge("credentials_refused")
    if answer.status != 200:
        raise UnableToVerifyAge(f"status_{answer.status}")
    status = _object(answer.body)
    if status.get("success") is not True:
        raise UnableToVerifyAge("unexpected_body")
    return _valid_now(customer_id, status, now, verification_url)


def _valid_now(customer_id: str, status: dict[str, Any], now: datetime, verification_url: str) -> VerifiedAge:
    verified, expired = status.get("verified"), status.get("expired", False)
    if not (isinstance(verified, bool) and isinstance(expired, bool)):
        raise UnableToVerifyAge("unexpected_body")
    if expired:
        raise AgeVerificationRequired("expired", verification_url)
    if not verified:
        raise AgeVerificationRequired("not_verified", verification_url)
    found = VerifiedAge(
        customer_id=customer_id,
        verification_id=_text(status.get("verificationId")),
        verified_at=_instant(status.get("verifiedAt")),
        expires_at=_instant(status.get("expiresAt")),
        age=_years(status.get("age")),
    )
    if found.expires_at <= now:
        raise AgeVerificationRequired("expired", verification_url)
    return found


def _warn_of_wrong_address(body: bytes) -> None:
    # Both kinds of 404 refuse the order, but a wrong base URL would refuse every customer for ever.
    try:
        ours = _object(body).get("verified") is False
    except UnableToVerifyAge:
        ours = False
    if not ours:
        _log.warning("The age verification service sent a 404 of another kind: check the guard's base URL.")


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body, object_pairs_hook=_without_duplicates)
    # Brackets nested some thousand deep end in a RecursionError, which is no ValueError.
    except (ValueError, RecursionError):
        raise UnableToVerifyAge("unexpected_body") from None
    if not isinstance(value, dict):
        raise UnableToVerifyAge("unexpected_body")
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key occurs twice")  # one reader takes the first, another the last
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise UnableToVerifyAge("unexpected_body")
    return value


def _years(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= _OLDEST:
        raise UnableToVerifyAge("unexpected_body")
    return value


def _instant(value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(_text(value))
        # A time without a zone is hours wrong for somebody: not good enough to sell by.
        if moment.tzinfo is None:
            raise UnableToVerifyAge("unexpected_body")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UnableToVerifyAge("unexpected_body") from None
