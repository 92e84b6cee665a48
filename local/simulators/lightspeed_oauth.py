"""Lightspeed's OAuth server: access tokens that expire, refresh tokens that rotate and are revoked late.

A refresh gives a new pair and revokes nothing. The first use of the new access token does: from then on it and its
refresh token are the only ones, and whoever sends an earlier refresh token gets 400 `invalid_grant`.
"""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

from local.simulators.database import Database
from local.simulators.messages import Answer, Refused, Request
from local.simulators.traps import Traps
from shared.platform.clock import Clock

CLIENT_ID, CLIENT_SECRET = "sim-lightspeed-client", "sim-lightspeed-secret"
# As the merchant's first authorisation gives it. It dies as any other does.
FIRST_REFRESH = "sim-lightspeed-refresh"
# Never dies: a local stack's Firestore may be emptied while the simulator keeps its data.
STANDING_REFRESH = "sim-lightspeed-standing-refresh"
LIFE_SECONDS = 3600
REFRESHES_A_MINUTE = 5
IDLE_DAYS = 30
TABLES = """
CREATE TABLE refresh (token TEXT PRIMARY KEY, number INTEGER, used_by INTEGER, standing INTEGER DEFAULT 0);
CREATE TABLE access (token TEXT PRIMARY KEY, number INTEGER, expires INTEGER, uses INTEGER DEFAULT 0);
CREATE TABLE grants (at REAL, granted INTEGER);
"""


class OAuth:
    """Tokens are in the database: they survive a restart."""

    def __init__(self, database: Database, traps: Traps, clock: Clock) -> None:
        self._database = database
        self._traps = traps
        self._clock = clock

    def begin(self) -> None:
        """Right after the tables were made."""
        self.authorise(FIRST_REFRESH)
        with self._database.write() as connection:
            connection.execute("INSERT INTO refresh VALUES (?, 0, ?, 1)", (STANDING_REFRESH, self._deadline()))

    def authorise(self, refresh: str) -> None:
        """The merchant authorises anew: this is the refresh token, and nothing from before is good any more."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM access")
            connection.execute("DELETE FROM refresh WHERE NOT standing")
            connection.execute("INSERT INTO refresh VALUES (?, 0, ?, 0)", (refresh, self._deadline()))

    def expire_access(self) -> None:
        with self._database.write() as connection:
            connection.execute("UPDATE access SET expires = 0")

    def report(self) -> dict[str, int]:
        """How many refreshes were granted, and how many refused."""
        found: dict[int, int] = dict(self._database.rows("SELECT granted, COUNT(*) FROM grants GROUP BY granted"))
        return {"granted": found.get(1, 0), "refused": found.get(0, 0)}

    def token(self, request: Request) -> Answer:
        """POST /auth/oauth/token, JSON or form."""
        told = _told(request)
        if (told.get("client_id"), told.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return _refused(401, "invalid_client", "Client authentication failed")
        if told.get("grant_type") != "refresh_token":
            return _refused(400, "unsupported_grant_type", "Only refresh_token is simulated.")
        if not told.get("refresh_token"):
            return _refused(400, "invalid_request", "The refresh_token parameter is missing.")
        if self._too_often():
            return Answer.json(429, {"error": "too_many_requests"}, Retry_After="12")
        pair = self._granted(str(told["refresh_token"]))
        if pair is None:
            return _refused(400, "invalid_grant", "The refresh token is invalid.", "Token has been revoked")
        access, refresh = pair
        tokens = {"access_token": access, "refresh_token": refresh}
        return Answer.json(200, {"token_type": "Bearer", "expires_in": LIFE_SECONDS, **tokens})

    def admit(self, token: str) -> None:
        """Raises `Refused`. The first use of a token revokes all others."""
        found = self._database.row("SELECT number, expires, uses FROM access WHERE token = ?", (token,))
        if found is None or found[1] <= self._clock.now().timestamp():
            raise Refused(denied("Access token could not be verified"))
        number, _, uses = found
        if 0 < self._traps["token_rotation"] <= uses:
            raise Refused(denied("Access token has been revoked"))
        with self._database.write() as connection:
            if uses == 0:
                connection.execute("DELETE FROM access WHERE token <> ?", (token,))
                connection.execute("DELETE FROM refresh WHERE number <> ? AND NOT standing", (number,))
            connection.execute("UPDATE access SET uses = uses + 1 WHERE token = ?", (token,))

    def _granted(self, refresh: str) -> tuple[str, str] | None:
        now = self._clock.now()
        with self._database.write() as connection:
            known = connection.execute("SELECT used_by FROM refresh WHERE token = ?", (refresh,)).fetchone()
            good = known is not None and known[0] > now.timestamp()
            connection.execute("INSERT INTO grants VALUES (?, ?)", (now.timestamp(), int(good)))
            if not good:
                return None
            number = connection.execute("SELECT COUNT(*) FROM grants").fetchone()[0]
            pair = (
                _jwt({"sub": "1", "acct": "1", "jti": number, "exp": int(now.timestamp()) + LIFE_SECONDS}),
                _long(number),
            )
            expires = int(now.timestamp()) + LIFE_SECONDS
            connection.execute("INSERT INTO access VALUES (?, ?, ?, 0)", (pair[0], number, expires))
            connection.execute("INSERT INTO refresh VALUES (?, ?, ?, 0)", (pair[1], number, self._deadline()))
        return pair

    def _too_often(self) -> bool:
        since = (self._clock.now() - timedelta(minutes=1)).timestamp()
        found = self._database.row("SELECT COUNT(*) FROM grants WHERE at > ?", (since,))
        return found is not None and found[0] >= REFRESHES_A_MINUTE

    def _deadline(self) -> int:
        return int((self._clock.now() + timedelta(days=IDLE_DAYS)).timestamp())


def denied(hint: str) -> Answer:
    """The body of every 401."""
    description = "The resource owner or authorization server denied the request."
    return Answer.json(401, {"error": "access_denied", "error_description": description, "hint": hint})


def _told(request: Request) -> dict[str, Any]:
    if "json" in request.headers.get("content-type", ""):
        try:
            found = request.json()
        except ValueError:
            found = None
        return found if isinstance(found, dict) else {}
    return dict(parse_qsl(request.body.decode(errors="replace")))


def _refused(status: int, error: str, description: str, hint: str = "") -> Answer:
    return Answer.json(status, {"error": error, "error_description": description, "hint": hint})


def _jwt(claims: dict[str, Any]) -> str:
    parts = ({"alg": "none", "typ": "JWT"}, {**claims, "scope": "employee:register employee:inventory"})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + ".sim"


def _long(number: int) -> str:
    """Refresh tokens are long: hundreds of characters."""
    return f"def50200{number:08}" + "a7" * 300
