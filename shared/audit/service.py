"""The audit trail: every event a row, every row a link of its day's chain."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from shared.audit.models import Break, Table
from shared.audit.repository import AuditRepository, tables
from shared.audit.rules import first_break, link_after, row_of, without_newer
from shared.platform.context import Platform

log = logging.getLogger(__name__)


class AuditService:
    """Records events and checks the chains."""

    def __init__(self, repository: AuditRepository) -> None:
        self._repository = repository

    @classmethod
    def on(cls, platform: Platform) -> AuditService:
        return platform.once(
            cls,
            lambda: cls(AuditRepository(platform.firestore, platform.bigquery, platform.clock, platform.ids)),
        )

    def record(self, event: Mapping[str, Any]) -> None:
        """Store one event in each table that records its type; storing it again changes nothing.

        Raises `Unavailable` to be called again, `UnfitEvent` or KeyError for an event that no retry will mend.
        """
        interested = [table for table in tables() if event["type"] in table.events]
        if not interested:
            log.error("event_not_recorded", extra={"type": event["type"], "eventId": event["eventId"]})
        # All rows first: an event that does not fit one table is recorded in none.
        for table, row in [(table, row_of(table, event)) for table in interested]:
            link = self._repository.take_place(table, row, link_after)
            if link:
                self._repository.store(table, row, link)

    def verify(self, first: date, last: date) -> Iterator[tuple[str, date, int, Break | None]]:
        """Recompute every chain from `first` to `last` (UTC days): (table, day, rows, first break or None)."""
        for table in tables():
            for offset in range((last - first).days + 1):
                day = first + timedelta(days=offset)
                rows, broken = self._check(table, datetime.combine(day, time(), UTC))
                yield table.full_name, day, rows, broken

    def _check(self, table: Table, day: datetime) -> tuple[int, Break | None]:
        # In this order, so that a row that is stored meanwhile is in one of them, or comes after the first head.
        head, pending = self._repository.head(table, day), self._repository.pending(table, day)
        rows, newest = self._repository.rows(table, day), self._repository.head(table, day)
        rows = without_newer(rows, head, newest)
        return len(rows), first_break(table.full_name, f"{day:%Y-%m-%d}", rows, head, pending)
