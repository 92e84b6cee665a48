"""The local BigQuery: `python -m local.bigquery_launcher start --rest-port 9050 ...`.

bqemulator's own command line (same options, same exit codes), to be run in the tools environment,
with the changes that it needs to start without network and to keep up with this project's writes.
"""

from __future__ import annotations

import os
from typing import Any

import duckdb
from bqemulator.api.routes import upload
from bqemulator.cli import main
from bqemulator.observability.logging_ import get_logger
from bqemulator.storage.engine import DuckDBEngine
from bqemulator.versioning.snapshots import SnapshotManager

from local import bigquery_once

_log = get_logger(__name__)
_capture = SnapshotManager.capture


def load_spatial_if_present(engine: Any) -> None:
    """Load DuckDB's spatial extension where the machine has it, and go on without it elsewhere.

    The original downloads it and refuses to start when it cannot. Only GEOGRAPHY functions need it.
    """
    try:
        engine.connection.execute("LOAD spatial")
    except duckdb.Error:
        _log.info("spatial extension not installed: ST_* functions will fail")


def capture_on_demand(snapshots: Any, project: str, dataset: str, table: str, *, kind: str = "AUTO") -> Any | None:
    """Capture a snapshot that SQL asked for (`CREATE SNAPSHOT TABLE`); skip the automatic ones.

    The original copies the whole table after every write, so that inserts slow down as a table grows
    and memory with them. The price: `FOR SYSTEM_TIME AS OF` reads the present.
    """
    return None if kind == "AUTO" else _capture(snapshots, project, dataset, table, kind=kind)


def apply_patches() -> None:
    """Change bqemulator in this process. Idempotent; call before its server is built."""
    # The original downloads DuckDB's avro extension at every start. Nothing here loads avro files.
    os.environ.setdefault("BQEMU_ENABLE_FORMAT_EXTENSIONS", "false")
    DuckDBEngine._load_spatial = load_spatial_if_present
    SnapshotManager.capture = capture_on_demand
    bigquery_once.apply_patches()
    # Google's client uploads rows as `*/*`, which the service takes and the original answers with 400.
    if "*/*" not in upload._PERMITTED_MEDIA_CONTENT_TYPES:
        upload._PERMITTED_MEDIA_CONTENT_TYPES += ("*/*",)


if __name__ == "__main__":
    apply_patches()
    main()
