"""Square read for somebody who waits: the catalogue with its stock, and payments of some days.

Failure policy: all calls of a read have SECONDS together, retries included. A list whose cursor is forgotten is begun
again; a record that cannot be read is left out and logged; when none of its kind can be read, the read fails.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from shared.integrations import records
from shared.integrations.http_client import Patience
from shared.integrations.square_api import Found, SquareApi, check_location, of_type
from shared.integrations.square_products import (
    IN_STOCK,
    ITEM,
    TYPES,
    Named,
    count_row,
    object_row,
    product_row,
    stock_of,
)
from shared.integrations.square_rows import payment_row, variations
from shared.platform.clock import wire_time
from shared.platform.context import Platform
from shared.pos import rules
from shared.pos.catalogue import Catalogue, in_order
from shared.pos.errors import CursorExpired, SourceRefused
from shared.pos.models import Page, Row

# Shorter than the cache's lease, so that nobody else begins the same read meanwhile.
SECONDS = 8.0
RETRIES = 2
RESTARTS = 3
# With four locations a page of counts is full.
VARIATIONS_A_CALL = 250
COUNTS_A_PAGE = 1000
PAYMENTS_A_PAGE = 100

Result = TypeVar("Result")
log = logging.getLogger(__name__)


class SquareReads:
    """The account of SQUARE_ACCESS_TOKEN. One object serves one read: its time begins when it is made.

    Every method raises `AuthFailed`, `SourceRefused`, `SuddenlyEmpty` or `SourceUnavailable`.
    """

    def __init__(self, platform: Platform, seconds: float = SECONDS) -> None:
        self._api = SquareApi(platform, Patience(RETRIES, seconds, "Try again in a moment."))

    def catalogue(self) -> Catalogue:
        """What is for sale."""
        (found,) = self._side_by_side([partial(self._whole, self._object_pages)])
        objects = rules.newest(_readable("objects", records.page(found, object_row), len(found)))
        items = [row["record"] for row in objects if row["type"] == ITEM]
        if not items and of_type(found, ITEM):
            raise SourceRefused("None of Square's items can be read.")
        stock = stock_of(self._counts([variation for item in items for variation in variations(item)]))
        named = Named.of(objects)
        products = records.page(items, lambda record: product_row(record, named, stock))
        return Catalogue(len(objects), in_order(_readable("items", products, len(items))))

    def payments(self, days: Sequence[tuple[datetime, datetime]]) -> list[Row]:
        """Those made in any [start, end), at all locations, whatever became of them; one may come twice."""
        (locations,) = self._side_by_side([self._api.locations])
        tasks = [
            partial(self._payments, location, start, end)
            for location in dict.fromkeys(locations)
            for start, end in days
        ]
        pages = self._side_by_side(tasks)
        merged = Page([row for page in pages for row in page.rows], [r for page in pages for r in page.rejects])
        return list(_readable("payments", merged, len(merged.rows) + len(merged.rejects)))

    def _object_pages(self) -> Iterator[Found]:
        return self._api.get("/v2/catalog/list", {"types": ",".join(TYPES)}, "objects")

    def _counts(self, wanted: Sequence[str]) -> Sequence[Row]:
        batches = [wanted[start : start + VARIATIONS_A_CALL] for start in range(0, len(wanted), VARIATIONS_A_CALL)]
        tasks = [partial(self._whole, partial(self._count_pages, batch)) for batch in batches]
        found = [record for batch in self._side_by_side(tasks) for record in batch]
        return _readable("counts", records.page(found, count_row, id_name="catalog_object_id"), len(found))

    def _count_pages(self, batch: Sequence[str]) -> Iterator[Found]:
        body = {"catalog_object_ids": list(batch), "states": [IN_STOCK], "limit": COUNTS_A_PAGE}
        return self._api.post("/v2/inventory/counts/batch-retrieve", body, "counts")

    def _payments(self, location: str, start: datetime, end: datetime) -> Page:
        query = {
            "location_id": location,
            "begin_time": wire_time(start),
            "end_time": wire_time(end),
            "sort_field": "CREATED_AT",
            "sort_order": "ASC",
            "limit": PAYMENTS_A_PAGE,
        }
        page = records.page(self._whole(lambda: self._api.get("/v2/payments", query, "payments")), payment_row)
        check_location(page.rows, location)
        return page

    def _whole(self, pages: Callable[[], Iterator[Found]]) -> list[Any]:
        """The records of all pages."""
        for _ in range(RESTARTS + 1):
            with suppress(CursorExpired):
                return [record for page in pages() for record in page.records]
        raise self._api.session.unavailable(f"forgot the pages of a list {RESTARTS + 1} times")

    def _side_by_side(self, tasks: Sequence[Callable[[], Result]]) -> list[Result]:
        """The results, in the tasks' order. The first failure ends it, and so does the time."""
        pool = ThreadPoolExecutor(self._api.parallel, thread_name_prefix="square")
        try:
            futures = [pool.submit(task) for task in tasks]
            # A thread sees the time only between its calls, and an answer may come byte by byte.
            done, waiting = wait(futures, max(0.0, self._api.session.seconds_left), FIRST_EXCEPTION)
            for failure in (future.exception() for future in done):
                if failure is not None:
                    raise failure
            if waiting:
                raise self._api.session.unavailable("took too long")
            return [future.result() for future in futures]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _readable(kind: str, page: Page, of: int) -> Sequence[Row]:
    """The rows. Raises `SourceRefused` when all of the `of` records are rejected: an empty shop would be a lie."""
    if page.rejects:
        reason = page.rejects[0].reason
        log.warning("square_records_skipped", extra={"kind": kind, "count": len(page.rejects), "reason": reason})
        if len(page.rejects) == of:
            raise SourceRefused(f"None of Square's {kind} can be read: {reason}.")
    return page.rows
