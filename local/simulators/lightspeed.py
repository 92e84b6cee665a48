"""The Lightspeed simulator: Retail R-Series, API V3, and its OAuth server, at one address.

Account, Shop, Sale, Item, ItemShop, Customer and Category, as lists and as single records, without `before` cursors; of
OAuth the refresh grant. Source: developers.lightspeedhq.com/retail.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from local.simulators import lightspeed_data, lightspeed_oauth
from local.simulators.database import Database
from local.simulators.lightspeed_bucket import Bucket, Limits, cost_of
from local.simulators.lightspeed_changes import Changes
from local.simulators.lightspeed_data import ACCOUNT
from local.simulators.lightspeed_lists import Lists
from local.simulators.lightspeed_oauth import CLIENT_ID, CLIENT_SECRET, STANDING_REFRESH, OAuth, denied
from local.simulators.lightspeed_query import ENTITIES, Invalid, Query, parse
from local.simulators.messages import Answer, Refused, Request
from local.simulators.provider import Parameters, Provider, Route
from local.simulators.traps import Strike, Traps
from shared.platform.clock import Clock, wire_time

API, AUTH = "/API/", "/auth/"
PHRASES = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed"}
STATUSES = {"forbidden": 403, "not_found": 404, "unknown_path": 404, "wrong_method": 405}
# What /ledger counts, and when a record was changed last.
LEDGERS = {
    "sales": ("sale", "cents", "changed", "shop"),
    "items": (
        "item",
        "cents",
        "MAX(time_stamp, COALESCE((SELECT MAX(s.time_stamp) FROM item_shop s WHERE s.item = item.id), 0))",
        "''",
    ),
    "customers": ("customer", "0", "time_stamp", "''"),
}


class LightspeedProvider(Provider):
    name = "lightspeed"
    parameters: ClassVar[Mapping[str, int]] = {
        "sales": 12_000,
        "items": 400,
        "customers": 600,
        "days": 730,
        "seed": 1,
        "bucket": 90,
        "drip": 1,
        "burst": 20,
    }
    streams = tuple(LEDGERS)
    tables = lightspeed_data.TABLES + lightspeed_oauth.TABLES
    prefixes = (API, AUTH)
    own_traps: ClassVar[Mapping[str, str]] = {
        "single_object": "a list of one record is that record, and an empty list an empty text",
        "numbers_as_strings": "numbers in odd forms: -0, 12.0, 75.03200",
        "token_rotation": "an access token dies after so many requests",
        "strict": "unknown query parameters are refused",
    }

    def __init__(self, database: Database, traps: Traps, clock: Clock) -> None:
        super().__init__(database, traps, clock)
        self._oauth = OAuth(database, traps, clock)
        self._limit(Limits())
        self._changes = Changes(database, clock)
        self._lists = Lists(database, traps, clock, self._changes.touch)

    @classmethod
    def environment(cls, url: str) -> dict[str, str]:
        return {
            "LIGHTSPEED_URL": url,
            "LIGHTSPEED_AUTH_URL": url,
            "LIGHTSPEED_CLIENT_ID": CLIENT_ID,
            "LIGHTSPEED_CLIENT_SECRET": CLIENT_SECRET,
            "LIGHTSPEED_REFRESH_TOKEN": STANDING_REFRESH,
        }

    def seed(self, parameters: Parameters) -> None:
        with self.database.write() as connection:
            lightspeed_data.fill(connection, parameters)
        self._oauth.begin()

    def seeded(self, parameters: Parameters) -> None:
        self._limit(Limits(parameters["bucket"], parameters["drip"], parameters["burst"]))

    def _limit(self, limits: Limits) -> None:
        """From an empty bucket: data that was begun anew is of an account that nobody has asked."""
        self._bucket, self._limits = Bucket(), limits

    def routes(self) -> Sequence[Route]:
        account = "/API/V3/Account/{account}"
        return [
            ("POST", "/auth/oauth/token", self._oauth.token),
            ("GET", "/API/V3/Account.json", self._account),
            ("GET", f"{account}/{{entity}}.json", self._list),
            ("GET", f"{account}/{{entity}}/{{number}}.json", self._one),
        ]

    def controls(self) -> Sequence[Route]:
        return [
            ("GET", "/token", lambda _: Answer.json(200, self._oauth.report())),
            ("POST", "/token", self._authorise),
            ("POST", "/token/expire", self._expire),
            *self._changes.routes(),
        ]

    def admit(self, request: Request) -> None:
        if not request.path.startswith(API):
            return
        self._oauth.admit(request.bearer)
        refused = self._bucket.admit(cost_of(request), self._limits)
        if refused:
            raise Refused(_too_many(*refused))

    def finish(self, request: Request, answer: Answer) -> None:
        if request.path.startswith(API):
            answer.headers |= self._bucket.headers(cost_of(request), self._limits)
            answer.headers |= {"X-LS-Acct-Id": ACCOUNT, "X-LS-OAuth-Client-Id": CLIENT_ID}

    def refusal(self, strike: Strike) -> Answer:
        if strike.kind == "unauthorized":
            return denied("Access token could not be verified")
        if strike.kind == "rate_limited":
            return _too_many("api-leaky-bucket", 1 if strike.retry_after is None else strike.retry_after)
        return _error(strike.status or STATUSES[strike.kind], f"Trap: {strike.kind}.")

    def ledger(self, stream: str, start: datetime | None, end: datetime | None) -> dict[str, Any]:
        table, cents, changed, shop = LEDGERS[stream]
        bounds = [int(m.timestamp()) if m else other for m, other in ((start, 0), (end, 2**40))]
        where = "create_time >= ? AND create_time < ?" + ("" if stream == "sales" else " AND archived = 0")
        broken = f"id % {n} = 0" if (n := int(self.traps["garbage"])) else "FALSE"
        day = "date(create_time, 'unixepoch')" if stream == "sales" else "''"
        rows = self.database.rows(
            f"SELECT CAST({shop} AS TEXT), {day}, COUNT(*), COALESCE(SUM({cents}), 0), MAX({changed}) FROM {table} "
            f"WHERE {where} AND NOT {broken} GROUP BY 1, 2 ORDER BY 2, 1",
            bounds,
        )
        names = ("location", "day", "count", "cents", "newest")
        places = [dict(zip(names, (*row[:4], _wire(row[4])), strict=True)) for row in rows]
        garbage = self.database.rows(f"SELECT CAST(id AS TEXT) FROM {table} WHERE {where} AND {broken}", bounds)
        return {
            "count": sum(row[2] for row in rows),
            "cents": sum(row[3] for row in rows),
            "newest": _wire(max((row[4] for row in rows), default=None)),
            "places": places,
            "garbage": [number for (number,) in garbage],
        }

    def counts(self) -> dict[str, int]:
        tables = ("sale", "item", "item_shop", "customer")
        return {table: self.database.rows(f"SELECT COUNT(*) FROM {table}")[0][0] for table in tables}

    def _account(self, _: Request) -> Answer:
        account = {
            "accountID": ACCOUNT,
            "name": "Simulated Shop",
            "link": {"@attributes": {"href": f"/API/V3/{ACCOUNT}"}},
        }
        return Answer.json(200, {"@attributes": {"count": "1"}, "Account": account})

    def _list(self, request: Request, account: str, entity: str) -> Answer:
        query = self._query(request, account, entity)
        if query.counting:
            return Answer.json(200, {"@attributes": {"count": str(self._lists.count(query))}})
        if query.after and self.traps.cursor_expires(query.listing):
            return _error(400, "The cursor is invalid.")
        return Answer(200, self._lists.page(query, request))

    def _one(self, request: Request, account: str, entity: str, number: str) -> Answer:
        query = self._query(request, account, entity)
        found = self._lists.one(query, int(number)) if number.isdecimal() else None
        if found is None:
            return _error(404, f"{entity} {number} was not found.")
        return Answer.json(200, {"@attributes": {"count": "1"}, entity: found})

    def _query(self, request: Request, account: str, entity: str) -> Query:
        if account != ACCOUNT or entity not in ENTITIES:
            raise Refused(_error(404, "There is no such resource."))
        try:
            return parse(ENTITIES[entity], request, strict=bool(self.traps["strict"]))
        except Invalid as error:
            raise Refused(_error(400, str(error))) from None

    def _authorise(self, request: Request) -> Answer:
        """{"token": refresh token}: the merchant authorises again, and this is what it gave."""
        self._oauth.authorise(str(request.object().get("token", "")))
        return Answer.json(200, {})

    def _expire(self, _: Request) -> Answer:
        self._oauth.expire_access()
        return Answer.json(200, {})


def _error(status: int, message: str) -> Answer:
    phrase = PHRASES.get(status, "Error")
    told = {"httpCode": str(status), "httpMessage": phrase, "message": message, "errorClass": "Simulated"}
    return Answer.json(status, told)


def _too_many(limiter: str, seconds: int) -> Answer:
    answer = _error(429, "Rate limit exceeded.")
    answer.headers |= {"Retry-After": str(seconds), "X-LS-API-RateLimit-Type": limiter}
    return answer


def _wire(seconds: int | None) -> str:
    return wire_time(datetime.fromtimestamp(seconds, UTC)) if seconds is not None else ""
