"""The rows of a table that is migrated: how they become rows of the declared shape, and what keeps them from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from google.cloud import bigquery

from shared.platform.tables import Schema

# The first of these that a table has all columns of tells its rows apart.
KEYS = (("id",), ("event_id",), ("order_id", "line_uid"))
# Columns in cents. The service that was replaced kept dollars in them.
MONEY = frozenset({"amount", "refunded_amount", "tax", "total", "gross"})
DOLLARS = frozenset({"FLOAT64", "NUMERIC", "BIGNUMERIC", "STRING"})
LOSSLESS = frozenset({("INT64", "NUMERIC"), ("DATE", "TIMESTAMP"), ("DATETIME", "TIMESTAMP")})
# What the API calls a type → what SQL calls it.
SQL_TYPES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}
# Every row has passed this, and a table that demands a filter on its partitions accepts it.
BEGINNING = "TIMESTAMP '0001-01-01 00:00:00+00:00'"


def sql_type(name: str) -> str:
    return SQL_TYPES.get(name, name)


@dataclass(frozen=True)
class Shape:
    """What infra/schemas declares of a partitioned table."""

    schema: Schema

    @cached_property
    def types(self) -> dict[str, str]:
        """Column → type in SQL."""
        return {column["name"]: sql_type(column["type"]) for column in self.schema["columns"]}

    @cached_property
    def required(self) -> frozenset[str]:
        return frozenset(column["name"] for column in self.schema["columns"] if column["mode"] == "REQUIRED")

    @cached_property
    def key(self) -> tuple[str, ...]:
        return next(key for key in KEYS if self.types.keys() >= set(key))

    @property
    def day(self) -> str:
        """The column that the table is partitioned by."""
        return str(self.schema["partitioning"]["field"])

    @property
    def newest(self) -> str:
        """Of two rows with one key the one stays in which this column is later."""
        return "updated_at" if "updated_at" in self.types else self.day

    @property
    def summed(self) -> list[str]:
        return [name for name, kind in self.types.items() if kind in {"INT64", "NUMERIC"}]

    def select(self, table: str) -> str:
        """All rows of a table that has this shape."""
        return f"SELECT {', '.join(self.types)} FROM `{table}` WHERE {self.day} >= {BEGINNING}"

    def lacking(self, of: str, table: str) -> str:
        """How many rows of the table `of` have no row of their key in `table`, or an older one."""
        # A NULL of the join is no key: all keys are REQUIRED.
        return f"""
            SELECT COUNT(*) AS n FROM `{of}` AS s
            LEFT JOIN ({self.select(table)}) AS t ON {self._same_key}
            WHERE t.{self.key[0]} IS NULL OR t.{self.newest} < s.{self.newest}"""

    def merge(self, of: str, table: str) -> str:
        """Put these rows into `table`."""
        names = list(self.types)
        return f"""
            MERGE `{table}` AS t USING `{of}` AS s ON {self._same_key} AND t.{self.day} >= {BEGINNING}
            WHEN MATCHED AND t.{self.newest} < s.{self.newest} THEN
              UPDATE SET {", ".join(f"{name} = s.{name}" for name in names)}
            WHEN NOT MATCHED THEN
              INSERT ({", ".join(names)}) VALUES ({", ".join(f"s.{name}" for name in names)})"""

    @property
    def _same_key(self) -> str:
        return " AND ".join(f"t.{name} = s.{name}" for name in self.key)


@dataclass(frozen=True)
class Reading:
    """How the old table's columns (name → type in SQL, `ARRAY` when repeated) are read as the declared ones."""

    shape: Shape
    columns: Mapping[str, str]
    dollars: bool

    @classmethod
    def of(cls, shape: Shape, fields: Iterable[bigquery.SchemaField], dollars: bool) -> Reading:
        # BigQuery does not tell upper case from lower case in the names of columns.
        old = {f.name.lower(): "ARRAY" if f.mode == "REPEATED" else sql_type(f.field_type) for f in fields}
        return cls(shape, old, dollars)

    def select(self, table: str, deduplicate: bool = False) -> str:
        """Rows as declared; of those with one key only the newest, if wanted."""
        columns = ", ".join(f"{self._value(name)} AS {name}" for name in self.shape.types)
        rows = f"SELECT {columns} FROM `{table}`"
        if not deduplicate:
            return rows
        # Down to the last column, so that every query chooses the same row.
        order = sorted(self.shape.types, key=lambda name: name != self.shape.newest)
        window = f"PARTITION BY {', '.join(self.shape.key)} ORDER BY {', '.join(f'{name} DESC' for name in order)}"
        return f"SELECT * FROM ({rows}) WHERE TRUE QUALIFY ROW_NUMBER() OVER ({window}) = 1"

    @property
    def converted(self) -> list[str]:
        """Columns whose dollars become cents."""
        return [name for name in self.shape.types if self.dollars and self._in_dollars(name)]

    @property
    def left_behind(self) -> list[str]:
        """Columns that nothing declares: they stay in the backup."""
        return [name for name in self.columns if name not in self.shape.types]

    def obstacles(self) -> Iterator[str]:
        """What is wrong whatever the rows hold."""
        for name, wanted in self.shape.types.items():
            kind = self.columns.get(name)
            if kind is None or self._readable(name):
                continue
            if self._in_dollars(name):
                yield (
                    f"{name} is {kind}, and declared as whole cents ({wanted}). If it holds dollars, run this again "
                    f"with --amount-in-dollars; if it holds cents, make it {wanted} first."
                )
            else:
                yield f"{name} is {kind}, declared as {wanted}: that cannot be cast without loss. Change it first."
        if self.dollars and not self.converted:
            yield "--amount-in-dollars: no column holds dollars, all are whole numbers. Run this again without it."

    def check(self, table: str) -> str:
        """One row of counts for `findings`: of all rows, and for each column of those that are NULL or not readable."""
        readable = [name for name in self.columns if name in self.shape.types and self._readable(name)]
        counts = ["COUNT(*) AS n"]
        for name in readable:
            counts.append(f"COUNTIF({name} IS NULL) AS null_{name}")
            counts.append(f"COUNTIF({name} IS NOT NULL AND {self._value(name)} IS NULL) AS bad_{name}")
        return f"SELECT {', '.join(counts)} FROM `{table}`"

    def findings(self, counted: Mapping[str, int]) -> Iterator[str]:
        """What is wrong with the rows that were counted."""
        for name, wanted in self.shape.types.items():
            if name not in self.columns and name in self.shape.required and counted["n"]:
                yield f"{name} is REQUIRED and the table has no such column: {counted['n']:,} rows would have none."
            if bad := counted.get(f"bad_{name}"):
                yield f"{name} cannot be read as {wanted} in {bad:,} of {counted['n']:,} rows."
            if name in self.shape.required and (empty := counted.get(f"null_{name}")):
                yield f"{name} is REQUIRED and NULL in {empty:,} of {counted['n']:,} rows."

    def _value(self, name: str) -> str:
        wanted, kind = self.shape.types[name], self.columns.get(name)
        if kind is None:
            return f"CAST(NULL AS {wanted})"
        if self._in_dollars(name):
            # A FLOAT64 becomes the decimal that it was meant to be before anything is multiplied; ROUND is half up.
            return f"SAFE_CAST(ROUND(SAFE_CAST({name} AS NUMERIC) * 100) AS {wanted})"
        return name if kind == wanted else f"SAFE_CAST({name} AS {wanted})"

    def _in_dollars(self, name: str) -> bool:
        return name in MONEY and self.shape.types[name] == "INT64" and self.columns.get(name) in DOLLARS

    def _readable(self, name: str) -> bool:
        wanted, kind = self.shape.types[name], self.columns[name]
        if self._in_dollars(name):
            return self.dollars
        return kind in {wanted, "STRING"} or (kind, wanted) in LOSSLESS
