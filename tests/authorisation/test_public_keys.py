"""RS256 and ES256 against JWT_JWKS_URL: a key server of ours, over real HTTP."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from shared.platform.context import Platform
from shared.platform.ids import Ids
from shared.platform.settings import Settings
from shared.runtime.declare import SIGNED_IN
from tests.factories.environment import JWT_SECRET, environment
from tests.factories.key_server import KeyServer, claims, ec_jwk, ec_key, public_pem, rsa_jwk, rsa_key, signed
from tests.factories.stepping_clock import SteppingClock
from tests.factories.throw_away import app_of, serving_http, who_calls

Call = Callable[..., requests.Response]


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def keys() -> Iterator[KeyServer]:
    with KeyServer.running(rsa_jwk(1, "r1"), ec_jwk(1, "e1")) as server:
        yield server


@pytest.fixture
def call(project: str, pubsub: Any, clock: SteppingClock, keys: KeyServer) -> Iterator[Call]:
    """Call an endpoint that asks the key server; nothing of JWT_SECRET may count there."""
    settings = Settings.load(environment(project, JWT_JWKS_URL=keys.url))
    platform = Platform(settings, clock, Ids(clock))
    with serving_http(app_of(platform, who_calls, "GET /api/things/mine", auth=SIGNED_IN)) as base:
        yield lambda headers: requests.get(f"{base}/api/things/mine", headers=headers, timeout=20)


def by_rsa(clock: SteppingClock, number: int, key_id: str | None) -> dict[str, str]:
    return signed(claims(clock.now()), rsa_key(number), "RS256", key_id)


def hmac_signed(payload: dict[str, Any], secret: bytes, key_id: str) -> dict[str, str]:
    """PyJWT refuses to sign with a PEM as secret; an attacker does not."""
    head, body = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in ({"alg": "HS256", "kid": key_id}, payload)
    )
    tag = hmac.digest(secret, head + b"." + body, hashlib.sha256)
    token = b".".join((head, body, base64.urlsafe_b64encode(tag).rstrip(b"=")))
    return {"Authorization": f"Bearer {token.decode()}"}


def test_both_kinds_of_keys_sign_in_and_one_fetch_serves_many(
    call: Call, clock: SteppingClock, keys: KeyServer
) -> None:
    for _ in range(5):
        assert call(by_rsa(clock, 1, "r1")).status_code == 200
        assert call(signed(claims(clock.now()), ec_key(1), "ES256", "e1")).status_code == 200
    assert keys.asked == 1


def test_a_public_key_is_no_hmac_secret(call: Call, clock: SteppingClock) -> None:
    payload = claims(clock.now(), role="admin")
    for secret in (public_pem(rsa_key(1)).encode(), public_pem(rsa_key(1)).strip().encode(), JWT_SECRET.encode()):
        for key_id in ("r1", "e1", ""):
            assert call(hmac_signed(payload, secret, key_id)).status_code == 401


def test_a_key_serves_its_own_algorithm_only(call: Call, clock: SteppingClock) -> None:
    assert call(signed(claims(clock.now()), rsa_key(1), "RS512", "r1")).status_code == 401
    assert call(signed(claims(clock.now()), rsa_key(1), "PS256", "r1")).status_code == 401
    assert call(signed(claims(clock.now()), rsa_key(1), "RS256", "e1")).status_code == 401


def test_a_secret_key_in_the_key_set_signs_nobody_in(call: Call, clock: SteppingClock, keys: KeyServer) -> None:
    secret = base64.urlsafe_b64encode(JWT_SECRET.encode()).rstrip(b"=").decode()
    keys.keys.append({"kty": "oct", "k": secret, "kid": "o1", "alg": "HS256"})
    assert call(hmac_signed(claims(clock.now()), JWT_SECRET.encode(), "o1")).status_code == 401


@pytest.mark.parametrize("key_id", ["r1", "r2", None])
def test_another_s_key_is_refused(call: Call, clock: SteppingClock, key_id: str | None) -> None:
    assert call(by_rsa(clock, 2, key_id)).status_code == 401


def test_a_storm_of_unknown_keys_asks_the_server_once(call: Call, clock: SteppingClock, keys: KeyServer) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: call(by_rsa(clock, 2, f"unknown-{n}")), range(24)))
    assert {answer.status_code for answer in answers} <= {401, 429}
    assert keys.asked == 1


def test_a_new_key_is_known_within_ten_seconds(call: Call, clock: SteppingClock, keys: KeyServer) -> None:
    assert call(by_rsa(clock, 1, "r1")).status_code == 200
    keys.keys = [rsa_jwk(2, "r2")]
    clock.advance(seconds=10.5)
    assert call(by_rsa(clock, 2, "r2")).status_code == 200
    assert call(by_rsa(clock, 1, "r1")).status_code == 401, "a key that was withdrawn still signs in"
    assert keys.asked == 2


def test_a_withdrawn_key_ends_after_five_minutes(call: Call, clock: SteppingClock, keys: KeyServer) -> None:
    assert call(by_rsa(clock, 1, "r1")).status_code == 200
    keys.keys = [rsa_jwk(2, "r2")]
    clock.advance(seconds=301)
    assert call(by_rsa(clock, 1, "r1")).status_code == 401


def test_known_keys_serve_on_while_the_server_is_down(call: Call, clock: SteppingClock, keys: KeyServer) -> None:
    assert call(by_rsa(clock, 1, "r1")).status_code == 200
    keys.down = True
    clock.advance(seconds=301)
    assert call(by_rsa(clock, 1, "r1")).status_code == 200
    assert call(by_rsa(clock, 2, "r2")).status_code == 401


def test_without_any_keys_it_says_that_it_cannot_check(call: Call, clock: SteppingClock, keys: KeyServer) -> None:
    keys.down = True
    for _ in range(3):
        answer = call(by_rsa(clock, 1, "r1"))
        assert (answer.status_code, answer.json()["code"]) == (503, "temporarily_unavailable")
    assert keys.asked == 1
    keys.down = False
    clock.advance(seconds=11)
    assert call(by_rsa(clock, 1, "r1")).status_code == 200


@pytest.mark.parametrize("document", [[], "keys", 5, {}, {"keys": None}, {"keys": [1]}, {"keys": [{"kty": "RSA"}]}])
def test_a_server_that_talks_nonsense_is_as_good_as_down(
    call: Call, clock: SteppingClock, keys: KeyServer, document: Any
) -> None:
    keys.document = document
    assert call(by_rsa(clock, 1, "r1")).status_code == 503
