"""Where the trail is kept: rows in BigQuery, and in Firestore which row is which link of the chain.

`audit_chains/{table}:{day}` is the head of a day's chain; `audit_links/{table}:{eventId}` is the place of one event in
it, decided once, so that a message that comes twice gives the same row twice, and the row is stored once.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.audit.models import CHAIN_COLUMNS, Head, Link, Row, Table
from shared.platform import bigquery, firestore
from shared.platform.clock import Clock
from shared.platform.contention import until_unchanged
from shared.platform.errors import Unavailable
from shared.platform.ids import Ids
from shared.platform.locks import KeyedLocks

if TYPE_CHECKING:
    from google.cloud.bigquery import Client as BigQueryClient
    from google.cloud.firestore import Client as FirestoreClient

SCHEMAS = Path(__file__).parents[2] / "infra" / "schemas"
CHAINS = "audit_chains"
LINKS = "audit_links"
# While one instance stores a row another waits; after this a crashed one is taken over.
LEASE = timedelta(seconds=60)
# Longer than Pub/Sub keeps a message, so that no redelivery finds its link gone.
LINK_KEPT = timedelta(days=40)
LinkAfter = Callable[[Head | None, Row], Link]


@cache
def tables() -> tuple[Table, ...]:
    """Every table that records events, from infra/schemas."""
    found = [json.loads(path.read_text()) for path in sorted(SCHEMAS.glob("*.json"))]
    return tuple(_table(schema) for schema in found if schema.get("events"))


class AuditRepository:
    """Raises `Unavailable` from every method when a store does not answer."""

    def __init__(self, store: FirestoreClient, warehouse: BigQueryClient, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._warehouse = warehouse
        self._clock = clock
        self._ids = ids
        self._locks = KeyedLocks()

    def take_place(self, table: Table, row: Row, link_after: LinkAfter) -> Link | None:
        """The row's place in its day's chain and the right to store it; None when it is stored already.

        `link_after` gives the link that follows the chain's head. Raises `Unavailable` while another instance is
        storing the row.
        """
        with self._locks.hold(self._chain(table, row["created_at"]).id):
            return until_unchanged(lambda: self._try_place(table, row, link_after), self._clock, self._ids)

    def store(self, table: Table, row: Row, link: Link) -> None:
        """Put the row into BigQuery unless it is there, and note that it is."""
        full = {
            **row,
            **dict(zip(CHAIN_COLUMNS, (link.sequence, link.previous_hash, link.row_hash), strict=True)),
        }
        day = _day_start(row["created_at"])
        parameters = {name: (table.columns[name], value) for name, value in full.items()}
        bounds = {"day_start": ("TIMESTAMP", day), "day_end": ("TIMESTAMP", day + timedelta(days=1))}
        bigquery.query(self._warehouse, _merge(table), {**parameters, **bounds}, "record_event")
        with firestore.translated():
            self._link(table, row).update({"stored": True}, timeout=firestore.COMMIT_SECONDS)

    def rows(self, table: Table, day: datetime) -> list[Row]:
        """A day's rows in the order of their chain."""
        columns = ", ".join(table.columns)
        sql = (
            f"SELECT {columns} FROM `{table.dataset}.{table.name}` "  # noqa: S608 - names come from our schema files
            "WHERE created_at >= @day_start AND created_at < @day_end ORDER BY chain_sequence, event_id"
        )
        bounds = {"day_start": ("TIMESTAMP", day), "day_end": ("TIMESTAMP", day + timedelta(days=1))}
        return bigquery.query(self._warehouse, sql, bounds, "verify_audit")

    def head(self, table: Table, day: datetime) -> Head | None:
        seen = firestore.read(self._chain(table, day))
        return Head(seen.data["sequence"], seen.data["rowHash"]) if seen else None

    def pending(self, table: Table, day: datetime) -> dict[int, str]:
        """The links of a day whose rows are being stored, or wait for a redelivery: sequence → row hash."""
        from google.cloud.firestore import FieldFilter

        links = self._store.collection(LINKS).where(filter=FieldFilter("chain", "==", self._chain(table, day).id))
        with firestore.translated():
            found = [
                link.to_dict() or {}
                for link in firestore.counted(links.where(filter=FieldFilter("stored", "==", False)).stream())
            ]
        return {link["sequence"]: link["rowHash"] for link in found}

    def _try_place(self, table: Table, row: Row, link_after: LinkAfter) -> Link | None:
        seen = firestore.read(self._link(table, row))
        if seen is None:
            return self._new_place(table, row, link_after)
        if seen.data["stored"]:
            return None
        if self._clock.now() < seen.data["leaseUntil"]:
            raise Unavailable("Another delivery of this event is being stored.")
        batch = self._store.batch()
        firestore.put(batch, self._link(table, row), {**seen.data, "leaseUntil": self._clock.now() + LEASE}, seen)
        firestore.commit(batch)
        return Link(seen.data["sequence"], seen.data["previousHash"], seen.data["rowHash"])

    def _new_place(self, table: Table, row: Row, link_after: LinkAfter) -> Link:
        chain = self._chain(table, row["created_at"])
        seen = firestore.read(chain)
        link = link_after(Head(seen.data["sequence"], seen.data["rowHash"]) if seen else None, row)
        batch = self._store.batch()
        firestore.put(batch, chain, {"sequence": link.sequence, "rowHash": link.row_hash}, seen)
        firestore.put(batch, self._link(table, row), self._link_document(chain.id, link), None)
        firestore.commit(batch)
        return link

    def _link_document(self, chain: str, link: Link) -> dict[str, Any]:
        now = self._clock.now()
        return {
            "chain": chain,
            "sequence": link.sequence,
            "previousHash": link.previous_hash,
            "rowHash": link.row_hash,
            "stored": False,
            "leaseUntil": now + LEASE,
            "expireAt": now + LINK_KEPT,
        }

    def _chain(self, table: Table, day: datetime) -> Any:
        return self._store.collection(CHAINS).document(f"{table.full_name}:{day:%Y-%m-%d}")

    def _link(self, table: Table, row: Row) -> Any:
        return self._store.collection(LINKS).document(f"{table.full_name}:{row['event_id']}")


def _merge(table: Table) -> str:
    names = list(table.columns)
    values = ", ".join(f"@{name} AS {name}" for name in names)
    sources = ", ".join(f"source.{name}" for name in names)
    return (
        f"MERGE `{table.dataset}.{table.name}` AS target USING (SELECT {values}) AS source "  # noqa: S608
        "ON target.event_id = source.event_id AND target.created_at >= @day_start AND target.created_at < @day_end "
        f"WHEN NOT MATCHED THEN INSERT ({', '.join(names)}) VALUES ({sources})"
    )


def _day_start(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _table(schema: dict[str, Any]) -> Table:
    return Table(
        dataset=schema["dataset"],
        name=schema["table"],
        columns={column["name"]: _query_type(column["type"]) for column in schema["columns"]},
        required=frozenset(c["name"] for c in schema["columns"] if c["mode"] == "REQUIRED"),
        events=tuple(schema["events"]),
    )


def _query_type(kind: str) -> str:
    return {"INTEGER": "INT64", "BOOLEAN": "BOOL"}.get(kind, kind)
