"""Stored verifications of made-up customers, and how to look inside one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from shared.platform.context import Platform
from shared.platform.crypto import Keyring
from shared.verification.models import EVIDENCE_CLASS, DataKey, Person, Verification
from shared.verification.repository import VERIFICATIONS, VerificationRepository, _to_document
from shared.verification.vault import Vault

VERIFIED_AT = datetime(2026, 7, 1, 17, tzinfo=UTC)


def person(**changes: Any) -> Person:
    values = {
        "customer_id": "c-1",
        "full_name": "José Núñez",
        "date_of_birth": date(1990, 5, 15),
        "id_number_last4": "1234",
        "email": "jose@example.com",
        **changes,
    }
    return Person(**values)


def verification(**changes: Any) -> Verification:
    values = {
        "id": "av_1",
        "method": "full_verification",
        "verified_at": VERIFIED_AT,
        "expires_at": VERIFIED_AT + timedelta(days=365),
        "age": 36,
        "state": "TX",
        "policy_version": "2025-10-02/TX",
        "evidence_class": EVIDENCE_CLASS,
        "token_family": "fam_1",
        "data_key": DataKey(key_id="test-1", wrapped=b"wrapped"),
        "sealed": b"sealed",
        **changes,
    }
    return Verification(**values)


def keyring(platform: Platform) -> Keyring:
    return Keyring.parse("VERIFICATION_KEY", platform.settings.verification_key)


def vault(platform: Platform) -> Vault:
    return Vault(keyring(platform), platform.ids.entropy)


def person_of(platform: Platform, customer_id: str) -> Person:
    """Who is sealed in the customer's record."""
    customer_hash = platform.customer_hash(customer_id)
    found = VerificationRepository(platform.firestore, platform.outbox).record(customer_hash)
    assert found is not None
    return vault(platform).open(found.verification.data_key, found.verification.sealed, customer_hash)


def verify(platform: Platform, customer_id: str, **changes: Any) -> None:
    """Store one as it is after a verify, without the event."""
    reference = platform.firestore.collection(VERIFICATIONS).document(platform.customer_hash(customer_id))
    reference.set(_to_document(verification(**changes)))
