"""BigQuery: record and analytics. It never decides a request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from shared.platform.errors import Unavailable

if TYPE_CHECKING:
    from google.cloud.bigquery import Client

MAXIMUM_BYTES_BILLED = 1_000_000_000
# Shorter than any function's time-out, so that the caller gets an answer.
QUERY_SECONDS = 20.0


def connect(project: str, emulator: str = "") -> Client:
    from google.cloud import bigquery

    if not emulator:
        return bigquery.Client(project=project)
    from google.auth.credentials import AnonymousCredentials

    # Unlike the Firestore and Pub/Sub clients, this one wants credentials even for an emulator.
    return bigquery.Client(project=project, credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]


def query(
    client: Client,
    sql: str,
    parameters: dict[str, tuple[str, Any]],
    label: str,
    seconds: float = QUERY_SECONDS,
) -> list[dict[str, Any]]:
    """Run one parameterised statement; rows as dicts. `parameters`: name → (BigQuery type, value).

    Raises `Unavailable`, after about `seconds` when nothing answers. Every query is capped at MAXIMUM_BYTES_BILLED and
    labelled with what asked for it.
    """
    from google.cloud import bigquery
    from google.cloud.bigquery.retry import DEFAULT_JOB_RETRY

    config = bigquery.QueryJobConfig(
        query_parameters=[bigquery.ScalarQueryParameter(n, kind, value) for n, (kind, value) in parameters.items()],
        maximum_bytes_billed=MAXIMUM_BYTES_BILLED,
        labels={"source": label},
    )
    with translated():
        rows = client.query_and_wait(
            sql,
            job_config=config,
            api_timeout=seconds,
            wait_timeout=seconds,
            # The client's own retries go on for ten minutes.
            retry=bigquery.DEFAULT_RETRY.with_timeout(seconds),
            job_retry=DEFAULT_JOB_RETRY.with_timeout(seconds),
        )
        return [dict(row.items()) for row in rows]


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
