"""How a run ends: the states of its streams, what is told to the house, and who is alerted.

An alert goes out when a stream's state turns bad, and when it is well again; not at every run in between.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from shared.platform.clock import Clock
from shared.platform.errors import Failure
from shared.platform.ids import Ids
from shared.platform.metrics import Metrics
from shared.platform.outbox import Outgoing
from shared.pos import documents, events, rules
from shared.pos.errors import AuthFailed
from shared.pos.models import DONE, FAILED, Counters, Job, Stream
from shared.pos.outcome import Outcome
from shared.pos.ports import Source
from shared.pos.repository import State, SyncRepository
from shared.pos.requests import SyncRequest

IDLE, RED, RETRYING = "idle", "red", "retrying"
BAD = ("auth_failed", "failed", RED)
NO_COUNTERS = Counters()

log = logging.getLogger(__name__)


class Endings:
    """Writes the end of runs."""

    def __init__(self, repository: SyncRepository, clock: Clock, ids: Ids, metrics: Metrics) -> None:
        self._repository = repository
        self._clock = clock
        self._ids = ids
        self._metrics = metrics

    def completed(self, job: Job, source: Source) -> None:
        """Once all windows are done; before that, and again after it, nothing."""
        found = self._repository.job(job.id)
        if found is None or found.over or found.windows_done < found.windows:
            return
        outcome = Outcome(self._repository.windows(job.id))
        before: dict[str, State] = {}

        def states(known: Mapping[str, State]) -> dict[str, State]:
            before.update(known)
            return {name: self._ended(found, outcome, name, state) for name, state in known.items()}

        error = next(iter(outcome.failures.values()), None)
        ended = self._repository.end(
            found,
            FAILED if error else DONE,
            states,
            list(outcome.counters),
            lambda: self._told(found, outcome, before),
            error=error,
            changed_rows=outcome.total.written > 0,
            horizon=outcome.horizon,
        )
        if ended and error:
            self._note_failed(found, error["code"])
        elif ended:
            self._metrics.count("sync_runs")
            state = RED if outcome.differences else IDLE
            log.info(
                "sync_finished", extra={"source": found.source, "mode": found.mode, "job": found.id, "state": state}
            )

    def failed(self, job: Job, streams: Sequence[Stream], failure: Failure) -> None:
        """Nobody tries again before the next schedule: the source will say the same."""
        before: dict[str, State] = {}
        state = failure.code if isinstance(failure, AuthFailed) else FAILED

        def states(known: Mapping[str, State]) -> dict[str, State]:
            before.update(known)
            return {name: self._failed(job, state, error, old) for name, old in known.items()}

        def outgoing() -> list[Outgoing]:
            report = self._report(job, Counters(), green=False, differences=0, code=failure.code)
            told: list[Outgoing] = [events.failed(self._event_id(), self._clock.now(), job.request_id, report)]
            return told + ([self._alert(job, failure.code, failure.sentence)] if _turned(before, state) else [])

        error = _error(failure)
        names = [stream.name for stream in streams]
        # What it wrote before it failed is in the tables: what is cached of them is old.
        wrote = Outcome(self._repository.windows(job.id)).total.written > 0
        if self._repository.end(job, FAILED, states, names, outgoing, error=error, changed_rows=wrote):
            self._note_failed(job, failure.code)

    def _note_failed(self, job: Job, code: str) -> None:
        self._metrics.count("sync_runs")
        self._metrics.count("sync_failures")
        log.error("sync_failed", extra={"source": job.source, "mode": job.mode, "job": job.id, "code": code})

    def postponed(self, job: Job, streams: Sequence[Stream], failure: Failure) -> None:
        """The message comes again; until then the status page says why nothing happens."""
        names, error = [stream.name for stream in streams], self._dated(_error(failure))
        self._repository.note(names, {"state": RETRYING, "lastError": error})
        log.warning("sync_postponed", extra={"source": job.source, "job": job.id, "code": failure.code})

    def without_credentials(self, job: Job, source: Source) -> None:
        """In production nothing is made up: the run ends and says that it did nothing."""
        states = {"mode": source.mode, "state": IDLE, "source": source.name}
        names = [stream.name for stream in source.streams]
        self._repository.end(job, DONE, lambda known: {n: {**s, **states} for n, s in known.items()}, names, list)
        log.warning("sync_without_credentials", extra={"source": source.name, "job": job.id})

    def objects(self, request: SyncRequest, source: Source, counters: Counters) -> None:
        """Single records are in the tables: what is cached of them is old."""
        if counters.written:
            self._repository.note_source(source.name, {"dataVersion": request.id})
        log.info("sync_objects", extra={"source": source.name, "seen": counters.seen, "written": counters.written})

    def noticed(self, source: str, streams: Sequence[Stream], failure: Failure) -> None:
        """A webhook's record cannot be read: the next increment meets the same failure, and alerts."""
        self._repository.note([stream.name for stream in streams], {"lastError": self._dated(_error(failure))})
        log.error("sync_failed", extra={"source": source, "mode": "objects", "code": failure.code})

    def _ended(self, job: Job, outcome: Outcome, name: str, state: State) -> State:
        certificate, counters = outcome.certificates[name], outcome.counters[name]
        if name in outcome.failures:
            return self._failed(job, FAILED, outcome.failures[name], state, counters)
        shown = documents.of_certificate(certificate) if certificate else state.get("certificate")
        newest_day = certificate.newest_day if certificate else ""
        kept = state if state.get("mode") == job.sync_mode else {}
        return {
            **self._common(job, counters),
            "state": outcome_of(shown),
            "outcome": outcome_of(shown),
            "watermark": rules.watermark_after(job, kept.get("watermark")),
            "lastError": None,
            "failures": 0,
            "certificate": shown,
            "newestDay": newest_day or kept.get("newestDay", ""),
        }

    def _failed(
        self, job: Job, state: str, error: Mapping[str, str], old: State, counters: Counters = NO_COUNTERS
    ) -> State:
        changes = {
            "state": state,
            "outcome": state,
            "lastError": self._dated(error),
            "failures": old.get("failures", 0) + 1,
        }
        return {**old, **self._common(job, counters), **changes}

    def _common(self, job: Job, counters: Counters) -> dict[str, Any]:
        return {
            "source": job.source,
            "mode": job.sync_mode,
            "job": job.id,
            "rowsSeen": counters.seen,
            "rowsWritten": counters.written,
            "rowsRejected": counters.rejected,
            "changedLate": counters.changed_late,
            "pages": counters.pages,
            "retries": counters.retries,
            "startedAt": job.started_at or job.created_at,
            "finishedAt": self._clock.now(),
        }

    def _told(self, job: Job, outcome: Outcome, before: Mapping[str, State]) -> list[Outgoing]:
        total, differences, failures = outcome.total, outcome.differences, outcome.failures
        was_bad = any(state.get("outcome") in BAD for state in before.values())
        told: list[Outgoing] = []
        if failures:
            error = next(iter(failures.values()))
            report = self._report(job, total, green=False, differences=differences, code=error["code"])
            told.append(events.failed(self._event_id(), self._clock.now(), job.request_id, report))
            if _turned({name: before[name] for name in failures}, FAILED):
                text = f"{error['message']} Streams that failed: {', '.join(failures)}."
                told.append(self._alert(job, error["code"], text))
        elif total.written or differences or was_bad or total.rejected:
            report = self._report(job, total, green=not differences, differences=differences, code=None)
            told.append(events.completed(self._event_id(), self._clock.now(), job.request_id, report))
        red = [name for name, found in outcome.certificates.items() if found and not found.green]
        if _turned({name: before[name] for name in red}, RED):
            told.append(self._red_alert(job, outcome))
        if was_bad and not differences and not failures:
            told.append(self._well_again(job))
        return told

    def _report(
        self, job: Job, total: Counters, *, green: bool, differences: int, code: str | None
    ) -> events.RunReport:
        return events.RunReport(
            job_id=job.id,
            source=job.source,
            mode=job.mode,
            sync_mode=job.sync_mode,
            rows_seen=total.seen,
            rows_written=total.written,
            rows_rejected=total.rejected,
            changed_late=total.changed_late,
            pages=total.pages,
            retries=total.retries,
            certificate_green=green,
            differences=differences,
            code=code,
            started_at=job.started_at or job.created_at,
            finished_at=self._clock.now(),
        )

    def _alert(self, job: Job, code: str, message: str) -> Outgoing:
        return self._alerted(job, f"Sync of {job.source} failed: {code}", message, code)

    def _red_alert(self, job: Job, outcome: Outcome) -> Outgoing:
        found = [difference for c in outcome.certificates.values() if c for difference in c.differences]
        shown = "; ".join(
            f"{d.stream} {d.location} {d.day}: source {d.source.count} rows {d.source.cents} cents, "
            f"warehouse {d.warehouse.count} rows {d.warehouse.cents} cents"
            for d in found[:5]
        )
        text = (
            f"{outcome.differences} places differ after the repair: {shown}. See docs/square.md, 'A red certificate'."
        )
        return self._alerted(job, f"Certificate of {job.source} is red", text, RED, outcome.differences)

    def _well_again(self, job: Job) -> Outgoing:
        text = "The last run ended without a failure and with a green certificate."
        return self._alerted(job, f"Sync of {job.source} is well again", text, "resolved", 0, over=True)

    def _alerted(
        self, job: Job, title: str, message: str, code: str, value: float = 1, *, over: bool = False
    ) -> Outgoing:
        return events.alert(
            self._event_id(),
            self._clock.now(),
            job.request_id,
            severity="critical",
            title=title,
            message=message,
            tags=f"sync,{job.source},{code}",
            dedup_key=f"sync:{job.source}",
            value=value,
            threshold=0,
            over=over,
        )

    def _dated(self, error: Mapping[str, str]) -> dict[str, Any]:
        return {**error, "at": self._clock.now()}

    def _event_id(self) -> str:
        return self._ids.new("evt")


def _error(failure: Failure) -> dict[str, str]:
    return {"code": failure.code, "message": failure.sentence}


def outcome_of(certificate: Mapping[str, Any] | None) -> str:
    return RED if certificate and certificate["differences"] else IDLE


def _turned(before: Mapping[str, State], state: str) -> bool:
    """Whether the state is news: for some of these streams it was not so at the end of the run before."""
    return any(old.get("outcome") != state for old in before.values())
