"""The tables of a migration in BigQuery: what is there, what it holds, and the few calls that change something."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from google.api_core.exceptions import NotFound
from google.cloud import bigquery

from shared.platform.tables import definition
from tools.migration_rows import Shape

STAMP = "%Y%m%d%H%M%S"
JOB_SECONDS = 600.0
# The client itself would try for ten minutes.
RETRY = bigquery.DEFAULT_RETRY.with_timeout(30.0)
LABELS = {"source": "migrate_partitions"}


class Tables:
    """The table of a shape, its partitioned copy and its backups. Errors are those of Google's client."""

    def __init__(self, client: bigquery.Client, shape: Shape) -> None:
        self._client = client
        self._shape = shape
        dataset = f"{client.project}.{shape.schema['dataset']}"
        self.name = f"{dataset}.{shape.schema['table']}"
        self.copy_name = f"{self.name}__partitioned"
        self._backup = re.compile(re.escape(shape.schema["table"]) + r"__backup_(\d{14})")
        self._dataset = dataset

    def find(self, name: str) -> bigquery.Table | None:
        try:
            return self._client.get_table(name, retry=RETRY)
        except NotFound:
            return None

    def backups(self) -> list[str]:
        """Full names, the newest last."""
        try:
            found = [table.table_id for table in self._client.list_tables(self._dataset, retry=RETRY)]
        except NotFound:
            return []
        return [f"{self._dataset}.{name}" for name in sorted(found) if self._backup.fullmatch(name)]

    def next_backup(self) -> str:
        """A name that sorts after every other."""
        stamp = datetime.now(UTC).replace(microsecond=0)
        for taken in self.backups()[-1:]:
            before = datetime.strptime(taken[-14:], STAMP).replace(tzinfo=UTC)
            stamp = max(stamp, before + timedelta(seconds=1))
        return f"{self.name}__backup_{stamp.strftime(STAMP)}"

    def create_copy(self) -> None:
        """Empty, as declared, but for the demand of a filter: that comes last, see `finish`."""
        table = definition(self._client.project, self._shape.schema, self.copy_name.rpartition(".")[2])
        table.require_partition_filter = None
        self._client.create_table(table, exists_ok=True, retry=RETRY)

    def fill_copy(self, rows: str) -> None:
        names = ", ".join(self._shape.types)
        self.run(f"INSERT INTO `{self.copy_name}` ({names}) SELECT {names} FROM ({rows})")

    def duplicate(self, source: str, target: str) -> None:
        """A copy job: the target appears whole or not at all, and must not be there yet."""
        config = bigquery.CopyJobConfig(write_disposition=bigquery.WriteDisposition.WRITE_EMPTY, labels=LABELS)
        self._client.copy_table(source, target, job_config=config, retry=RETRY).result(timeout=JOB_SECONDS)

    def delete(self, name: str) -> None:
        self._client.delete_table(name, not_found_ok=True, retry=RETRY)

    def finish(self) -> None:
        """What a copy job does not take along: the description, and that queries need a filter on the partitions."""
        table = definition(self._client.project, self._shape.schema)
        self._client.update_table(table, ["description", "require_partition_filter"], retry=RETRY)

    def run(self, sql: str) -> list[Mapping[str, Any]]:
        """Rows of one statement."""
        config = bigquery.QueryJobConfig(labels=LABELS)
        # Not `query_and_wait`: the local BigQuery gives it no rows where the statement failed.
        job = self._client.query(sql, job_config=config, retry=RETRY)
        return [dict(row.items()) for row in job.result(timeout=JOB_SECONDS)]

    def count(self, sql: str) -> int:
        """`n` of the only row."""
        (row,) = self.run(sql)
        return int(row["n"])

    def compare(self, first: str, second: str) -> Comparison:
        """Two statements that give rows of the shape."""
        one, other = (self.run(tally_by_day(self._shape, rows)) for rows in (first, second))
        (counted,) = self.run(difference(self._shape, first, second))
        return Comparison(
            Tally.of(self._shape, one, counted["keys_one"]),
            Tally.of(self._shape, other, counted["keys_other"]),
            missing=counted["missing"],
            extra=counted["extra"],
        )


@dataclass(frozen=True)
class Tally:
    """What a table holds. `days`: day → its rows; `sums`: column → sum."""

    days: Mapping[Any, int]
    keys: int
    sums: Mapping[str, Any]
    first: Any
    last: Any

    @classmethod
    def of(cls, shape: Shape, by_day: Sequence[Mapping[str, Any]], keys: int) -> Tally:
        return cls(
            days={row["day"]: row["n"] for row in by_day},
            keys=keys,
            sums={name: sum(row[f"sum_{name}"] or 0 for row in by_day) for name in shape.summed},
            first=min((row["first"] for row in by_day if row["first"]), default=None),
            last=max((row["last"] for row in by_day if row["last"]), default=None),
        )

    @property
    def rows(self) -> int:
        return sum(self.days.values())

    def __str__(self) -> str:
        sums = "".join(f", {name} {value:,}" for name, value in self.sums.items())
        return f"{self.rows:,} rows of {len(self.days):,} days{sums}"


def tally_by_day(shape: Shape, rows: str) -> str:
    sums = "".join(f", SUM({name}) AS sum_{name}" for name in shape.summed)
    return f"""
        SELECT DATE({shape.day}) AS day, COUNT(*) AS n{sums},
          MIN({shape.newest}) AS first, MAX({shape.newest}) AS last FROM ({rows}) GROUP BY day"""


def count_keys(shape: Shape, rows: str) -> str:
    return f"SELECT COUNT(*) AS n FROM (SELECT DISTINCT {', '.join(shape.key)} FROM ({rows}))"


def difference(shape: Shape, one: str, other: str) -> str:
    """One row: keys of each, and rows of the one that the other does not have, column by column."""
    return f"""
        SELECT ({count_keys(shape, one)}) AS keys_one, ({count_keys(shape, other)}) AS keys_other,
          (SELECT COUNT(*) FROM (({one}) EXCEPT DISTINCT ({other}))) AS missing,
          (SELECT COUNT(*) FROM (({other}) EXCEPT DISTINCT ({one}))) AS extra"""


@dataclass(frozen=True)
class Comparison:
    """Of two tables: what each holds, and rows of the first that the second lacks, and the other way round."""

    first: Tally
    second: Tally
    missing: int
    extra: int

    @property
    def equal(self) -> bool:
        return self.first == self.second and not self.missing and not self.extra

    def __str__(self) -> str:
        if self.equal:
            return f"{self.second}: equal"
        days = sorted(
            str(day)
            for day in {*self.first.days, *self.second.days}
            if self.first.days.get(day) != self.second.days.get(day)
        )
        where = f"; the counts of {len(days):,} days differ, the first is {days[0]}" if days else ""
        return f"{self.first} against {self.second}: {self.missing:,} rows missing, {self.extra:,} others{where}"
