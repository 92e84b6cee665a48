"""How many query sets many callers cost: 64 at once on a cold cache, and an hour of polling."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from google.cloud import bigquery, firestore

from bench import load
from bench.query_sets import ENDPOINTS
from bench.servers import OURS, Server, first_answer, serve
from shared.analytics.dashboard import SET
from tests.factories.clock_file import ClockFile

DASHBOARD = ENDPOINTS[0]
INSTANCES, CALLERS = 4, 64
POLLS, SECONDS_APART = 720, 5
# Each sync that changes rows gives the data a new version.
SYNCS = 4


class Jobs:
    """The query jobs of a project in the local BigQuery, which keeps no labels: counted by their text."""

    def __init__(self, client: bigquery.Client) -> None:
        self._client = client

    def dashboards(self) -> int:
        """How often the dashboard's first query was run. Dry runs, of each instance's first load, read nothing."""
        # One page: it has no second one.
        listed = self._client.list_jobs(page_size=1_000_000)
        return sum(getattr(job, "query", "") == SET[0].sql and not job.dry_run for job in listed)


def at_once(jobs: Jobs, store: firestore.Client, variables: dict[str, str], headers, folder: Path) -> dict[str, float]:
    """64 requests over several instances on an absent entry: query sets, and ms until the last answer."""
    with contextlib.ExitStack() as stack:
        instances = [stack.enter_context(serve(DASHBOARD.target, OURS, variables, folder)) for _ in range(INSTANCES)]
        for instance in instances:
            first_answer(instance, DASHBOARD.path, headers, None)
        forget(store)
        before, started = jobs.dashboards(), perf_counter()
        asked = [load.request("GET", DASHBOARD.path, headers)] * (CALLERS // INSTANCES)
        with ThreadPoolExecutor(INSTANCES) as threads:
            results = list(threads.map(lambda instance: load.run(instance.port, asked, len(asked)), instances))
        elapsed = (perf_counter() - started) * 1000
        if any(set(result.statuses) != {200} for result in results):
            raise RuntimeError(f"statuses {[result.statuses for result in results]}")
        return {"sets": jobs.dashboards() - before, "ms": elapsed}


def polling(jobs: Jobs, store: firestore.Client, variables: dict[str, str], headers, folder: Path) -> dict[str, int]:
    """Query sets of two hours of polling every 5 s, the first without a sync, the second with one each 15 minutes."""
    clock = noon(folder)
    forget(store)
    with serve(DASHBOARD.target, OURS, {**variables, "CLOCK_FILE": str(clock.path)}, folder) as server:
        first_answer(server, DASHBOARD.path, headers, None)
        forget(store)
        before = jobs.dashboards()
        _poll(server, clock, headers, POLLS)
        quiet = jobs.dashboards()
        for number in range(SYNCS):
            change_data(store, f"polling-{number}")
            _poll(server, clock, headers, POLLS // SYNCS)
        return {"quiet": quiet - before, "busy": jobs.dashboards() - quiet}


def _poll(server: Server, clock: ClockFile, headers: dict[str, str], count: int) -> None:
    with connection(server) as asking:
        for _ in range(count):
            asking.request("GET", DASHBOARD.path, headers=headers)
            answer = asking.getresponse()
            answer.read()
            if answer.status != 200:
                raise RuntimeError(f"polling: {answer.status}")
            clock.advance(seconds=SECONDS_APART)


@contextlib.contextmanager
def connection(server: Server) -> Iterator[http.client.HTTPConnection]:
    asking = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        yield asking
    finally:
        asking.close()


def noon(folder: Path) -> ClockFile:
    """A clock that stands before noon in the store's zone, so that no store day ends meanwhile."""
    now = datetime.now(UTC)
    clock = ClockFile(folder / "clock.json", now.replace(hour=17, minute=0, second=0) - now)
    clock.advance()
    return clock


def change_data(store: firestore.Client, version: str) -> None:
    """As a sync leaves it that has changed rows."""
    for source in ("square", "lightspeed"):
        store.collection("sync_sources").document(source).set({"dataVersion": version, "mode": "live"})


def forget(store: firestore.Client) -> None:
    """No entry is there, as on the first day."""
    for collection in ("cache_entries", "cache_parts"):
        for document in store.collection(collection).list_documents():
            document.delete()
