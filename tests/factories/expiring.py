"""Verifications that end, really sealed, and what came of a run of the jobs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.notifications.preferences import Preferences
from shared.platform.context import Platform
from shared.verification.models import Verification
from shared.verification.reminders import Reminders, Tally
from shared.verification.repository import VERIFICATIONS, VerificationRepository, _to_document
from tests.factories.verifications import person, vault, verification


def expires(platform: Platform, customer: str, days: float = 20, **changes: Any) -> None:
    """A customer whose verification ends in so many days."""
    customer_hash = platform.customer_hash(customer)
    someone = {name: changes.pop(name) for name in ("email", "full_name") if name in changes}
    values = {"email": f"{customer}@example.com", **someone}
    data_key, sealed = vault(platform).seal(person(customer_id=customer, **values), customer_hash, None)
    made = verification(
        id=f"av_{customer}",
        expires_at=platform.clock.now() + timedelta(days=days),
        **{"data_key": data_key, "sealed": sealed, **changes},
    )
    platform.firestore.collection(VERIFICATIONS).document(customer_hash).set(_to_document(made))


def record_of(platform: Platform, customer: str) -> Verification:
    found = VerificationRepository.on(platform).record(platform.customer_hash(customer))
    assert found is not None
    return found.verification


def remind(platform: Platform, seconds: float = 60) -> Tally:
    """One run from the beginning to the end, or to where there was no time left."""
    tally = Tally()
    Reminders(platform, Preferences.on(platform).unsubscribed_of).run(None, tally, seconds)
    return tally
