"""Authorize.Net's lists of transactions: the unsettled ones, and batch by batch those that were settled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from shared.integrations import authorizenet_answers as answers
from shared.integrations import authorizenet_requests as shapes
from shared.integrations.authorizenet_calls import Calls, parts
from shared.payments.errors import GatewayUnavailable
from shared.payments.models import Transaction
from shared.platform.clock import Clock

# The gateway lists the batches of 31 days at a time.
SPAN = timedelta(days=30)
# The gateway's clock may be ahead of ours.
AHEAD = timedelta(hours=1)
# Settlement is once a day: what is younger than this is hardly in a batch.
RECENT = timedelta(days=2)


class Lists:
    """Every method raises `GatewayUnavailable`."""

    def __init__(self, calls: Calls, clock: Clock) -> None:
        self._calls = calls
        self._clock = clock

    def find(self, reference: str, since: datetime) -> list[Transaction]:
        """`since` says how far to look; an older one is not left out, since a reference is never used twice."""
        found = {t.id: t for t in self._unsettled(since, reference)}
        if not found or since < self._clock.now() - RECENT:
            found = {t.id: t for t in self._settled(since, reference)} | found
        return sorted(found.values(), key=lambda t: (t.submitted_at, t.id), reverse=True)

    def transactions(self, since: datetime) -> Iterator[Transaction]:
        """Each once: one that is settled meanwhile is in both lists, and in this order never in none."""
        seen: set[str] = set()
        for transaction in chain(self._unsettled(), self._settled(since)):
            if transaction.id not in seen:
                seen.add(transaction.id)
                yield transaction

    def _unsettled(self, since: datetime | None = None, reference: str = "") -> Iterator[Transaction]:
        """With `since`: no further pages than those of what was submitted since then."""
        for page in self._pages("getUnsettledTransactionListRequest"):
            yield from _read(page, reference)
            if since is not None and any(t.submitted_at < since - AHEAD for t in _read(page[-1:])):
                return

    def _settled(self, since: datetime, reference: str = "") -> Iterator[Transaction]:
        for batch in list(self._batches(since)):
            for page in self._pages("getTransactionListRequest", str(batch.get("batchId", ""))):
                yield from _read(page, reference)

    def _batches(self, since: datetime) -> Iterator[Mapping[str, Any]]:
        first, end = since, self._clock.now() + AHEAD
        while first < end:
            last = min(first + SPAN, end)
            answer = self._calls.ask("getSettledBatchListRequest", shapes.batches(first, last))
            yield from parts(answer.body, "batchList")
            first = last

    def _pages(self, call: str, batch_id: str = "") -> Iterator[list[Mapping[str, Any]]]:
        number = 1
        while True:
            answer = self._calls.ask(call, shapes.page(number, batch_id))
            found = parts(answer.body, "transactions")
            yield found
            if len(found) < shapes.PAGE:
                return
            number += 1


def _read(page: list[Mapping[str, Any]], reference: str = "") -> Iterator[Transaction]:
    """Those with the reference, if one is given. One that cannot be read is left out of all, but never of ours."""
    for found in page:
        if reference and answers.reference(found) != reference:
            continue
        try:
            yield answers.transaction(found)
        except GatewayUnavailable:
            if reference:
                raise
