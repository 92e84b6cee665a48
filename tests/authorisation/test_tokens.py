"""Hand-made tokens over real HTTP: what is not signed for us, now, with our key, is nobody."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
import requests

from shared.platform.context import Platform
from shared.platform.ids import Ids
from shared.platform.settings import Settings
from shared.runtime.declare import SIGNED_IN
from tests.factories.environment import JWT_SECRET
from tests.factories.key_server import claims, signed
from tests.factories.stepping_clock import SteppingClock
from tests.factories.throw_away import app_of, serving_http, who_calls

ROUTE = "GET /api/things/mine"
EXPIRED_A_SECOND_AGO = -1


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def url(pubsub: Any, clock: SteppingClock) -> Iterator[str]:
    platform = Platform(Settings.load(), clock, Ids(clock))
    with serving_http(app_of(platform, who_calls, ROUTE, auth=SIGNED_IN)) as base:
        yield f"{base}/api/things/mine"


def call(url: str, headers: dict[str, str]) -> requests.Response:
    return requests.get(url, headers=headers, timeout=10)


def handmade(header: dict[str, Any], payload: dict[str, Any], signature: str = "") -> dict[str, str]:
    parts = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in (header, payload)]
    return {"Authorization": f"Bearer {'.'.join(parts)}.{signature}"}


@pytest.mark.parametrize(
    ("given", "role", "subject", "email"),
    [
        ({}, "customer", "c-1", ""),
        ({"role": "customer", "email": "a@example.com"}, "customer", "c-1", "a@example.com"),
        ({"role": "service", "sub": "orders"}, "service", "orders", ""),
        ({"role": "admin", "sub": "Ä admin"}, "admin", "Ä admin", ""),
        ({"aud": ["another", "livhana-api"]}, "customer", "c-1", ""),
    ],
)
def test_claims_say_who_calls(
    url: str, clock: SteppingClock, given: dict[str, Any], role: str, subject: str, email: str
) -> None:
    answer = call(url, signed(claims(clock.now(), **given), JWT_SECRET, "HS256"))
    assert (answer.status_code, answer.json()) == (200, {"role": role, "subject": subject, "email": email})


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"aud": "another-api"}, id="wrong aud"),
        pytest.param({"aud": None}, id="no aud"),
        pytest.param({"iss": "somebody"}, id="wrong iss"),
        pytest.param({"iss": None}, id="no iss"),
        pytest.param({"exp": None}, id="no exp"),
        pytest.param({"exp": "tomorrow"}, id="exp is no number"),
        pytest.param({"exp": float("nan")}, id="exp is NaN"),
        pytest.param({"exp": 10**400}, id="exp has 400 digits"),
        pytest.param({"sub": None}, id="no sub"),
        pytest.param({"sub": ""}, id="empty sub"),
        pytest.param({"sub": 17}, id="sub is no text"),
        pytest.param({"sub": "\ud800"}, id="half a surrogate pair"),
        pytest.param({"sub": "c-1\n"}, id="line end in sub"),
        pytest.param({"role": "root"}, id="unknown role"),
        pytest.param({"role": ["admin"]}, id="list of roles"),
        pytest.param({"role": None, "email": 5}, id="email is no text"),
    ],
)
def test_a_token_of_ours_with_wrong_claims_is_refused(url: str, clock: SteppingClock, given: dict[str, Any]) -> None:
    payload = {**claims(clock.now()), **given}
    kept = {name: value for name, value in payload.items() if value is not None}
    # PyJWT would not sign a `sub` that is no text: sign what it would have written.
    token = jwt.api_jws.encode(json.dumps(kept).encode(), JWT_SECRET, "HS256")
    answer = call(url, {"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_expiry_follows_the_clock_of_the_platform(url: str, clock: SteppingClock) -> None:
    caller = signed(claims(clock.now()), JWT_SECRET, "HS256")
    clock.advance(minutes=59, seconds=59)
    assert call(url, caller).status_code == 200
    clock.advance(seconds=1)
    answer = call(url, caller)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_expired")


def test_a_token_for_later_is_refused_until_then(url: str, clock: SteppingClock) -> None:
    now = int(clock.now().timestamp())
    caller = signed(claims(clock.now(), nbf=now + 30), JWT_SECRET, "HS256")
    assert call(url, caller).status_code == 401
    clock.advance(seconds=30)
    assert call(url, caller).status_code == 200


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "HS512", "RS256", ""])
def test_the_token_does_not_choose_how_it_is_checked(url: str, clock: SteppingClock, algorithm: str) -> None:
    for signature in ("", base64.urlsafe_b64encode(b"\0" * 32).rstrip(b"=").decode()):
        answer = call(url, handmade({"alg": algorithm, "typ": "JWT"}, claims(clock.now(), role="admin"), signature))
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("Bearer", id="no token"),
        pytest.param("Bearer ", id="empty token"),
        pytest.param("Bearer ..", id="empty parts"),
        pytest.param("Bearer a.b.c", id="no base64"),
        pytest.param("Bearer W10.W10.W10", id="lists"),
        pytest.param("Bearer bnVsbA.bnVsbA.bnVsbA", id="nulls"),
        pytest.param("Bearer eyJhbGciOjF9.e30.", id="alg is a number"),
        pytest.param("Bearer eyJhbGciOiJIUzI1NiIsImtpZCI6MX0.e30.AA", id="kid is a number"),
        pytest.param("Bearer \u00e9.\u00ff.\u00e9", id="no ASCII"),
        pytest.param("Bearer " + "a" * 8000, id="a very long one"),
        pytest.param("Basic YTpi", id="another scheme"),
        pytest.param("token", id="no scheme"),
    ],
)
def test_what_is_no_token_is_refused(url: str, header: str) -> None:
    answer = call(url, {"Authorization": header.encode("latin-1")})  # type: ignore[dict-item] - as bytes on the wire
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert header[7:] not in answer.text or len(header) < 9


def test_another_secret_is_refused(url: str, clock: SteppingClock) -> None:
    assert call(url, signed(claims(clock.now()), "x" * 32, "HS256")).status_code == 401


def test_an_altered_payload_is_refused(url: str, clock: SteppingClock) -> None:
    head, _, tail = signed(claims(clock.now()), JWT_SECRET, "HS256")["Authorization"].split(".")
    other = handmade({}, claims(clock.now(), role="admin"))["Authorization"].split(".")[1]
    assert call(url, {"Authorization": f"{head}.{other}.{tail}"}).status_code == 401


def test_no_token_at_all_is_asked_to_sign_in(url: str) -> None:
    answer = call(url, {})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
