"""What the status pages show: each stream as its last run left it, and single runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from shared.platform.context import Platform
from shared.pos import documents, rules
from shared.pos.errors import UnknownJob
from shared.pos.models import Certificate, Counters, Job, Stream
from shared.pos.outcome import Outcome
from shared.pos.repository import State, SyncRepository

NEVER = "never_run"


class StatusService:
    """Reads Firestore only; no provider is called."""

    def __init__(self, platform: Platform) -> None:
        self._repository = SyncRepository(platform.firestore, platform.outbox, platform.clock, platform.ids)
        self._clock = platform.clock

    def overview(self, sources: Mapping[str, Sequence[Stream]]) -> dict[str, Any]:
        """Every source with its streams."""
        now = self._clock.now()
        return {"sources": [self._source(name, streams, now) for name, streams in sources.items()], "timestamp": now}

    def progress(self, source: str) -> tuple[int, int]:
        """Windows done and windows in all, of the run that has the source; nothing when there is none."""
        active = self._repository.source(source).get("activeJob")
        job = self._repository.job(active) if active else None
        return (job.windows_done, job.windows) if job else (0, 0)

    def job(self, job_id: str) -> dict[str, Any]:
        """One run with its streams. Raises `UnknownJob`."""
        job = self._repository.job(job_id)
        if job is None:
            raise UnknownJob("There is no such run. Runs are kept for 90 days.")
        outcome = Outcome(self._repository.windows(job_id))
        streams = [
            {
                "stream": name,
                **_counted(counters),
                "error": outcome.failures.get(name),
                "certificate": _certificate(outcome.certificates[name]),
            }
            for name, counters in outcome.counters.items()
        ]
        return {**_job(job), "streams": streams, "timestamp": self._clock.now()}

    def _source(self, name: str, streams: Sequence[Stream], now: datetime) -> dict[str, Any]:
        states = self._repository.states([stream.name for stream in streams])
        known = self._repository.source(name)
        return {
            "source": name,
            "mode": known.get("mode"),
            "activeJob": known.get("activeJob") or None,
            "dataVersion": known.get("dataVersion"),
            "nextRunAt": rules.next_run(now),
            "streams": [_stream(stream, states[stream.name], now) for stream in streams],
        }


def _stream(stream: Stream, state: State, now: datetime) -> dict[str, Any]:
    watermark = state.get("watermark")
    return {
        "stream": stream.name,
        "table": stream.table,
        "mode": state.get("mode"),
        "state": state.get("state", NEVER),
        "watermark": watermark,
        "lagSeconds": max(0, int((now - watermark).total_seconds())) if watermark else None,
        "jobId": state.get("job"),
        **{name: state.get(name, 0) for name in (*COUNTED, "failures")},
        "lastError": state.get("lastError"),
        "startedAt": state.get("startedAt"),
        "finishedAt": state.get("finishedAt"),
        "nextRunAt": rules.next_run(now),
        "certificate": _certificate(documents.certificate(state.get("certificate"))),
    }


COUNTED = ("rowsSeen", "rowsWritten", "rowsRejected", "changedLate", "pages", "retries")


def _counted(counters: Counters) -> dict[str, int]:
    values = (
        counters.seen,
        counters.written,
        counters.rejected,
        counters.changed_late,
        counters.pages,
        counters.retries,
    )
    return dict(zip(COUNTED, values, strict=True))


def _certificate(found: Certificate | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "green": found.green,
        "checkedAt": found.checked_at,
        "places": found.places,
        "rows": found.rows,
        "cents": found.cents,
        "newestUpdate": found.newest or None,
        "repaired": found.repaired,
        "uncertifiedDays": found.uncertified,
        "differences": [asdict(difference) for difference in found.differences],
        "moreDifferences": found.more,
    }


def _job(job: Job) -> Mapping[str, Any]:
    return {
        "jobId": job.id,
        "source": job.source,
        "mode": job.mode,
        "syncMode": job.sync_mode,
        "status": job.status,
        "windows": {"total": job.windows, "done": job.windows_done},
        "createdAt": job.created_at,
        "startedAt": job.started_at,
        "finishedAt": job.finished_at,
        "error": job.error,
    }
