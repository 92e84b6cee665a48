"""The statements that change and count the tables. Pure text; values are parameters."""

# ruff: noqa: S608 - names come from our schema files and stream declarations, never from a provider

from __future__ import annotations

from functools import cache
from typing import Any

from shared.platform import tables
from shared.pos.models import MOCK_PREFIX, Stream

REJECTS_TABLE = "commerce.sync_rejects"
# Every record's time is in here (see integrations/records.py). Written out: the local BigQuery gives a script no
# parameters.
EVER = "created_at >= TIMESTAMP '1970-01-01' AND created_at < TIMESTAMP '2200-01-01'"


@cache
def columns(table: str) -> tuple[dict[str, Any], ...]:
    """As in infra/schemas."""
    return tuple(tables.declared()[table]["columns"])


def forget_mock(stream: Stream) -> str:
    where = f" AND {EVER}" if stream.dated else ""
    return f"DELETE FROM `{stream.table}` WHERE STARTS_WITH({_identity(stream)}, '{MOCK_PREFIX}'){where}"


def _identity(stream: Stream) -> str:
    """The column that has the record's id at the source."""
    return next(name for name in stream.key if name not in stream.constant)


def _not_rejected(stream: Stream, prefix: str = "") -> str:
    """The rows whose records the run @job has not met as rejects."""
    return (
        f"{prefix}{_identity(stream)} NOT IN "
        f"(SELECT record_id FROM `{REJECTS_TABLE}` WHERE stream = '{stream.name}' AND job_id = @job)"
    )


def _names(stream: Stream) -> list[str]:
    return [column["name"] for column in columns(stream.table)]


def _newest(stream: Stream, staging: str) -> str:
    return (
        f"SELECT {', '.join(_names(stream))} FROM `{staging}` WHERE TRUE "
        f"QUALIFY ROW_NUMBER() OVER (PARTITION BY {', '.join(stream.key)} ORDER BY updated_at DESC) = 1"
    )


def merge(stream: Stream, staging: str) -> str:
    names = _names(stream)
    same = [f"target.{name} = source.{name}" for name in stream.key]
    if stream.dated:
        same += ["target.created_at >= @first", "target.created_at < @last"]
    # A source that does not tell when a record was made gives the time of its first sight.
    kept = () if stream.dated else ("created_at",)
    changing = [name for name in names if name not in (*stream.key, *kept)]
    value = {n: f"COALESCE(source.{n}, target.{n})" if n in stream.sticky else f"source.{n}" for n in changing}
    sets = [f"{name} = {value[name]}" for name in changing]
    sets += [f"{name} = LEAST(target.{name}, source.{name})" for name in kept]
    differs = " OR ".join(f"target.{n} IS DISTINCT FROM {value[n]}" for n in changing if n != "updated_at")
    return (
        f"MERGE `{stream.table}` AS target USING ({_newest(stream, staging)}) AS source ON {' AND '.join(same)} "
        f"WHEN MATCHED AND (source.updated_at > target.updated_at OR "
        f"(source.updated_at = target.updated_at AND ({differs}))) THEN UPDATE SET {', '.join(sets)} "
        f"WHEN NOT MATCHED THEN INSERT ({', '.join(names)}) VALUES ({', '.join(f'source.{name}' for name in names)})"
    )


def replace(stream: Stream, staging: str) -> str:
    names = ", ".join(_names(stream))
    same = " AND ".join(f"source.{name} = target.{name}" for name in stream.key)
    where = f"{EVER} AND " if stream.dated else ""
    return (
        "BEGIN TRANSACTION; "
        f"DELETE FROM `{stream.table}` AS target WHERE {where}"
        f"EXISTS (SELECT 1 FROM `{staging}` AS source WHERE {same}); "
        f"INSERT INTO `{stream.table}` ({names}) {_newest(stream, staging)}; "
        "COMMIT TRANSACTION;"
    )


def remove(stream: Stream, staging: str) -> str:
    same = " AND ".join(f"source.{name} = target.{name}" for name in stream.key)
    where = f"{EVER} AND " if stream.dated else ""
    return (
        f"DELETE FROM `{stream.table}` AS target WHERE {where}EXISTS "
        f"(SELECT 1 FROM `{staging}` AS source WHERE {same} AND source.updated_at >= target.updated_at)"
    )


def remove_missing(stream: Stream, staging: str, *, with_rejects: bool = False) -> str:
    blanked = [f"{name} = NULL" for name in stream.personal]
    same = " AND ".join(f"source.{name} = target.{name}" for name in stream.key)
    where = [f"target.{name} = '{value}'" for name, value in stream.constant.items()]
    where += [_not_rejected(stream, "target.")] if with_rejects else []
    sets = ", ".join(["deleted = TRUE", *(["available = FALSE"] if "available" in _names(stream) else []), *blanked])
    return (
        f"UPDATE `{stream.table}` AS target SET {sets} WHERE "
        f"{' AND '.join([*where, 'NOT target.deleted'])} "
        f"AND NOT EXISTS (SELECT 1 FROM `{staging}` AS source WHERE {same})"
    )


def tallies(stream: Stream, *, with_rejects: bool = False) -> str:
    place = (
        f"{stream.location or chr(39) * 2} AS location, DATE(created_at) AS day"
        if stream.dated
        else "'' AS location, '' AS day"
    )
    cents = f"SUM({stream.amount})" if stream.amount else "0"
    where = ["created_at >= @first", "created_at < @last"] if stream.dated else ["NOT deleted"]
    where += [f"{name} = '{value}'" for name, value in stream.constant.items()]
    where += [_not_rejected(stream)] if with_rejects else []
    return (
        f"SELECT {place}, COUNT(*) AS n, {cents} AS cents, MAX(updated_at) AS newest "
        f"FROM `{stream.table}` WHERE {' AND '.join(where)} GROUP BY location, day"
    )
