"""Copy a source into BigQuery from the command line: `python -m tools.sync square --backfill 2y`.

The same code as the deployed function, in one process: months side by side, a progress bar, and resumable. Ctrl-C
keeps what is done; the same command goes on from there.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from shared.integrations.sources import connect
from shared.platform.context import Platform
from shared.platform.errors import Failure, Misconfigured
from shared.platform.settings import Settings
from shared.pos.models import BACKFILL, DONE, FULL, INCREMENTAL, SOURCES, Job
from shared.pos.service import SyncService
from shared.pos.status import StatusService

SIDE_BY_SIDE = 4
BAR = 30


class Bar:
    """Windows done, rows read, rows a second; one line on a terminal, a line every ten seconds elsewhere."""

    def __init__(self, platform: Platform, source: str) -> None:
        self._platform = platform
        self._source = source
        self._rows = 0
        self._windows = 0, 0
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._draw_again, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._draw("\n")

    def seen(self, rows: int) -> None:
        with self._lock:
            self._rows += rows

    def ended(self, job: Job) -> None:
        """The source has let go of the job: its windows are these."""
        self._windows = job.windows_done, job.windows

    def _draw_again(self) -> None:
        terminal = sys.stderr.isatty()
        while not self._ended.wait(0.5 if terminal else 10):
            self._draw("" if terminal else "\n")

    def _draw(self, end: str) -> None:
        active = StatusService(self._platform).progress(self._source)
        done, total = self._windows = active if active[1] else self._windows
        filled = BAR * done // total if total else 0
        seconds = max(0.001, time.monotonic() - self._started)
        print(
            f"\r{self._source} [{'#' * filled}{'.' * (BAR - filled)}] {done}/{total} windows, {self._rows:,} rows, "
            f"{self._rows / seconds:,.0f} rows/s, {seconds:.0f} s ",
            end=end,
            file=sys.stderr,
            flush=True,
        )


def main(arguments: list[str]) -> int:
    """0: green. 1: it failed, or the certificate is red. 130: interrupted."""
    options = _options(arguments)
    try:
        platform = Platform.start(Settings.load())
        job = _run(platform, options)
    except (Failure, Misconfigured) as error:
        print(f"sync: {getattr(error, 'sentence', error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nsync: interrupted. The same command goes on where this one ended.", file=sys.stderr)
        return 130
    return _report(platform, job)


def _run(platform: Platform, options: argparse.Namespace) -> Job:
    mode = BACKFILL if options.backfill else FULL if options.full else INCREMENTAL
    start = options.backfill or options.full or ""
    service = SyncService(platform, connect)
    with Bar(platform, options.source) as bar:
        job = service.run_here(
            options.source, mode, start, options.to, bar.seen, options.windows, resume=options.resume
        )
        bar.ended(job)
        return job


def _report(platform: Platform, job: Job) -> int:
    shown = StatusService(platform).job(job.id)
    for stream in shown["streams"]:
        counted = f"{stream['rowsSeen']:>10,} read {stream['rowsWritten']:>10,} changed"
        print(f"{stream['stream']:24} {counted}  {_verdict(stream)}")
        for found in (stream["certificate"] or {}).get("differences", []):
            print(f"    {found['location']} {found['day']}: source {found['source']}, warehouse {found['warehouse']}")
    if shown["error"]:
        print(f"sync: {shown['error']['message']}", file=sys.stderr)
    red = any(stream["certificate"] and not stream["certificate"]["green"] for stream in shown["streams"])
    return 0 if job.status == DONE and not red else 1


def _verdict(stream: dict[str, object]) -> str:
    failure, found = stream["error"], stream["certificate"]
    if isinstance(failure, Mapping):
        return f"FAILED: {failure['message']}"
    if not isinstance(found, dict):
        return "nothing changed, nothing to compare"
    colour = "green" if found["green"] else "RED"
    return f"certificate {colour}: {found['rows']:,} rows, {found['cents']:,} cents in {found['places']} places"


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="sync", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("source", choices=SOURCES)
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--backfill", metavar="FROM", help="all that was made since: 2y, P30D, 2025-01-31")
    chosen.add_argument("--full", metavar="FROM", help="all that was made or changed since")
    parser.add_argument("--to", default="", metavar="TO", help="... and before")
    parser.add_argument(
        "--windows", type=int, choices=range(1, 17), default=SIDE_BY_SIDE, metavar="N", help="months read side by side"
    )
    parser.add_argument("--resume", action="store_true", help="go on with a run whose process is dead for certain")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
