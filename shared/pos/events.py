"""What the sync tells the rest of the house: topic `sync-events`; and what operators must be told: topic `alerts`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.platform.clock import wire_time
from shared.platform.outbox import Event

TOPIC = "sync-events"
ALERTS_TOPIC = "alerts"


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """A run that has ended. `code`: of its failure, None for a success. `differences`: places that do not agree."""

    job_id: str
    source: str
    mode: str
    sync_mode: str
    rows_seen: int
    rows_written: int
    rows_rejected: int
    changed_late: int
    pages: int
    retries: int
    certificate_green: bool
    differences: int
    code: str | None
    started_at: datetime
    finished_at: datetime


def completed(event_id: str, at: datetime, request_id: str, run: RunReport) -> Event:
    """A run ended well: all that the source had is in the tables."""
    return _event("sync.completed", TOPIC, event_id, at, request_id, _data(run))


def failed(event_id: str, at: datetime, request_id: str, run: RunReport) -> Event:
    """A run ended without having read or stored everything."""
    return _event("sync.failed", TOPIC, event_id, at, request_id, _data(run))


def alert(
    event_id: str,
    at: datetime,
    request_id: str,
    *,
    severity: str,
    title: str,
    message: str,
    tags: str,
    dedup_key: str,
    value: float | None = None,
    threshold: float | None = None,
    over: bool = False,
) -> Event:
    """An operator must look, or need not any more: it is `over`. `tags`: comma-separated.

    Alerts of one `dedup_key` are about the same thing.
    """
    data = {
        "severity": severity,
        "title": title,
        "message": message,
        "tags": tags,
        "dedupKey": dedup_key,
        "value": _decimal(value),
        "threshold": _decimal(threshold),
    }
    return _event("alert.resolved" if over else "alert.raised", ALERTS_TOPIC, event_id, at, request_id, data)


def _data(run: RunReport) -> dict[str, Any]:
    return {
        "jobId": run.job_id,
        "source": run.source,
        "mode": run.mode,
        "syncMode": run.sync_mode,
        "rowsSeen": run.rows_seen,
        "rowsWritten": run.rows_written,
        "rowsRejected": run.rows_rejected,
        "changedLate": run.changed_late,
        "pages": run.pages,
        "retries": run.retries,
        "certificateGreen": run.certificate_green,
        "differences": run.differences,
        "code": run.code,
        "startedAt": wire_time(run.started_at),
        "finishedAt": wire_time(run.finished_at),
    }


def _decimal(number: float | None) -> str | None:
    # As text: a row of the trail must give the same hash after BigQuery has had it, and 3 and 3.0 would not.
    return None if number is None else str(number)


def _event(kind: str, topic: str, event_id: str, at: datetime, request_id: str, data: dict[str, Any]) -> Event:
    return Event(id=event_id, type=kind, topic=topic, occurred_at=at, request_id=request_id, data=data)
