"""How Square is asked: token, version, pages, and what its refusals mean. What is asked stands in square.py and others.

Source: Square's OpenAPI document (github.com/square/connect-api-specification); what the code relies on is told in
docs/square.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from shared.integrations.http_client import UNATTENDED, Patience, ProviderSession, Reply
from shared.platform.context import Platform
from shared.platform.settings import Settings
from shared.pos.errors import AuthFailed, CursorExpired, SourceRefused, SuddenlyEmpty
from shared.pos.models import LIVE, MOCK, Row

# A published version whose ListPayments filters by updated_at.
SQUARE_VERSION = "2026-09-16"
# Categories of errors that are over in a while.
PASSING = ("API_ERROR", "RATE_LIMIT_ERROR")


def mode_of(settings: Settings) -> str:
    """LIVE with credentials, MOCK without."""
    return LIVE if settings.square_access_token else MOCK


@dataclass(frozen=True)
class Found:
    """The records of one page, and how many tries came before it was answered."""

    records: Sequence[Any]
    retries: int


class SquareApi:
    """The account of SQUARE_ACCESS_TOKEN. Threads may share it.

    Every method raises `AuthFailed`, `CursorExpired`, `SourceRefused` or `SourceUnavailable`.
    """

    def __init__(self, platform: Platform, patience: Patience = UNATTENDED) -> None:
        settings = platform.settings
        self._base = settings.square_url.rstrip("/")
        self._headers = {
            "Authorization": f"Bearer {settings.require('SQUARE_ACCESS_TOKEN')}",
            "Square-Version": SQUARE_VERSION,
        }
        self.parallel = max(1, settings.square_parallel)
        self.session = ProviderSession(
            "square", platform.clock, platform.ids, max(1, settings.square_rate), self.parallel, patience
        )
        self._refused: AuthFailed | None = None

    def get(self, path: str, query: Mapping[str, Any], key: str) -> Iterator[Found]:
        return self._paged(key, lambda cursor: self.send("GET", path, params={**query, **cursor}))

    def post(self, path: str, body: Mapping[str, Any], key: str) -> Iterator[Found]:
        return self._paged(key, lambda cursor: self.send("POST", path, json={**body, **cursor}))

    def locations(self) -> Sequence[str]:
        """The ids of all, the inactive ones too: they have a past. Raises `SuddenlyEmpty` when there is none."""
        reply = self.send("GET", "/v2/locations")
        found = [place.get("id") for place in _list(reply.body, "locations") if isinstance(place, dict)]
        if not found:
            raise SuddenlyEmpty("Square lists no location. Check the token's account and its MERCHANT_PROFILE_READ.")
        return tuple(str(place) for place in found if place)

    def send(self, method: str, path: str, *, missing_is_fine: bool = False, **content: Any) -> Reply:
        """200 with a JSON object and without `errors`; 404 too, when that is fine."""
        if self._refused:
            raise self._refused  # once is enough: the others need not ask again
        reply = self.session.send(method, self._base + path, headers=self._headers, **content)
        if reply.status == 200 and isinstance(reply.body, dict):
            if not reply.body.get("errors"):
                return reply
            # Else what is missing in such an answer would be taken for an empty list.
            if _first_error(reply.body).category in PASSING:
                raise self.session.unavailable(f"answered {path} with {_first_error(reply.body).code}")
        if reply.status == 404 and missing_is_fine:
            return reply
        failure = _failure(path, reply)
        if isinstance(failure, AuthFailed):
            self._refused = failure
        raise failure

    def _paged(self, key: str, ask: Any) -> Iterator[Found]:
        """Page after page, until there is no cursor: a page may be short, or empty, and not be the last."""
        cursor: dict[str, str] = {}
        while True:
            reply = ask(cursor)
            yield Found(_list(reply.body, key), reply.retries)
            following = reply.body.get("cursor")
            if not following:
                return
            if following == cursor.get("cursor"):
                raise SourceRefused("Square gave the same cursor twice, which would never end.")
            cursor = {"cursor": following}


def of_type(objects: Sequence[Any], kind: str) -> list[Any]:
    """Objects of another type are none of ours; what is no object at all stays, to be rejected."""
    return [found for found in objects if not isinstance(found, dict) or found.get("type", kind) == kind]


def check_location(rows: Sequence[Row], location: str) -> None:
    """Else the sales of a location that is never answered would be missing, and nobody would know."""
    other = next((row["location_id"] for row in rows if row["location_id"] != location), None)
    if other is not None:
        raise SourceRefused(f"Square was asked for location {location} and answered with location {other}.")


def _failure(path: str, reply: Reply) -> Exception:
    _, code, detail = _first_error(reply.body)
    if reply.status == 401:
        return AuthFailed(
            f"Square refuses the access token ({code}). Put a valid one into SQUARE_ACCESS_TOKEN, see docs/square.md."
        )
    if code == "INVALID_CURSOR":
        return CursorExpired(path)
    hint = " Grant the token the missing scope, see docs/square.md." if reply.status == 403 else ""
    return SourceRefused(f"Square answered {path} with {reply.status} {code}: {detail}.{hint}")


class _Told(NamedTuple):
    category: str
    code: str
    detail: str


def _first_error(body: Any) -> _Told:
    errors = body.get("errors") if isinstance(body, dict) else None
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    code, detail = str(first.get("code", "without a code")), str(first.get("detail", "no detail"))
    return _Told(str(first.get("category", "")), code, detail[:200].rstrip("."))


def _list(body: Any, key: str) -> Sequence[Any]:
    """A missing key is an empty list."""
    found = body.get(key) or []
    if not isinstance(found, list):
        raise SourceRefused(f"Square's `{key}` is no list.")
    return found
