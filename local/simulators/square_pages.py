"""Lists in pages. A cursor is opaque, belongs to one query, expires, and holds the key of the last record, so that
paging is stable whatever changes meanwhile.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from local.simulators.database import Database, Row
from local.simulators.messages import Refused, Request
from local.simulators.square_errors import KNOWN, error, refuse
from local.simulators.square_shop import milliseconds
from local.simulators.traps import Traps
from shared.platform.clock import Clock

CURSOR_MILLISECONDS = 15 * 60 * 1000
REMEMBERED = 10_000
EARLIEST, LATEST = -(1 << 62), 1 << 62
Key = tuple[int, int]


@dataclass
class Listing:
    """A query. `columns` begin with `number`; `sort` is a column with an index, or `number`.

    `render` makes a row the record's JSON text, `older` the text of a version that is no longer true.
    """

    table: str
    columns: str
    render: Callable[[Row], str]
    older: Callable[[Row], str]
    sort: str = "number"
    descending: bool = False
    conditions: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    # Changes a row of a page that was just served, for the trap of that name.
    edit: Callable[[Sequence[Row]], None] | None = None

    def where(self, condition: str, *values: Any) -> None:
        self.conditions.append(condition)
        self.values += values

    def between(self, column: str, start: int | None, end: int | None) -> None:
        """[start, end)."""
        self.spans[column] = (EARLIEST if start is None else start, LATEST if end is None else end)

    def rows(self, database: Database, key: Key | None, count: int, *, before: bool = False) -> list[Row]:
        """Sort key, then the columns. After `key`; or, `before`, the last ones up to and with it."""
        down = self.descending != before
        conditions, values = list(self.conditions), list(self.values)
        for column, span in self.spans.items():
            # The plus keeps SQLite from this column's index: the one to use is that of the sort key, below.
            conditions.append(f"+{column} >= ? AND +{column} < ?")
            values += span
        conditions.append(f"{self.sort} >= ? AND {self.sort} <= ?")
        values += self._bounds(key, down)
        if key is not None:
            conditions.append(f"(+{self.sort}, +number) {'<' if down else '>'}{'=' if before else ''} (?, ?)")
            values += key
        order = "DESC" if down else "ASC"
        found = database.rows(
            f"SELECT {self.sort}, {self.columns} FROM {self.table} WHERE {' AND '.join(conditions)} "
            f"ORDER BY {self.sort} {order}, number {order} LIMIT ?",
            [*values, count],
        )
        return found[::-1] if before else found

    def _bounds(self, key: Key | None, down: bool) -> tuple[int, int]:
        """Of the sort column: where the index is entered and left."""
        first, last = self.spans.get(self.sort, (EARLIEST, LATEST))
        if key is None:
            return first, last
        return (first, min(last, key[0])) if down else (max(first, key[0]), last)


@dataclass(frozen=True)
class Page:
    """Records as JSON texts. `rows` are those that were read for it, without duplicates."""

    texts: Sequence[str]
    cursor: str = ""
    rows: Sequence[Row] = ()

    def body(self, name: str, **more: Any) -> bytes:
        """The answer: no key for what is empty."""
        parts = [f'"{name}":[{",".join(self.texts)}]'] if self.texts else []
        parts += [f'"{key}":{json.dumps(value)}' for key, value in more.items() if value]
        if self.cursor:
            parts.append(f'"cursor":"{self.cursor}"')
        return ("{" + ",".join(parts) + "}").encode()


@dataclass(frozen=True)
class Cursor:
    listing: str
    issued: int
    page: int
    key: Key | None

    def text(self) -> str:
        return base64.urlsafe_b64encode(json.dumps([self.listing, self.issued, self.page, self.key]).encode()).decode()

    @classmethod
    def read(cls, text: str) -> Cursor | None:
        try:
            listing, issued, page, key = json.loads(base64.urlsafe_b64decode(text.encode()))
            return cls(str(listing), int(issued), int(page), None if key is None else (int(key[0]), int(key[1])))
        except (ValueError, TypeError, KeyError):
            return None


class Pager:
    """Serves pages, with the traps that strike lists."""

    def __init__(self, database: Database, traps: Traps, clock: Clock) -> None:
        self._database = database
        self._traps = traps
        self._clock = clock
        self._used: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def now(self) -> int:
        return milliseconds(self._clock.now())

    def page(self, request: Request, listing: Listing, limit: int, cursor: Any, query: Any) -> Page:
        """`query` is everything that was asked for but the cursor. Raises `Refused` with INVALID_CURSOR."""
        if self._traps.covers("errors_in_200", request.path):
            raise Refused(error(200, *KNOWN[500][1:]))
        if self._traps.covers("empty", request.path):
            return Page([])
        if eventual := self._traps["eventual"]:
            listing.where("+touched <= ?", self.now() - int(eventual * 1000))
        name = _fingerprint(request, query)
        at = Cursor(name, self.now(), 0, None) if cursor in (None, "") else self._continued(name, cursor)
        page = self._cut(listing, at, limit)
        if not page.cursor:
            self._traps.list_ended(name)
        elif listing.edit and page.rows and self._traps.every("edits_behind_cursor"):
            listing.edit(page.rows)
        return page

    def _cut(self, listing: Listing, at: Cursor, limit: int) -> Page:
        size = self._traps.page_size(limit, at.page)
        again = self._again(listing, at) if size else []
        fresh = max(min(size, 1), size - len(again))
        found = listing.rows(self._database, at.key, fresh + 1)
        rows = found[:fresh]
        key = (rows[-1][0], rows[-1][1]) if rows else at.key
        texts = self._traps.shuffled([*again, *(listing.render(row[1:]) for row in rows)])
        more = len(found) > fresh
        return Page(texts, Cursor(at.listing, self.now(), at.page + 1, key).text() if more else "", rows)

    def _again(self, listing: Listing, at: Cursor) -> list[str]:
        """What the page before ended with, and how one of these was before its last change."""
        count = int(self._traps["duplicates"])
        if not count or at.key is None:
            return []
        rows = listing.rows(self._database, at.key, count, before=True)
        return [*(listing.render(row[1:]) for row in rows), *(listing.older(row[1:]) for row in rows[:1])]

    def _continued(self, listing: str, text: Any) -> Cursor:
        found = Cursor.read(text) if isinstance(text, str) else None
        if found is None:
            refuse("INVALID_CURSOR", "The pagination cursor is not valid.", "cursor")
        if found.listing != listing:
            refuse("INVALID_CURSOR", "The pagination cursor belongs to another query.", "cursor")
        now = self.now()
        if now - max(found.issued, self._used.get(text, 0)) > CURSOR_MILLISECONDS or self._traps.cursor_expires(
            listing
        ):
            refuse("INVALID_CURSOR", "The pagination cursor has expired.", "cursor")
        with self._lock:
            self._used.pop(text, None)
            self._used[text] = now
            if len(self._used) > REMEMBERED:
                self._used.popitem(last=False)
        return found


def _fingerprint(request: Request, query: Any) -> str:
    asked = json.dumps([request.method, request.path, query], sort_keys=True)
    return hashlib.sha1(asked.encode()).hexdigest()[:16]
