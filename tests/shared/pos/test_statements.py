"""The statements as BigQuery reads them: of what the local one does not check, this checks the text."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from shared.integrations import lightspeed_rows, square_rows
from shared.integrations.streams import STREAMS
from shared.pos import statements
from shared.pos.models import Row, Stream
from shared.pos.warehouse import REJECTS
from tests.factories.sync import customer, item, order_line, payment

SCHEMAS = Path(__file__).parents[3] / "infra" / "schemas"
STAGING = "staging.some_batch"
WRITTEN: dict[str, Callable[[Stream], str]] = {
    "merge": lambda stream: statements.merge(stream, STAGING),
    "replace": lambda stream: statements.replace(stream, STAGING),
    "remove": lambda stream: statements.remove(stream, STAGING),
    "tallies": statements.tallies,
    "tallies without rejects": lambda stream: statements.tallies(stream, with_rejects=True),
    "forget_mock": statements.forget_mock,
}
ALL = [stream for streams in STREAMS.values() for stream in streams]
LISTED = [stream for stream in ALL if not stream.dated]


def parsed(sql: str) -> list[exp.Expression]:
    found = sqlglot.parse(sql, read="bigquery")
    assert found
    assert all(one is not None for one in found)
    # What the parser does not know it keeps as a bare command.
    assert not [one for one in found if one and one.find(exp.Command)]
    return [one for one in found if one]


def bounded(sql: str) -> list[str]:
    """The comparisons of created_at with what is known before the statement begins: a parameter or a literal."""
    return [
        type(one).__name__
        for statement in parsed(sql)
        for one in statement.find_all(exp.GTE, exp.LT)
        if isinstance(one.left, exp.Column) and one.left.name == "created_at" and not one.right.find(exp.Column)
    ]


def schema(table: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SCHEMAS / f"{table}.json").read_text())
    return found


@pytest.mark.parametrize("stream", [*ALL, REJECTS], ids=lambda stream: stream.name)
@pytest.mark.parametrize("name", WRITTEN)
def test_every_statement_is_bigquery_s_sql(name: str, stream: Stream) -> None:
    for statement in parsed(WRITTEN[name](stream)):
        tables = {f"{table.db}.{table.name}" for table in statement.find_all(exp.Table)}
        assert tables <= {stream.table, STAGING, *([REJECTS.table] if "rejects" in name else [])}


@pytest.mark.parametrize("stream", LISTED, ids=lambda stream: stream.name)
def test_removing_what_a_list_lacks(stream: Stream) -> None:
    for with_rejects in (True, False):
        (update,) = parsed(statements.remove_missing(stream, STAGING, with_rejects=with_rejects))
        assert (REJECTS.table in update.sql("bigquery").replace("`", "")) == with_rejects
    assert isinstance(update, exp.Update)
    changed = {one.left.name for one in update.expressions}
    assert changed == {"deleted", *stream.personal} | (
        {"available"} if "available" in columns_of(stream.table) else set()
    )
    for name, value in stream.constant.items():
        assert f"target.{name} = '{value}'" in update.sql("bigquery")


@pytest.mark.parametrize("stream", ALL, ids=lambda stream: stream.name)
@pytest.mark.parametrize("name", WRITTEN)
def test_who_touches_a_dated_table_names_its_partitions(name: str, stream: Stream) -> None:
    """BigQuery refuses a statement without (`require_partition_filter`)."""
    assert sorted(bounded(WRITTEN[name](stream))) == (["GTE", "LT"] if stream.dated else [])


@pytest.mark.parametrize("stream", ALL, ids=lambda stream: stream.name)
def test_a_merge_finds_rows_by_their_key_and_never_changes_it(stream: Stream) -> None:
    (merge,) = parsed(statements.merge(stream, STAGING))
    on = {condition.sql("bigquery") for condition in merge.args["on"].find_all(exp.EQ)}
    assert {f"target.{name} = source.{name}" for name in stream.key} <= on
    set_ = {one.left.name for update in merge.find_all(exp.Update) for one in update.expressions}
    assert not set_ & set(stream.key)
    assert set_ | set(stream.key) == columns_of(stream.table)


# --- declarations and schemas


def columns_of(table: str) -> set[str]:
    return {column["name"] for column in schema(table)["columns"]}


@pytest.mark.parametrize("stream", ALL, ids=lambda stream: stream.name)
def test_a_stream_is_declared_as_its_table_is(stream: Stream) -> None:
    found = schema(stream.table)
    names = columns_of(stream.table)
    assert {*stream.key, *stream.personal, *stream.constant, "created_at", "updated_at"} <= names
    assert {name for name in (stream.amount, stream.location) if name} <= names
    assert stream.dated == ("partitioning" in found)
    if stream.dated:
        assert found["partitioning"] == {"field": "created_at", "type": "DAY", "requirePartitionFilter": True}
    else:
        assert "deleted" in names
    required = {column["name"] for column in found["columns"] if column["mode"] == "REQUIRED"}
    assert {*stream.key, "created_at", "updated_at"} <= required
    assert not required & set(stream.personal)


def test_streams_have_names_and_sources_of_their_own() -> None:
    assert len({stream.name for stream in ALL}) == len(ALL)
    assert all(stream.source == source for source, streams in STREAMS.items() for stream in streams)


LIGHTSPEED_TIME = "2026-06-30T12:00:00+00:00"
SALE = {
    "saleID": "1",
    "calcSubtotal": "10",
    "calcTotal": "10.83",
    "shopID": "1",
    "createTime": LIGHTSPEED_TIME,
    "timeStamp": LIGHTSPEED_TIME,
}
NAMED = {"itemID": "1", "customerID": "1", "createTime": LIGHTSPEED_TIME, "timeStamp": LIGHTSPEED_TIME}


@pytest.mark.parametrize(
    ("stream", "row"),
    [
        (square_rows.PAYMENTS, payment()),
        (square_rows.ORDER_LINES, order_line()),
        (square_rows.ITEMS, item()),
        (square_rows.CUSTOMERS, customer()),
        (lightspeed_rows.TRANSACTIONS, lightspeed_rows.sale_row(SALE)),
        (lightspeed_rows.PRODUCTS, lightspeed_rows.item_row(NAMED)),
        (lightspeed_rows.CUSTOMERS, lightspeed_rows.customer_row(NAMED)),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_row_has_the_columns_of_its_table(stream: Stream, row: Row) -> None:
    """What the rows of Square hold, test_square_rows.py compares with these examples."""
    assert set(row) == columns_of(stream.table)
