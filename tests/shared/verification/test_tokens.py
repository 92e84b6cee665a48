"""Age tokens: what they say, how long, and which keys they are checked with. What a shop does: test_jwks.py."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from shared.platform.errors import Misconfigured
from shared.platform.ids import Ids
from shared.verification.errors import AgeTokenInvalid
from shared.verification.tokens import AgeTokens
from tests.factories.clock import TestClock
from tests.factories.environment import AGE_TOKEN_KEY
from tests.factories.verifications import VERIFIED_AT, verification

ISSUER = "https://api.example.com"
PRIVATE = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
PUBLIC = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def tokens(clock: TestClock, pem: str = AGE_TOKEN_KEY, retired: str = "", issuer: str = ISSUER) -> AgeTokens:
    return AgeTokens(pem, retired, issuer, clock, Ids(clock))


def claims(age_token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(age_token, options={"verify_signature": False})
    return found


@pytest.fixture
def clock() -> TestClock:
    return TestClock(VERIFIED_AT)


@pytest.mark.parametrize(
    ("before_expiry", "lifetime"),
    [
        (timedelta(days=365), timedelta(hours=24)),
        (timedelta(hours=24), timedelta(hours=24)),
        (timedelta(hours=23, minutes=59), timedelta(hours=23, minutes=59)),
        (timedelta(seconds=1), timedelta(seconds=1)),
        (timedelta(milliseconds=1500), timedelta(seconds=1)),
    ],
)
def test_a_token_lives_24_hours_and_never_past_the_verification(
    clock: TestClock, before_expiry: timedelta, lifetime: timedelta
) -> None:
    record = verification(expires_at=clock.at + before_expiry)
    said = claims(tokens(clock).issue("c-1", record))
    assert said["exp"] - said["iat"] == lifetime.total_seconds()
    assert said["exp"] <= record.expires_at.timestamp()


def test_a_token_is_read_until_it_ends(clock: TestClock) -> None:
    age_token = tokens(clock).issue("c-1", verification())
    clock.advance(hours=24, milliseconds=-1)
    assert tokens(clock).read(age_token) == ("c-1", "fam_1")
    clock.advance(milliseconds=1)
    with pytest.raises(AgeTokenInvalid) as caught:
        tokens(clock).read(age_token)
    assert (caught.value.status, caught.value.code) == (400, "age_token_expired")


def test_every_token_has_its_own_id_in_the_family_of_the_record(clock: TestClock) -> None:
    ids = {claims(tokens(clock).issue("c-1", verification()))["jti"] for _ in range(20)}
    assert len(ids) == 20
    assert {name.partition(".")[0] for name in ids} == {"fam_1"}


def test_a_customer_id_with_a_dot_or_colon_survives(clock: TestClock) -> None:
    assert tokens(clock).read(tokens(clock).issue("shop:a.b@c", verification())) == ("shop:a.b@c", "fam_1")


def test_the_key_id_is_the_thumbprint_of_rfc_7638(clock: TestClock) -> None:
    from base64 import urlsafe_b64encode
    from hashlib import sha256

    (key,) = tokens(clock).jwks()["keys"]
    text = '{{"crv":"{crv}","kty":"{kty}","x":"{x}","y":"{y}"}}'.format(**key)
    assert key["kid"] == urlsafe_b64encode(sha256(text.encode()).digest()).decode().rstrip("=")


@pytest.mark.parametrize("number", [1, 2, 3, 12345])
def test_coordinates_keep_their_leading_zeros(clock: TestClock, number: int) -> None:
    pem = ec.derive_private_key(number, ec.SECP256R1()).private_bytes(*PRIVATE).decode()
    (key,) = tokens(clock, pem).jwks()["keys"]
    assert (len(key["x"]), len(key["y"])) == (43, 43)


@pytest.mark.parametrize("retired", ["", "no key at all", "-----BEGIN PUBLIC KEY-----"])
def test_no_retired_keys(clock: TestClock, retired: str) -> None:
    assert len(tokens(clock, retired=retired).jwks()["keys"]) == 1


def test_several_retired_keys_one_after_another(clock: TestClock) -> None:
    keys = [ec.derive_private_key(n, ec.SECP256R1()).public_key().public_bytes(*PUBLIC).decode() for n in (5, 6)]
    assert len(tokens(clock, retired="\n".join(keys)).jwks()["keys"]) == 3
    assert len(tokens(clock, retired="".join(keys).replace("\n", "\\n")).jwks()["keys"]) == 3


def test_the_current_key_may_be_among_the_retired(clock: TestClock) -> None:
    key = serialization.load_pem_private_key(AGE_TOKEN_KEY.encode(), None)
    pem = key.public_key().public_bytes(*PUBLIC).decode()
    assert len(tokens(clock, retired=pem).jwks()["keys"]) == 1


def _wrong_keys() -> dict[str, str]:
    p384 = ec.derive_private_key(5, ec.SECP384R1()).private_bytes(*PRIVATE).decode()
    rsa_key = rsa.generate_private_key(65537, 2048).private_bytes(*PRIVATE).decode()
    return {"nonsense": "nonsense", "another curve": p384, "another kind": rsa_key}


@pytest.mark.parametrize("kind", ["nonsense", "another curve", "another kind"])
def test_a_wrong_key_is_said_with_the_command_that_makes_a_right_one(clock: TestClock, kind: str) -> None:
    with pytest.raises(Misconfigured, match=r"AGE_TOKEN_KEY .* openssl genpkey"):
        tokens(clock, _wrong_keys()[kind]).jwks()


def test_a_token_for_another_issuer_is_not_ours(clock: TestClock) -> None:
    age_token = tokens(clock, issuer="https://other.example.com").issue("c-1", verification())
    with pytest.raises(AgeTokenInvalid):
        tokens(clock).read(age_token)


@pytest.mark.parametrize("expires", ["soon", None, [1]])
def test_an_expiry_that_is_no_number_is_refused(clock: TestClock, expires: Any) -> None:
    maker = tokens(clock)
    said = {**claims(maker.issue("c-1", verification())), "exp": expires}
    (key,) = maker.jwks()["keys"]
    forged = jwt.encode(said, AGE_TOKEN_KEY, "ES256", headers={"kid": key["kid"]})
    with pytest.raises(AgeTokenInvalid):
        maker.read(forged)
