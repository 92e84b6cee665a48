"""The tables in BigQuery: rows come by load job into a staging table of their own, and from there by MERGE.

Failure policy: a staging table that a crash leaves expires after a day; a batch that is merged twice changes nothing
the second time, because a row is replaced only by a newer version, or by a different one of the same time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.platform import bigquery
from shared.platform.clock import wire_time
from shared.platform.ids import Ids
from shared.pos import statements
from shared.pos.models import Reject, Row, Stream, Tallies, Tally

if TYPE_CHECKING:
    from google.cloud.bigquery import Client

STAGING = "staging"
REJECTS = Stream(
    name="sync_rejects", source="", table=statements.REJECTS_TABLE, key=("stream", "record_id"), dated=False
)
# A record's day of creation does not change; should a provider correct it, the row is still found.
MARGIN = timedelta(days=3)
LABEL = "pos_sync"
Parameters = dict[str, tuple[str, Any]]


def encoded(rows: Iterable[Row]) -> bytes:
    """One JSON object a line, as a load job reads it."""
    return b"".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for row in rows)


class Warehouse:
    """Raises `Unavailable` from every method when BigQuery does not answer."""

    def __init__(self, client: Client, ids: Ids) -> None:
        self._client = client
        self._ids = ids

    def merge(self, stream: Stream, lines: bytes, first: str = "", last: str = "") -> int:
        """Rows (`encoded`) into the table; how many were new or changed. `first`, `last`: their earliest and latest
        `created_at`, of a dated stream."""
        with self._staged(stream, lines) as staging:
            bounds = _bounds(_moment(first) - MARGIN, _moment(last) + MARGIN) if stream.dated else {}
            return bigquery.change(self._client, statements.merge(stream, staging), bounds, LABEL)

    def replace(self, stream: Stream, lines: bytes) -> None:
        """The repair: each of these records stands once, exactly as given. Others are not touched."""
        with self._staged(stream, lines) as staging:
            bigquery.change(self._client, statements.replace(stream, staging), {}, LABEL)

    def remove(self, stream: Stream, lines: bytes) -> int:
        """Delete these rows, but none that is newer by now; how many that were."""
        with self._staged(stream, lines) as staging:
            return bigquery.change(self._client, statements.remove(stream, staging), {}, LABEL)

    def remove_missing(self, stream: Stream, lines: bytes, rejected_by: str = "") -> int:
        """Mark as deleted what a whole list lacks, and blank what is personal; how many rows that were.

        What the job `rejected_by` has rejected was in the list: it stays as it is.
        """
        with self._staged(stream, lines) as staging:
            sql = statements.remove_missing(stream, staging, with_rejects=bool(rejected_by))
            return bigquery.change(self._client, sql, _job(rejected_by), LABEL)

    def tallies(self, stream: Stream, start: datetime, end: datetime, rejected_by: str = "") -> Tallies:
        """What the table says of the days of [start, end), or of a stream that is not dated.

        Without the rows whose records the job `rejected_by` has rejected: what they are by now nobody can tell.
        """
        bounds = _bounds(start, end) if stream.dated else {}
        sql = statements.tallies(stream, with_rejects=bool(rejected_by))
        rows = bigquery.query(self._client, sql, bounds | _job(rejected_by), LABEL, bigquery.CHANGE_SECONDS)
        return {
            (row["location"], row["day"].isoformat() if isinstance(row["day"], date) else row["day"]): Tally(
                row["n"], int(row["cents"] or 0), wire_time(row["newest"])
            )
            for row in rows
            if row["n"]
        }

    def reject(self, stream: Stream, rejects: Sequence[Reject], job: str, at: datetime) -> None:
        """Keep the records that became no rows, one row for each record, with the last reason."""
        now = wire_time(at)
        rows = [
            {
                "stream": stream.name,
                "record_id": found.record_id or hashlib.sha256(found.record.encode()).hexdigest()[:32],
                "reason": found.reason,
                "record": found.record,
                "job_id": job,
                "created_at": now,
                "updated_at": now,
            }
            for found in rejects
        ]
        self.merge(REJECTS, encoded(rows))

    def forget_mock(self, stream: Stream) -> int:
        """Remove made-up rows: the stream has real ones from now on."""
        return bigquery.change(self._client, statements.forget_mock(stream), {}, LABEL)

    @contextmanager
    def _staged(self, stream: Stream, lines: bytes) -> Iterator[str]:
        """A table of its own for each batch, so that parallel runs never see each other's rows."""
        name = f"{STAGING}.{stream.name}_{self._ids.new('batch')}"
        try:
            bigquery.load(self._client, lines, name, statements.columns(stream.table), LABEL)
            yield name
        finally:
            bigquery.drop(self._client, name)


def _bounds(first: datetime, last: datetime) -> Parameters:
    return {"first": ("TIMESTAMP", first), "last": ("TIMESTAMP", last)}


def _job(job: str) -> Parameters:
    return {"job": ("STRING", job)} if job else {}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
