"""Test people: outside production, these customer ids give a fixed outcome whatever the form says.

Nothing is stored for them and no event leaves: the outcome follows from the id and the clock alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from shared.platform.errors import RETRY_SENTENCE, Unavailable
from shared.verification.errors import NoVerification, TooManyAttempts
from shared.verification.models import EVIDENCE_CLASS, WINDOW, Checked, Claim, DataKey, Refusal, Verification
from shared.verification.rules import check, expires_at

_GOOD = Claim(full_name="Sandy Boxwood", date_of_birth="1990-01-31", id_number_last4="1234", state="TX")

# id → the claim that is checked in place of the one that was sent, given the time.
CLAIMS: dict[str, Callable[[datetime], Claim]] = {
    "sandbox-verified": lambda now: _GOOD,
    "sandbox-expired": lambda now: _GOOD,
    "sandbox-minor": lambda now: replace(_GOOD, date_of_birth=f"{now.year - 17}-01-01"),
    "sandbox-bad-name": lambda now: replace(_GOOD, full_name="Sandy"),
    "sandbox-bad-date": lambda now: replace(_GOOD, date_of_birth="31/01/1990"),
    "sandbox-future-date": lambda now: replace(_GOOD, date_of_birth=f"{now.year + 1}-01-01"),
    "sandbox-bad-state": lambda now: replace(_GOOD, state="ZZ"),
    "sandbox-bad-id": lambda now: replace(_GOOD, id_number_last4="12"),
}
RATE_LIMITED = "sandbox-rate-limited"
UNAVAILABLE = "sandbox-unavailable"
_EXPIRED_AGO = timedelta(days=400)


def is_one(customer_id: str) -> bool:
    return customer_id in CLAIMS or customer_id in (RATE_LIMITED, UNAVAILABLE)


def verify(customer_id: str, now: datetime) -> Checked | Refusal:
    """What the checks say about this person. Raises `TooManyAttempts`, `Unavailable`."""
    if customer_id == UNAVAILABLE:
        raise _unavailable()
    if customer_id == RATE_LIMITED:
        raise TooManyAttempts(now + WINDOW, now)
    return check(CLAIMS[customer_id](now), now)


def record(customer_id: str, now: datetime) -> Verification:
    """What is stored for this person. Raises `NoVerification`, `Unavailable`."""
    if customer_id == UNAVAILABLE:
        raise _unavailable()
    if customer_id not in ("sandbox-verified", "sandbox-expired"):
        raise NoVerification(customer_id)
    checked = check(_GOOD, now)
    if isinstance(checked, Refusal):
        raise NoVerification(customer_id)
    verified_at = now - (_EXPIRED_AGO if customer_id == "sandbox-expired" else timedelta(days=1))
    return verification(customer_id, checked, verified_at)


def verification(customer_id: str, checked: Checked, verified_at: datetime) -> Verification:
    """A record that exists only in this answer."""
    name = customer_id.replace("-", "_")
    return Verification(
        id=f"av_{name}",
        method="full_verification",
        verified_at=verified_at,
        expires_at=expires_at(verified_at, checked.policy),
        age=checked.age,
        state=checked.state,
        policy_version=checked.policy.version,
        evidence_class=EVIDENCE_CLASS,
        token_family=f"fam_{name}",
        data_key=DataKey(key_id="", wrapped=b""),
        sealed=b"",
    )


def _unavailable() -> Unavailable:
    return Unavailable(RETRY_SENTENCE, headers={"Retry-After": "2"})
