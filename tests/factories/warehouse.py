"""The local BigQuery, behind the code's back: what somebody with write access could do to the trail."""

from __future__ import annotations

import os
from typing import Any

from google.cloud import bigquery

from local import provision
from shared.audit.models import Table


class Warehouse:
    """Statements on one project's tables."""

    def __init__(self, project: str) -> None:
        self.client = provision.warehouse(os.environ["BIGQUERY_EMULATOR_HOST"], project)

    def run(self, sql: str, **values: tuple[str, Any]) -> list[dict[str, Any]]:
        """`values`: name → (BigQuery type, value)."""
        parameters = [bigquery.ScalarQueryParameter(name, kind, value) for name, (kind, value) in values.items()]
        config = bigquery.QueryJobConfig(query_parameters=parameters)
        return [dict(row) for row in self.client.query_and_wait(sql, job_config=config)]

    def rows(self, table: str, where: str = "TRUE") -> list[dict[str, Any]]:
        """Of a table of the dataset commerce, in the order of the chain."""
        return self.run(f"SELECT * FROM `commerce.{table}` WHERE {where} ORDER BY created_at, chain_sequence")

    def change(self, table: Table, event: str, **values: Any) -> None:
        """Give columns of the row of an event other values."""
        changes = ", ".join(f"{column} = @{column}" for column in values)
        self.run(
            f"UPDATE `{table.dataset}.{table.name}` SET {changes} WHERE event_id = @event",
            **{column: (table.columns[column], value) for column, value in values.items()},
            event=("STRING", event),
        )

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        """Table → rows, of every table there is."""
        found = {}
        for dataset in self.client.list_datasets():
            for table in self.client.list_tables(dataset.reference):
                name = f"{table.dataset_id}.{table.table_id}"
                found[name] = self.run(f"SELECT * FROM `{name}`")
        return found
