"""GET /api/age-verification/status: the caller's own, or of the customer whom an age token names."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.factories.api import NEVER, VerificationApi
from tests.factories.clock import TestClock
from tests.factories.environment import AGE_TOKEN_KEY, JWT_SECRET
from tests.factories.tokens import token

OTHER_KEY = ec.derive_private_key(7, ec.SECP256R1())


def test_a_customer_s_own(api: VerificationApi) -> None:
    customer = api.as_("customer", "c-1")
    assert customer.own_status().status_code == 404
    verified = customer.verify("c-1").json
    assert customer.own_status().json["verificationId"] == verified["verificationId"]


def test_an_age_token_names_the_customer(api: VerificationApi) -> None:
    verified = api.verify("c-1").json
    for caller in (api.as_("customer", "c-1"), api.as_("service", "orders"), api):
        answer = caller.own_status(verified["ageToken"])
        assert (answer.status_code, answer.json["verificationId"]) == (200, verified["verificationId"])


def test_another_customer_s_token_is_forbidden(api: VerificationApi) -> None:
    age_token = api.verify("c-1").json["ageToken"]
    answer = api.as_("customer", "c-2").own_status(age_token)
    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")


def _forged(good: str, **changes: Any) -> dict[str, str]:
    """Everything that is not a token of ours."""
    claims = jwt.decode(good, options={"verify_signature": False})
    header = jwt.get_unverified_header(good)
    head, body, signature = good.split(".")
    public = base64.urlsafe_b64encode(b'{"alg":"none","typ":"age+jwt","kid":"%s"}' % header["kid"].encode())
    return {
        "another key": jwt.encode(claims, OTHER_KEY, "ES256", headers={"kid": header["kid"]}),
        "an unknown key id": jwt.encode(claims, OTHER_KEY, "ES256", headers={"kid": "mine"}),
        "no key id": jwt.encode(claims, AGE_TOKEN_KEY, "ES256"),
        "no algorithm": f"{public.decode().rstrip('=')}.{body}.",
        "a shared secret": jwt.encode(claims, "x" * 32, "HS256", headers={"kid": header["kid"]}),
        "another issuer": jwt.encode({**claims, "iss": "x"}, AGE_TOKEN_KEY, "ES256", headers={"kid": header["kid"]}),
        "no expiry": jwt.encode(_without(claims, "exp"), AGE_TOKEN_KEY, "ES256", headers={"kid": header["kid"]}),
        "another customer's name": f"{head}.{_body({**claims, 'sub': 'c-2'})}.{signature}",
        "the caller's own token": token("customer", "c-1"),
        "no token": "abc",
        "half a token": f"{head}.{body}",
        "a flipped signature": f"{head}.{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}",
    }


def _without(claims: dict[str, Any], name: str) -> dict[str, Any]:
    return {n: v for n, v in claims.items() if n != name}


def _body(claims: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")


def test_a_forged_token_is_refused(api: VerificationApi) -> None:
    forged = _forged(api.verify("c-1").json["ageToken"])
    answers = {name: api.own_status(value) for name, value in forged.items()}
    assert {name: a.status_code for name, a in answers.items()} == dict.fromkeys(forged, 400)
    assert {a.json["code"] for a in answers.values()} == {"age_token_invalid"}
    assert {a.json["field"] for a in answers.values()} == {"X-Age-Verification"}


@pytest.mark.parametrize(("hours", "status"), [(23.999, 200), (24, 400), (25, 400)])
def test_a_token_ends_after_24_hours(still: VerificationApi, clock: TestClock, hours: float, status: int) -> None:
    age_token = still.verify().json["ageToken"]
    clock.advance(hours=hours)
    answer = still.own_status(age_token)
    assert answer.status_code == status
    assert status == 200 or answer.json["code"] == "age_token_expired"


def test_an_erasure_revokes_the_token_for_good(api: VerificationApi) -> None:
    customer = api.as_("customer", "c-1")
    age_token = customer.verify("c-1").json["ageToken"]
    customer.erase("c-1")
    assert customer.own_status(age_token).status_code == 404
    fresh = customer.verify("c-1").json["ageToken"]
    assert customer.own_status(age_token).status_code == 404
    assert customer.own_status(fresh).status_code == 200


def test_a_resubmit_leaves_earlier_tokens_valid(api: VerificationApi) -> None:
    age_token = api.verify().json["ageToken"]
    api.resubmit()
    assert api.own_status(age_token).status_code == 200


def test_an_age_token_is_no_sign_in(api: VerificationApi) -> None:
    age_token = api.verify().json["ageToken"]
    answer = api.call("verification_own_status", "GET", "/status", headers={"Authorization": f"Bearer {age_token}"})
    assert answer.status_code == 401
    assert jwt.decode(token("customer", "c-1", exp=NEVER), JWT_SECRET, ["HS256"], audience="livhana-api")
