"""The rules of signing in that need no wire; hand-made tokens are in tests/authorisation."""

from __future__ import annotations

import logging

import jwt
import pytest

from shared.platform.errors import Misconfigured, Unauthenticated
from shared.platform.settings import Settings
from shared.runtime.auth import Authenticator
from shared.runtime.request import ANONYMOUS, Principal
from tests.factories.clock import TestClock
from tests.factories.environment import JWT_SECRET, environment
from tests.factories.key_server import claims
from tests.factories.tokens import token

NEVER = 4_102_444_800


def authenticator(**changes: str) -> Authenticator:
    return Authenticator(Settings.load(environment("a-project", **changes)), TestClock())


@pytest.mark.parametrize("authorization", ["", "Bearer nonsense", f"Bearer {token('customer', 'c-1', exp=NEVER)}"])
def test_without_authentication_every_caller_is_an_admin(authorization: str) -> None:
    assert authenticator(AUTH_MODE="disabled").principal(authorization) == Principal("admin", "local-admin")


def test_without_authentication_a_start_warns(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        authenticator(AUTH_MODE="disabled")
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [("WARNING", "authentication_disabled")]


def test_authentication_needs_a_key() -> None:
    with pytest.raises(Misconfigured, match=r"JWT_SECRET or JWT_JWKS_URL"):
        authenticator(JWT_SECRET="")


def test_no_header_is_anonymous() -> None:
    assert authenticator().principal("") is ANONYMOUS


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_case_insensitive(scheme: str) -> None:
    header = f"{scheme} {token('customer', 'c-1', exp=NEVER)}"
    assert authenticator().principal(header) == Principal("customer", "c-1")


def test_the_role_is_customer_unless_the_token_says_more() -> None:
    plain = jwt.encode(claims(TestClock().now()), JWT_SECRET, "HS256")
    assert authenticator().principal(f"Bearer {plain}").role == "customer"


def test_the_audience_and_issuer_are_settings() -> None:
    ours = authenticator(JWT_AUDIENCE="shop", JWT_ISSUER="login")
    assert ours.principal(f"Bearer {token(exp=NEVER, aud='shop', iss='login')}").subject == "c-1"
    with pytest.raises(Unauthenticated):
        ours.principal(f"Bearer {token(exp=NEVER)}")


def test_a_token_over_8_kib_is_not_even_read() -> None:
    with pytest.raises(Unauthenticated):
        authenticator().principal(f"Bearer {token(exp=NEVER, padding='x' * 8192)}")


@pytest.mark.parametrize(
    ("principal", "mine", "another_s"),
    [
        (Principal("customer", "c-1"), True, False),
        (Principal("service", "orders"), True, True),
        (Principal("admin", "a-1"), True, True),
        (ANONYMOUS, False, False),
        (Principal("anonymous", "c-1"), False, False),
    ],
)
def test_who_owns_what(principal: Principal, mine: bool, another_s: bool) -> None:
    assert (principal.owns("c-1"), principal.owns("c-2")) == (mine, another_s)


def test_ids_are_compared_whole() -> None:
    assert not Principal("customer", "c-1").owns("C-1")
    assert not Principal("customer", "c-1").owns("c-11")
    assert not Principal("customer", "c-1").owns("")
