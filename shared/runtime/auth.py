"""Who is calling: bearer tokens (JWT), and what happens without one."""

from __future__ import annotations

import logging
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any

from shared.platform.clock import Clock
from shared.platform.errors import Misconfigured, Unauthenticated, Unavailable
from shared.platform.settings import Settings
from shared.runtime.request import ANONYMOUS, Principal

if TYPE_CHECKING:
    import requests

ROLES = ("customer", "service", "admin")
LEEWAY_SECONDS = 0
MAX_TOKEN_CHARACTERS = 8192
# A caller sends the same token with every request; checking its signature is a tenth of a cached answer's CPU.
# Times are checked with every request, and a withdrawn key is out after a minute.
TOKEN_KEPT_SECONDS = 60.0
TOKENS_KEPT = 2000
KEYS_KEPT_SECONDS = 300.0
# An unknown key id makes us ask again, but not more often than this: anybody can send unknown key ids.
KEYS_ASKED_SECONDS = 10.0

log = logging.getLogger(__name__)


class Authenticator:
    """Turns an Authorization header into a `Principal`. Raises `Unauthenticated`, `Unavailable`."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._checked: dict[str, tuple[dict[str, Any], float]] = {}
        if settings.auth_mode == "disabled":
            log.warning("authentication_disabled", extra={"meaning": "every caller is an admin"})
        elif not (settings.jwt_secret or settings.jwt_jwks_url):
            raise Misconfigured("Set JWT_SECRET or JWT_JWKS_URL, or AUTH_MODE=disabled on a local stack.")

    def principal(self, authorization: str) -> Principal:
        if self._settings.auth_mode == "disabled":
            return Principal("admin", "local-admin")
        if not authorization:
            return ANONYMOUS
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token or len(token) > MAX_TOKEN_CHARACTERS:
            raise _refused("Send 'Authorization: Bearer <token>'.")
        claims = self._remembered(token.strip())
        self._check_times(claims)
        return _principal(claims)

    def _remembered(self, token: str) -> dict[str, Any]:
        """The claims of a token whose signature was checked within the last minute, else of one checked now."""
        now = self._clock.monotonic()
        claims, checked = self._checked.get(token, ({}, float("-inf")))
        if now - checked > TOKEN_KEPT_SECONDS:
            claims = self._verified(token)
            if len(self._checked) >= TOKENS_KEPT:
                self._checked.clear()
            self._checked[token] = (claims, now)
        return claims

    def _verified(self, token: str) -> dict[str, Any]:
        import jwt

        try:
            key, algorithms = self._key(jwt.get_unverified_header(token))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=algorithms,
                audience=self._settings.jwt_audience,
                issuer=self._settings.jwt_issuer,
                # Expiry is checked below, against the injected clock.
                options={
                    "require": ["exp", "aud", "iss", "sub"],
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except (jwt.PyJWTError, ValueError, TypeError):
            raise _refused("The token is not valid here. Sign in again.") from None
        return claims

    def _check_times(self, claims: dict[str, Any]) -> None:
        now = self._clock.now().timestamp()
        expires, starts = claims["exp"], claims.get("nbf", 0)
        # NaN is a float too, and never over.
        if not all(isinstance(value, (int, float)) and abs(value) < 2**53 for value in (expires, starts)):
            raise _refused("The token is not valid here. Sign in again.")
        if now >= expires + LEEWAY_SECONDS:
            raise _refused("The token has expired. Sign in again.", code="token_expired")
        if now < starts - LEEWAY_SECONDS:
            raise _refused("The token is not valid yet.")

    def _key(self, header: dict[str, Any]) -> tuple[Any, list[str]]:
        """One key and the algorithms that go with it: the token never chooses how it is checked."""
        if self._settings.jwt_jwks_url:
            return self._public_keys.find(str(header.get("kid", "")), str(header.get("alg", "")))
        return self._settings.jwt_secret, ["HS256"]

    @cached_property
    def _public_keys(self) -> PublicKeys:
        return PublicKeys(self._settings.jwt_jwks_url, self._clock)


class PublicKeys:
    """The identity provider's keys, fetched on first use, kept five minutes, kept longer while it does not answer."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._url = url
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: dict[str, Any] = {}
        self._fetched = self._asked = float("-inf")

    def find(self, key_id: str, algorithm: str) -> tuple[Any, list[str]]:
        """The key and its one algorithm. Raises ValueError for an unknown key, `Unavailable` with no keys at all."""
        now = self._clock.monotonic()
        with self._lock:
            stale = now - self._fetched > KEYS_KEPT_SECONDS or key_id not in self._keys
            if stale and now - self._asked > KEYS_ASKED_SECONDS:
                self._asked = now
                self._fetch()
            if not self._keys:
                raise Unavailable("The keys that tokens are checked with cannot be fetched. Try again in a moment.")
            key = self._keys.get(key_id)
        if key is None or algorithm not in ("RS256", "ES256") or key.algorithm_name != algorithm:
            raise ValueError("unknown key")
        return key.key, [algorithm]

    def _fetch(self) -> None:
        import jwt
        import requests

        try:
            response: requests.Response = requests.get(self._url, timeout=(2, 4))
            response.raise_for_status()
            keys = jwt.PyJWKSet.from_dict(response.json()).keys
        except (requests.RequestException, ValueError, AttributeError, TypeError, jwt.PyJWTError) as error:
            log.error("jwks_unreachable", extra={"reason": type(error).__name__})
            return
        self._keys = {str(key.key_id): key for key in keys if key.key_id}
        self._fetched = self._clock.monotonic()


def _principal(claims: dict[str, Any]) -> Principal:
    role = claims.get("role", "customer")
    subject, email = claims["sub"], claims.get("email", "")
    if role not in ROLES or not isinstance(subject, str) or not isinstance(email, str):
        raise _refused("The token is not valid here. Sign in again.")
    # Half a surrogate pair, for one, can neither be hashed nor logged.
    if not subject or not subject.isprintable():
        raise _refused("The token is not valid here. Sign in again.")
    return Principal(role, subject, email)


def _refused(sentence: str, code: str = "unauthenticated") -> Unauthenticated:
    return Unauthenticated(sentence, code=code, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})


def sign_in_first() -> Unauthenticated:
    return Unauthenticated("Sign in first: this needs a bearer token.", headers={"WWW-Authenticate": "Bearer"})
