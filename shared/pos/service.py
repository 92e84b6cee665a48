"""The sync: what a trigger, a message and a webhook start, and how a run ends.

Failure policy of a run, by what stopped it:
credentials refused                                  the run fails, its streams say so, one alert; nobody retries
scope missing, suddenly empty                        likewise, but only the stream that meets it: the others go on
429, 5xx, no answer after all retries                the checkpoint stays, the message fails, Pub/Sub delivers it again
the time is nearly over                              a continuation message goes on where it ended
the process dies                                     the message comes again when the lease is over
source and warehouse differ after the repair         the run ends, red, with an alert
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress

from shared.platform.context import Platform
from shared.platform.errors import Failure, SourceUnavailable, Unavailable
from shared.platform.tally import carried
from shared.pos import rules
from shared.pos.endings import Endings
from shared.pos.errors import SourceFailure, SourceRefused, SuddenlyEmpty
from shared.pos.models import MOCK, OBJECTS, UPDATED, Counters, Job, Progress, Slice, Window
from shared.pos.ports import Source
from shared.pos.reader import Reader, chunk_of
from shared.pos.repository import SyncRepository
from shared.pos.requests import SyncRequest
from shared.pos.trigger import already_running, new_job
from shared.pos.warehouse import Warehouse
from shared.pos.windows import Run, WindowRun

Connect = Callable[[Platform, str], Source]
# Long before the function's own time-out: a slice that has begun is read to its end.
BUDGET_SECONDS = 360.0
MOST_RESUMED = 3

log = logging.getLogger(__name__)


class SyncService:
    """`connect` gives a source by its name, a new one for each run."""

    def __init__(self, platform: Platform, connect: Connect) -> None:
        self._platform = platform
        self._connect = connect
        self._parallel = max(1, platform.settings.square_parallel)
        self._repository = SyncRepository(platform.firestore, platform.outbox, platform.clock, platform.ids)
        self._endings = Endings(self._repository, platform.clock, platform.ids, platform.metrics)

    def handle(self, request: SyncRequest) -> None:
        """One message. Raises `Unavailable` to be called again."""
        if request.mode == OBJECTS:
            self._objects(request)
        elif request.window:
            self._continue(request)
        else:
            self._start(request)

    def run_here(
        self,
        source: str,
        mode: str,
        start: str,
        end: str,
        seen: Callable[[int], None],
        side_by_side: int,
        *,
        resume: bool = False,
    ) -> Job:
        """A whole run in this process, `side_by_side` windows at once: the command line.

        A run that everybody left is gone on with; `resume`: also one that somebody seems to work on. `seen` is told how
        many rows were read. Raises `AlreadyRunning`, and what stopped the run.
        """
        job = new_job(self._platform.ids.new("job"), source, mode, start, end, self._platform.clock.now())
        other = self._repository.claim(job)
        if other:
            if not (resume or self._repository.abandoned(source)):
                raise already_running(source, other)
            job = self._repository.job(other) or job
            log.info("sync_resumed", extra={"source": source, "job": job.id})
        try:
            self._run_all(job, seen, side_by_side, by_force=resume)
        except BaseException:
            self._repository.note_source(source, {"claimedUntil": self._platform.clock.now()})
            raise
        return self._repository.job(job.id) or job

    def _run_all(self, job: Job, seen: Callable[[int], None], side_by_side: int, *, by_force: bool) -> None:
        source = self._connect(self._platform, job.source)
        if not self._forbidden(job, source):
            job, windows = self._planned(job, source)
            names = [window.id for window in windows]
            self._work(job, source, names, never, seen, side_by_side, by_force=by_force)

    # --- a run

    def _start(self, request: SyncRequest) -> None:
        # A message that comes twice is the same run: its id names it.
        job = self._repository.job(request.job) if request.job else None
        if job is None:
            job_id = request.job or f"job_{request.id}"
            job = self._repository.job(job_id) or new_job(
                job_id, request.source, request.mode, request.start, request.end, self._platform.clock.now()
            )
        if job.over:
            return
        other = self._repository.claim(job)
        if other:
            self._leave_to(other, request.source)
            return
        self._run_or_hand_out(job)

    def _run_or_hand_out(self, job: Job) -> None:
        """What changed since the watermark is small and read here; months are handed out, one message each."""
        source = self._connect(self._platform, job.source)
        if self._forbidden(job, source):
            return
        job, windows = self._planned(job, source)
        if all(window.recent for window in windows):
            self._work(job, source, [window.id for window in windows], self._out_of_time(), ignored, len(windows))
        else:
            self._hand_out(job, source)

    def _hand_out(self, job: Job, source: Source) -> None:
        """Failure policy: what dies in here is begun again by the message's redelivery; a window sent twice is one."""
        waiting = [self._continuation(job, window) for window in self._repository.pending(job.id)]
        if waiting:
            self._platform.publisher.publish(waiting[0].topic, [request.message() for request in waiting])
        else:
            self._endings.completed(job, source)

    def _forbidden(self, job: Job, source: Source) -> bool:
        """Made-up rows never reach a production dataset: there the run ends before it begins."""
        if source.mode != MOCK or self._platform.settings.sandbox:
            return False
        self._endings.without_credentials(job, source)
        return True

    def _continuation(self, job: Job, window: Window) -> SyncRequest:
        return SyncRequest(
            id=self._platform.ids.new("evt"), source=job.source, mode=job.mode, job=job.id, window=window.id
        )

    def _leave_to(self, other: str, source: str) -> None:
        """Another run has the source: this one is not needed. One that everybody left is taken up again."""
        log.info("already_running", extra={"source": source, "job": other})
        job = self._repository.job(other)
        if job is None or not self._repository.abandoned(source):
            return
        if self._repository.resume(other) > MOST_RESUMED:
            failure = SourceUnavailable(f"The run {other} was left {MOST_RESUMED} times before it ended.")
            self._endings.failed(job, self._connect(self._platform, source).streams, failure)
            return
        log.warning("sync_resumed", extra={"source": source, "job": other})
        self._run_or_hand_out(job)

    def _planned(self, job: Job, source: Source) -> tuple[Job, list[Window]]:
        """The job as it runs now, and its windows."""
        names = [stream.name for stream in source.streams]
        if not job.windows:
            states = self._repository.states(names)
            # What was made up counts for nothing once the source is real.
            kept = {n: s.get("watermark") if s.get("mode") == source.mode else None for n, s in states.items()}
            self._repository.begin(job, source.mode, rules.plan(job, source.streams, kept))
            self._repository.note(
                names,
                {"source": job.source, "state": "running", "job": job.id, "startedAt": self._platform.clock.now()},
            )
        begun = self._repository.job(job.id) or job
        return begun, [window for window, _, _ in self._repository.windows(job.id)]

    def _continue(self, request: SyncRequest) -> None:
        job = self._repository.job(request.job)
        if job is None or job.over:
            log.info("window_not_needed", extra={"job": request.job, "window": request.window})
            return
        source = self._connect(self._platform, job.source)
        self._work(job, source, [request.window], self._out_of_time(), ignored, 1)

    def _work(
        self,
        job: Job,
        source: Source,
        windows: Sequence[str],
        out_of_time: Callable[[], bool],
        seen: Callable[[int], None],
        side_by_side: int,
        *,
        by_force: bool = False,
    ) -> None:
        reader = Reader(source, self._parallel, side_by_side)
        run = Run(
            job=job,
            source=source,
            reader=reader,
            warehouse=Warehouse(self._platform.bigquery, self._platform.ids),
            repository=self._repository,
            clock=self._platform.clock,
            owner=self._platform.ids.new("run"),
            out_of_time=out_of_time,
            seen=seen,
            by_force=by_force,
        )
        try:
            self._forget_mock(job, run)
            self._side_by_side(run, windows, side_by_side)
        except SourceFailure as failure:
            self._endings.failed(job, source.streams, failure)
        except SourceUnavailable as failure:
            self._endings.postponed(job, source.streams, failure)
            raise
        else:
            self._endings.completed(job, source)
        finally:
            reader.close()

    def _side_by_side(self, run: Run, windows: Sequence[str], count: int) -> None:
        """The first failure ends it: windows that have begun go on to their end, the others are not begun."""
        with ThreadPoolExecutor(max(1, count), thread_name_prefix="window") as pool:
            futures = [pool.submit(carried(self._window), run, name) for name in windows]
            try:
                for future in as_completed(futures):
                    future.result()
            except BaseException:
                for other in futures:
                    other.cancel()
                raise

    def _window(self, run: Run, window_id: str) -> None:
        taken = self._repository.take(window_id, run.owner, by_force=run.by_force)
        if taken is None:
            return
        window, progress = taken
        try:
            ended = self._window_run(run, window, progress)
        except (SourceRefused, SuddenlyEmpty) as failure:
            # Its stream's alone: a missing scope for customers must not hold up the payments.
            log.error("window_failed", extra={"job": run.job.id, "window": window.id, "code": failure.code})
            self._repository.fail(window, {"code": failure.code, "message": failure.sentence}, run.owner)
            return
        except Failure:
            # The next try need not wait for the lease.
            with suppress(Unavailable):
                self._repository.release(window, run.owner, [])
            raise
        if ended is None:
            log.info("sync_handed_on", extra={"job": run.job.id, "window": window.id})
            self._repository.release(window, run.owner, [self._continuation(run.job, window)])
            return
        self._repository.done(window, ended, run.owner)

    def _window_run(self, run: Run, window: Window, progress: Progress) -> Progress | None:
        stream = next(stream for stream in run.source.streams if stream.name == window.stream)
        return WindowRun(run, window, stream, progress).run()

    def _forget_mock(self, job: Job, run: Run) -> None:
        """Real rows take the place of made-up ones."""
        if run.source.mode == MOCK:
            return
        states = self._repository.states([stream.name for stream in run.source.streams])
        for stream in run.source.streams:
            if states[stream.name].get("mode") == MOCK:
                run.warehouse.forget_mock(stream)

    # --- single records

    def _objects(self, request: SyncRequest) -> None:
        """Records that a webhook named, as they are now: whatever order webhooks come in, the newest stays."""
        source = self._connect(self._platform, request.source)
        stream = next((stream for stream in source.streams if stream.name == request.stream), None)
        if stream is None:
            raise ValueError(f"There is no stream {request.stream!r} in {request.source}.")
        warehouse, at = Warehouse(self._platform.bigquery, self._platform.ids), self._platform.clock.now()
        try:
            chunk = chunk_of(stream, Slice(UPDATED, at, at), source.objects(stream, request.ids))
        except SourceFailure as failure:
            self._endings.noticed(request.source, [stream], failure)
            return
        if chunk.rejects:
            warehouse.reject(stream, chunk.rejects, request.id, at)
        changed = warehouse.merge(stream, chunk.lines, chunk.first, chunk.last) if chunk.rows else 0
        self._endings.objects(request, source, Counters(seen=chunk.rows, written=changed))

    # --- small things

    def _out_of_time(self) -> Callable[[], bool]:
        end = self._platform.clock.monotonic() + BUDGET_SECONDS
        return lambda: self._platform.clock.monotonic() > end


def never() -> bool:
    return False


def ignored(rows: int) -> None:
    """Nobody watches."""
