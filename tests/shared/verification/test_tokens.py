"""Age tokens: what they say, how long, and who reads them. What a shop does: test_jwks.py."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jwt
import pytest

from shared.platform.ids import Ids
from shared.platform.signing import SigningKeys
from shared.verification.errors import AgeTokenInvalid
from shared.verification.tokens import AgeTokens
from tests.factories.clock import TestClock
from tests.factories.environment import AGE_TOKEN_KEY
from tests.factories.verifications import VERIFIED_AT, verification

ISSUER = "https://api.example.com"


def tokens(clock: TestClock, issuer: str = ISSUER) -> AgeTokens:
    return AgeTokens(SigningKeys.parse("AGE_TOKEN_KEY", AGE_TOKEN_KEY), issuer, clock, Ids(clock))


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
