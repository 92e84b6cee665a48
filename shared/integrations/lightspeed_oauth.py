"""Lightspeed's OAuth: access tokens live for an hour, and each refresh gives a new refresh token too.

Lightspeed revokes the former refresh token when the new access token is first used, not before. Hence the order:
refresh, store the new pair, and only then use it. A crash before the pair is stored loses nothing, since the stored
refresh token still works; after that the new one does.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import timedelta
from typing import Any

from shared.integrations.http_client import ProviderSession, Reply
from shared.integrations.lightspeed_credentials import Known, LightspeedCredentials, Tokens
from shared.platform.clock import Clock
from shared.platform.contention import until_unchanged
from shared.platform.context import Platform
from shared.platform.errors import SourceUnavailable, Unavailable
from shared.pos.errors import AuthFailed, SourceFailure, SourceRefused

TOKEN_PATH = "/auth/oauth/token"  # noqa: S105 - a path
# A token is not used in its last minute: it could expire on the way.
MARGIN = timedelta(seconds=60)
# Five refreshes a minute are allowed.
GAP = timedelta(seconds=12)
LOOK_AGAIN_SECONDS = 0.5
# The lease of somebody who crashed, and the gap after it.
PATIENCE_SECONDS = 120.0
SHORTEST_LIFE_SECONDS = 1800
RE_AUTHORISE = (
    "Lightspeed does not accept our refresh token any more. Authorise the application again and store the new refresh "
    "token as a new version of the secret LIGHTSPEED_REFRESH_TOKEN."
)


class LightspeedTokens:
    """One per instance: its threads share the access token, its instances share what is stored."""

    def __init__(self, platform: Platform, credentials: LightspeedCredentials) -> None:
        self._settings = platform.settings
        self._clock: Clock = platform.clock
        self._ids = platform.ids
        self._credentials = credentials
        self._session = ProviderSession("lightspeed", platform.clock, platform.ids, per_second=1, parallel=1)
        self._lock = threading.Lock()
        self._tokens = Tokens("")
        self._refusal: tuple[float, AuthFailed] | None = None

    @classmethod
    def on(cls, platform: Platform) -> LightspeedTokens:
        return platform.once(cls, lambda: cls(platform, LightspeedCredentials(platform)))

    def access(self, refused: str = "") -> str:
        """A valid access token, another than the `refused` one, refreshed where need be.

        Raises `AuthFailed` when a person must act, `SourceUnavailable`, `Unavailable`.
        """
        with self._lock:
            patience = self._clock.monotonic() + PATIENCE_SECONDS
            while not self._is_good(self._tokens, refused):
                self._tokens = self._next_or_refusal(refused) or self._tokens
                if self._clock.monotonic() > patience:
                    raise SourceUnavailable("Somebody else has been refreshing Lightspeed's token for too long.")
            return self._tokens.access

    def _next_or_refusal(self, refused: str) -> Tokens | None:
        """The threads that waited behind a refusal get it too: each asking again would cost the gap, for nothing."""
        if self._refusal and self._clock.monotonic() < self._refusal[0] + GAP.total_seconds():
            raise self._refusal[1]
        try:
            return self._next(refused)
        except AuthFailed as error:
            self._refusal = (self._clock.monotonic(), error)
            raise

    def _next(self, refused: str) -> Tokens | None:
        """A good pair; None after a pause, when somebody else is refreshing or has just done so."""
        known = until_unchanged(lambda: self._stored_or_leased(refused), self._clock, self._ids)
        if known is None:
            self._clock.sleep(LOOK_AGAIN_SECONDS)
            return None
        return known.tokens if self._is_good(known.tokens, refused) else self._refreshed(known)

    def _stored_or_leased(self, refused: str) -> Known | None:
        known, now = self._credentials.load(), self._clock.now()
        if self._is_good(known.tokens, refused):
            return known
        if known.leased_at(now) or known.refreshed_within(GAP, now):
            return None
        return self._credentials.lease(known, now)

    def _refreshed(self, leased: Known) -> Tokens | None:
        try:
            tokens = self._ask(leased.tokens.refresh)
        except (SourceFailure, SourceUnavailable) as error:
            # Whoever has taken over the lease has used the refresh token up: theirs is the answer.
            if self._release(leased) or not isinstance(error, AuthFailed):
                raise
            return None
        return tokens if self._credentials.save(leased, tokens) else None

    def _release(self, leased: Known) -> bool:
        """Failure policy: a lease that cannot be given back runs out by itself."""
        with suppress(Unavailable):
            return self._credentials.release(leased)
        return True

    def _is_good(self, tokens: Tokens, refused: str) -> bool:
        return tokens.access not in ("", refused) and self._clock.now() + MARGIN < tokens.expires_at

    def _ask(self, refresh: str) -> Tokens:
        body = {
            "client_id": self._required("LIGHTSPEED_CLIENT_ID", self._settings.lightspeed_client_id),
            "client_secret": self._required("LIGHTSPEED_CLIENT_SECRET", self._settings.lightspeed_client_secret),
            "grant_type": "refresh_token",
            "refresh_token": self._required("LIGHTSPEED_REFRESH_TOKEN", refresh),
        }
        now = self._clock.now()
        url = self._settings.lightspeed_auth_url.rstrip("/") + TOKEN_PATH
        reply = self._session.send("POST", url, headers={"Accept": "application/json"}, json=body)
        answer = reply.body if isinstance(reply.body, dict) else {}
        access = answer.get("access_token")
        if reply.status != 200 or not isinstance(access, str) or not access:
            raise _failure(reply, answer)
        life = timedelta(seconds=_seconds(answer.get("expires_in")))
        return Tokens(str(answer.get("refresh_token") or refresh), access, now + life)

    def _required(self, env: str, value: str) -> str:
        if not value:
            raise AuthFailed(f"{env} is not set. Set it, or set LIGHTSPEED_USE_MOCK to true.")
        return value


def _failure(reply: Reply, answer: dict[str, Any]) -> SourceFailure:
    error = str(answer.get("error", "no error code"))[:100]
    if reply.status == 400 and error == "invalid_grant":
        return AuthFailed(RE_AUTHORISE)
    if reply.status in (401, 403) or error == "invalid_client":
        return AuthFailed(
            f"Lightspeed refuses our application ({error}). Check LIGHTSPEED_CLIENT_ID and LIGHTSPEED_CLIENT_SECRET."
        )
    return SourceRefused(f"Lightspeed answered {TOKEN_PATH} with {reply.status} {error}.")


def _seconds(value: Any) -> int:
    """`expires_in`, a number or its text; the documented shortest life else."""
    text = str(value)
    return int(text) if text.isdecimal() and len(text) < 9 else SHORTEST_LIFE_SECONDS
