"""The tables that infra/schemas declares, and what BigQuery is told to make of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from google.cloud.bigquery import Table

SCHEMAS = Path(__file__).parents[2] / "infra" / "schemas"
MILLISECONDS_A_DAY = 24 * 3600 * 1000
# One file of infra/schemas.
Schema = dict[str, Any]


def declared() -> dict[str, Schema]:
    """`<dataset>.<table>` → its file."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(SCHEMAS.glob("*.json"))]
    return {f"{schema['dataset']}.{schema['table']}": schema for schema in found}


def definition(project: str, schema: Schema, name: str = "") -> Table:
    """The table to create. `name` (within the dataset): another one than the schema's."""
    from google.cloud import bigquery

    table = bigquery.Table(
        f"{project}.{schema['dataset']}.{name or schema['table']}",
        schema=[bigquery.SchemaField.from_api_repr(column) for column in schema["columns"]],
    )
    table.description = schema["description"]
    table.clustering_fields = schema.get("clustering")
    if partitioning := schema.get("partitioning"):
        days = partitioning.get("expirationDays")
        table.time_partitioning = bigquery.TimePartitioning(
            type_=partitioning["type"],
            field=partitioning["field"],
            expiration_ms=days * MILLISECONDS_A_DAY if days else None,
        )
        table.require_partition_filter = partitioning.get("requirePartitionFilter", False)
    return table
