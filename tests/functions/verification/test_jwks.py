"""GET /.well-known/jwks.json, and what a shop does with it offline."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shared.runtime import instance
from tests.factories.api import VerificationApi
from tests.factories.environment import AGE_TOKEN_KEY

NEW_KEY = ec.derive_private_key(11, ec.SECP256R1())


def private_pem(key: ec.EllipticCurvePrivateKey) -> str:
    kind = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*kind).decode()


def public_pem(pem: str) -> str:
    key = serialization.load_pem_private_key(pem.encode(), None).public_key()
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def checked_offline(age_token: str, jwks: dict[str, Any], **options: Any) -> dict[str, Any]:
    """What any shop does: find the key by its id, check signature, issuer and expiry."""
    keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(jwks).keys}
    key = keys[jwt.get_unverified_header(age_token)["kid"]]
    return jwt.decode(age_token, key, ["ES256"], issuer="http://localhost:3005", **options)


def test_the_document_holds_public_p256_keys_only(api: VerificationApi) -> None:
    answer = api.jwks()
    (key,) = answer.json["keys"]
    assert key.keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert (key["kty"], key["crv"], key["use"], key["alg"]) == ("EC", "P-256", "sig", "ES256")
    assert answer.headers["Cache-Control"] == "public, max-age=300"


def test_anybody_may_read_it(api: VerificationApi) -> None:
    assert (
        api.call("verification_jwks", "GET", "/.well-known/jwks.json", headers={"Authorization": ""}).status_code == 200
    )


@pytest.mark.parametrize("route", ["verify", "cache", "status", "own_status", "resubmit"])
def test_a_token_of_every_route_is_checked_offline(api: VerificationApi, route: str) -> None:
    customer = api.as_("customer", "c-1")
    first = customer.verify().json
    answers = {
        "verify": lambda: first,
        "cache": lambda: customer.verify().json,
        "status": lambda: customer.status().json,
        "own_status": lambda: customer.own_status().json,
        "resubmit": lambda: customer.resubmit().json,
    }
    claims = checked_offline(answers[route]()["ageToken"], api.jwks().json)
    assert claims.keys() == {"iss", "sub", "age_over_21", "iat", "exp", "jti"}
    assert (claims["sub"], claims["age_over_21"], claims["exp"] - claims["iat"]) == ("c-1", True, 24 * 3600)


def test_a_token_says_neither_name_nor_birth_date(api: VerificationApi) -> None:
    age_token = api.verify(email="jose@example.com").json["ageToken"]
    everything = {**jwt.get_unverified_header(age_token), **checked_offline(age_token, api.jwks().json)}
    # Ids are random and times are digits: one in twenty-five holds one of these words by chance.
    said = repr({name: value for name, value in everything.items() if name not in ("kid", "jti", "iat", "exp")})
    assert not [secret for secret in ("José", "Núñez", "1990", "05-15", "1234", "example.com", "TX") if secret in said]


def test_a_token_of_another_key_does_not_pass(api: VerificationApi) -> None:
    jwks = api.jwks().json
    forged = jwt.encode({"sub": "c-1"}, NEW_KEY, "ES256", headers={"kid": jwks["keys"][0]["kid"]})
    with pytest.raises(jwt.InvalidSignatureError):
        checked_offline(forged, jwks)


@pytest.mark.parametrize("former", [public_pem(AGE_TOKEN_KEY), AGE_TOKEN_KEY], ids=["public", "private"])
@pytest.mark.parametrize("line_end", ["\n", "\\n"])
def test_after_a_rotation_old_tokens_still_verify_and_new_ones_use_the_new_key(
    api: VerificationApi, monkeypatch: pytest.MonkeyPatch, line_end: str, former: str
) -> None:
    old = api.verify().json["ageToken"]
    monkeypatch.setenv("AGE_TOKEN_KEY", (private_pem(NEW_KEY) + former).replace("\n", line_end))
    instance.forget()
    rotated = VerificationApi(api.client_for)
    new, jwks = rotated.status().json["ageToken"], rotated.jwks().json
    assert len(jwks["keys"]) == 2
    assert [checked_offline(token, jwks)["sub"] for token in (old, new)] == ["c-1", "c-1"]
    assert jwt.get_unverified_header(new)["kid"] == jwks["keys"][0]["kid"] != jwt.get_unverified_header(old)["kid"]
    assert rotated.own_status(old).status_code == 200


def test_after_the_old_key_is_dropped_its_tokens_end(api: VerificationApi, monkeypatch: pytest.MonkeyPatch) -> None:
    old = api.verify().json["ageToken"]
    monkeypatch.setenv("AGE_TOKEN_KEY", private_pem(NEW_KEY))
    instance.forget()
    assert VerificationApi(api.client_for).own_status(old).status_code == 400
