"""BigQuery: record and analytics. It never decides a request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from shared.platform import tally
from shared.platform.errors import Unavailable

if TYPE_CHECKING:
    from google.cloud.bigquery import Client, QueryJobConfig

# Of a query that names a table.
LEAST_BYTES_BILLED = 10 * 1024**2
MAXIMUM_BYTES_BILLED = 1_000_000_000
# Shorter than any function's time-out, so that the caller gets an answer.
QUERY_SECONDS = 20.0
# What changes rows is asked for by jobs, which have minutes.
CHANGE_SECONDS = 120.0


def connect(project: str, location: str = "", emulator: str = "") -> Client:
    from google.cloud import bigquery

    if not emulator:
        return bigquery.Client(project=project, location=location or None)
    from google.auth.credentials import AnonymousCredentials

    # Unlike the Firestore and Pub/Sub clients, this one wants credentials even for an emulator.
    return bigquery.Client(project=project, credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]


def query(
    client: Client,
    sql: str,
    parameters: dict[str, tuple[str, Any]],
    label: str,
    seconds: float = QUERY_SECONDS,
    maximum_bytes_billed: int = MAXIMUM_BYTES_BILLED,
) -> list[dict[str, Any]]:
    """Run one parameterised statement; rows as dicts. `parameters`: name → (BigQuery type, value).

    Raises `Unavailable`, after about `seconds` when nothing answers. Every query is capped at `maximum_bytes_billed`
    and labelled with what asked for it.
    """
    from google.cloud.bigquery.retry import DEFAULT_JOB_RETRY

    with translated():
        rows = client.query_and_wait(
            sql,
            job_config=_config(parameters, label, maximum_bytes_billed),
            api_timeout=seconds,
            wait_timeout=seconds,
            retry=_retry(seconds),
            job_retry=DEFAULT_JOB_RETRY.with_timeout(seconds),
        )
        tally.add(billed=max(rows.total_bytes_processed or 0, LEAST_BYTES_BILLED))
        return [dict(row.items()) for row in rows]


def change(
    client: Client,
    sql: str,
    parameters: dict[str, tuple[str, Any]],
    label: str,
    seconds: float = CHANGE_SECONDS,
) -> int:
    """Run one statement, or a script, that changes rows; how many it inserted, updated or deleted.

    Otherwise as `query`, but as a job: the local BigQuery gives `query_and_wait` an empty answer for a statement that
    failed.
    """
    with translated():
        job = client.query(
            sql,
            job_config=_config(parameters, label),
            timeout=seconds,
            retry=_retry(seconds),
            job_retry=None,
        )
        job.result(timeout=seconds, retry=_retry(seconds), job_retry=None)
        tally.add(billed=max(job.total_bytes_billed or 0, LEAST_BYTES_BILLED))
        return int(job.num_dml_affected_rows or 0)


def load(client: Client, lines: bytes, table: str, columns: Sequence[dict[str, Any]], label: str) -> None:
    """Put rows (one JSON object a line) into a table by a load job; the table is made, or emptied first.

    `columns` as in infra/schemas. A load job is free, all or nothing, and has no streaming buffer that a MERGE would
    have to wait for. Raises `Unavailable`.
    """
    from io import BytesIO

    from google.cloud import bigquery

    config = bigquery.LoadJobConfig(
        schema=[bigquery.SchemaField.from_api_repr(column) for column in columns],
        source_format=bigquery.SourceFormat.NEWLINE_DELIMITED_JSON,
        write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
        labels={"source": label},
    )
    with translated():
        # Sent in one request: what fails is sent again as a whole by whoever wanted it.
        job = client.load_table_from_file(
            BytesIO(lines), f"{client.project}.{table}", size=len(lines), job_config=config, num_retries=2
        )
        job.result(timeout=CHANGE_SECONDS)


def drop(client: Client, table: str) -> None:
    """Delete a table that may not be there. Raises `Unavailable`."""
    with translated():
        client.delete_table(f"{client.project}.{table}", not_found_ok=True, timeout=QUERY_SECONDS)


def dry_run(client: Client, sql: str, parameters: dict[str, tuple[str, Any]], label: str, seconds: float) -> int:
    """Bytes that the statement would read. It bills nothing. Raises `Unavailable`."""
    config = _config(parameters, label)
    config.dry_run = True
    with translated():
        job = client.query(sql, job_config=config, timeout=seconds, retry=_retry(seconds), job_retry=None)
        return int(job.total_bytes_processed or 0)


def _config(
    parameters: dict[str, tuple[str, Any]], label: str, maximum_bytes_billed: int = MAXIMUM_BYTES_BILLED
) -> QueryJobConfig:
    from google.cloud import bigquery

    return bigquery.QueryJobConfig(
        query_parameters=[_parameter(name, kind, value) for name, (kind, value) in parameters.items()],
        maximum_bytes_billed=maximum_bytes_billed,
        labels={"source": label},
    )


def _parameter(name: str, kind: str, value: Any) -> Any:
    """`ARRAY<STRING>` for a list of texts."""
    from google.cloud import bigquery

    if kind.startswith("ARRAY<"):
        return bigquery.ArrayQueryParameter(name, kind[len("ARRAY<") : -1], value)
    return bigquery.ScalarQueryParameter(name, kind, value)


def _retry(seconds: float) -> Any:
    """The client's own retries go on for ten minutes."""
    from google.cloud import bigquery

    return bigquery.DEFAULT_RETRY.with_timeout(seconds)


def probe(client: Client, timeout: float) -> None:
    """One dry run. Raises `Unavailable` when it is not answered in about `timeout` seconds.

    It bills nothing, reads no table and needs no permission beyond that to run queries (roles/bigquery.jobUser).
    """
    from google.cloud import bigquery

    config = bigquery.QueryJobConfig(dry_run=True)
    with translated():
        client.query("SELECT 1", job_config=config, timeout=timeout, retry=None, job_retry=None)


@contextmanager
def translated() -> Iterator[None]:
    """Failure policy: a warehouse that does not answer is `Unavailable`; nothing is guessed in its place."""
    import requests
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError

    try:
        yield
    except (GoogleAPIError, GoogleAuthError, requests.RequestException, TimeoutError) as error:
        raise Unavailable("The data warehouse does not answer. Try again in a moment.") from error
