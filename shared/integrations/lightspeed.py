"""Lightspeed Retail's API (R-Series V3): sales, items and customers, all pages, archived ones included.

Source: developers.lightspeedhq.com/retail.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from threading import BoundedSemaphore, Condition, Lock
from typing import Any
from urllib.parse import urlsplit

from shared.integrations import records
from shared.integrations.http_client import ProviderSession, Reply
from shared.integrations.lightspeed_bucket import Bucket
from shared.integrations.lightspeed_mock import LightspeedMock
from shared.integrations.lightspeed_oauth import LightspeedTokens
from shared.integrations.lightspeed_rows import (
    CUSTOMERS,
    PRODUCTS,
    TRANSACTIONS,
    customer_row,
    item_row,
    sale_row,
)
from shared.platform.context import Platform
from shared.pos.errors import AuthFailed, CursorExpired, SourceRefused
from shared.pos.models import CREATED, LIVE, Page, Row, Slice, Stream
from shared.pos.ports import Source

A_PAGE = 100
# Lightspeed lets 20 through in a second, in all but the smallest accounts.
PER_SECOND = 15.0
PARALLEL = 4
# That a request is tried with, while they work for others.
TOKENS = 20
# What an `IN` filter takes.
IDS_AT_ONCE = 100


class _Kind:
    """Where a stream's records are found, and what becomes of one."""

    def __init__(self, entity: str, row_of: Callable[[Mapping[str, Any]], Row], relations: Sequence[str] = ()) -> None:
        self.entity = entity
        self.id = f"{entity[0].lower()}{entity[1:]}ID"
        self.row_of = row_of
        self.always = {"limit": str(A_PAGE)} | ({"load_relations": json.dumps(relations)} if relations else {})


KINDS = {
    TRANSACTIONS.name: _Kind("Sale", sale_row),
    PRODUCTS.name: _Kind("Item", item_row, ("Category", "ItemShops", "ItemECommerce")),
    CUSTOMERS.name: _Kind("Customer", customer_row, ("Contact",)),
}


def connect(platform: Platform) -> Source:
    """The account, or made-up data: where LIGHTSPEED_USE_MOCK is `true`, or where it is empty and no secret is set."""
    settings = platform.settings
    wanted = settings.lightspeed_use_mock.strip().lower()
    unset = not (settings.lightspeed_client_secret or settings.lightspeed_refresh_token)
    if wanted == "true" or (not wanted and unset):
        return LightspeedMock(platform.clock)
    return Lightspeed(platform, LightspeedTokens.on(platform))


class Lightspeed:
    """The account that authorised our application. Threads may share it."""

    name = "lightspeed"
    mode = LIVE
    streams: tuple[Stream, ...] = (TRANSACTIONS, PRODUCTS, CUSTOMERS)

    def __init__(self, platform: Platform, tokens: LightspeedTokens) -> None:
        self._base = platform.settings.lightspeed_url.rstrip("/")
        self._tokens = tokens
        self._session = ProviderSession("lightspeed", platform.clock, platform.ids, PER_SECOND, PARALLEL)
        self._bucket = Bucket(self._session.pace, PARALLEL)
        self._under_way = BoundedSemaphore(PARALLEL)
        self._looking_up = Lock()
        self._refused: AuthFailed | None = None
        self._accepted: set[str] = set()
        self._asking: Counter[str] = Counter()
        self._answered = Condition()

    def locations(self, stream: Stream) -> Sequence[str]:
        """One slice is of all shops; a sale names its own."""
        return ("",)

    def read(self, stream: Stream, part: Slice) -> Iterator[Page]:
        if part.by == CREATED:
            return self._pages(stream, {"createTime": _between(part), "sort": "saleID", "archived": "true"})
        return self._sales_changed(part)

    def changed(self, stream: Stream, part: Slice) -> Iterator[Page]:
        yield from self._pages(stream, {"timeStamp": _between(part), "archived": "true"})
        if stream is PRODUCTS:
            # An item's own time stands still when its stock changes.
            yield from self.objects(stream, sorted(self._items_with_new_stock(part)))

    def listed(self, stream: Stream) -> Iterator[Page]:
        return self._pages(stream, {"archived": "false"})

    def objects(self, stream: Stream, ids: Sequence[str]) -> Iterator[Page]:
        waiting = filter(_is_id, ids)
        while some := list(islice(waiting, IDS_AT_ONCE)):
            yield from self._pages(stream, {KINDS[stream.name].id: f"IN,[{','.join(some)}]", "archived": "true"})

    def _sales_changed(self, part: Slice) -> Iterator[Page]:
        """By both times: `timeStamp` is a legacy field, and may be the time of completion."""
        for name in ("timeStamp", "updatetime"):
            yield from self._pages(TRANSACTIONS, {name: _between(part), "sort": name, "archived": "true"})

    def _items_with_new_stock(self, part: Slice) -> set[str]:
        found: set[str] = set()
        for reply in self._lists("ItemShop", {"timeStamp": _between(part), "limit": str(A_PAGE)}):
            named = (shop.get("itemID") for shop in _list(reply.body, "ItemShop") if isinstance(shop, dict))
            found |= {str(item) for item in named if _is_id(item)}
        return found

    def _pages(self, stream: Stream, query: Mapping[str, str]) -> Iterator[Page]:
        kind = KINDS[stream.name]
        for reply in self._lists(kind.entity, {**kind.always, **query}):
            found = _list(reply.body, kind.entity)
            yield records.page(found, kind.row_of, id_name=kind.id, retries=reply.retries)

    def _lists(self, entity: str, query: Mapping[str, str]) -> Iterator[Reply]:
        """List after list, following `next` as it is: a list may be short, or empty, and not be the last."""
        reply = self._get(f"{self._base}/API/V3/Account/{self._account}/{entity}.json", query)
        while True:
            yield reply
            following = _next(reply.body)
            if not following:
                return
            if _origin(following) != _origin(self._base):
                # It would be sent our token.
                raise SourceRefused("Lightspeed's next page is on another host than LIGHTSPEED_URL.")
            before, reply = following, self._get(following)
            if _next(reply.body) == before:
                raise SourceRefused("Lightspeed gave the same next page twice, which would never end.")

    @property
    def _account(self) -> str:
        with self._looking_up:
            return self._first_account

    @cached_property
    def _first_account(self) -> str:
        """A token is of one account."""
        found = _list(self._get(f"{self._base}/API/V3/Account.json", {}).body, "Account")
        account = found[0].get("accountID") if found and isinstance(found[0], dict) else None
        if not _is_id(account):
            raise SourceRefused("Lightspeed names no account. Authorise the application with the shop's account.")
        return str(account)

    def _get(self, url: str, query: Mapping[str, str] | None = None) -> Reply:
        """`query` None: `url` is a next page. Raises what `_failure` makes of an answer that is none."""
        if self._refused:
            raise self._refused  # once is enough: the other streams need not ask again
        try:
            reply = self._authorised(url, query)
            if reply.status == 200 and isinstance(reply.body, dict):
                return reply
            raise _failure(url, reply, following=query is None)
        except AuthFailed as error:
            self._refused = error
            raise

    def _authorised(self, url: str, query: Mapping[str, str] | None) -> Reply:
        """Failure policy: a 401 costs one refresh and one more try. A fresh token that has worked for another thread
        and is refused here has died meanwhile: that is no second refusal, but it ends after TOKENS."""
        token = ""
        for _ in range(TOKENS):
            refused, token = token, self._tokens.access(refused=token)
            reply = self._send(url, query, token)
            if reply.status != 401 or (refused and not self._has_worked(token)):
                break
        return reply

    def _has_worked(self, token: str) -> bool:
        """Whether any thread had an answer with it; what is under way is waited for."""
        with self._answered:
            self._answered.wait_for(lambda: token in self._accepted or not self._asking[token])
            return token in self._accepted

    def _send(self, url: str, query: Mapping[str, str] | None, token: str) -> Reply:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        with self._under_way, self._counted(token):
            reply = self._session.send("GET", url, headers=headers, params=query)
            self._bucket.heed(reply.headers)
            if reply.status != 401:
                self._accepted.add(token)
        return reply

    @contextmanager
    def _counted(self, token: str) -> Iterator[None]:
        """How many requests with a token are under way."""
        with self._answered:
            self._asking[token] += 1
        try:
            yield
        finally:
            with self._answered:
                self._asking[token] -= 1
                self._answered.notify_all()


def _failure(url: str, reply: Reply, *, following: bool) -> Exception:
    path = urlsplit(url).path
    if reply.status == 400 and following:
        return CursorExpired(path)
    if reply.status == 401:
        return AuthFailed(
            "Lightspeed refuses a fresh access token. Authorise the application again and store the new refresh token "
            "as a new version of the secret LIGHTSPEED_REFRESH_TOKEN."
        )
    hint = ""
    if reply.status == 403:
        hint = " Authorise the application with employee:register, employee:inventory and employee:customers."
    message = reply.body.get("message", "no message") if isinstance(reply.body, dict) else "no message"
    return SourceRefused(f"Lightspeed answered {path} with {reply.status}: {str(message)[:200].rstrip('.')}.{hint}")


def _list(body: Any, entity: str) -> Sequence[Any]:
    """A list; of one record the record alone; of none an empty text, or nothing."""
    found = body.get(entity) or []
    if isinstance(found, str):
        raise SourceRefused(f"Lightspeed's {entity} is no list.")
    return found if isinstance(found, list) else [found]


def _is_id(value: Any) -> bool:
    """Ids go into paths and into lists of a filter."""
    return isinstance(value, str) and value.isascii() and value.isdecimal()


def _next(body: Any) -> str:
    attributes = body.get("@attributes")
    found = attributes.get("next") if isinstance(attributes, dict) else None
    return found if isinstance(found, str) else ""


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _between(part: Slice) -> str:
    """Both ends are in it, and times are whole seconds: a record at the very end is read too many, not too few."""
    return f"><,{_stamp(part.start)},{_stamp(part.end)}"


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
