"""What may be asked of the sync, and queueing it: without the providers' secrets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared.platform.context import Platform
from shared.platform.errors import Invalid
from shared.platform.webhooks import WebhookEvents
from shared.pos import rules, webhook
from shared.pos.errors import AlreadyRunning, UnknownSource
from shared.pos.models import INCREMENTAL, SOURCES, Job
from shared.pos.repository import SyncRepository
from shared.pos.requests import SyncRequest

# Older than any account; each month since is a window.
EARLIEST = datetime(2010, 1, 1, tzinfo=UTC)


class TriggerService:
    """Queues runs."""

    def __init__(self, platform: Platform) -> None:
        self._clock = platform.clock
        self._ids = platform.ids
        self._repository = SyncRepository(platform.firestore, platform.outbox, platform.clock, platform.ids)
        self._webhooks = WebhookEvents.on(platform)

    def request(self, source: str, mode: str, start: str, end: str, request_id: str) -> Job:
        """Queue a run. Raises `UnknownSource`, `Invalid` for a time, `AlreadyRunning` with the id of the other run."""
        if source not in SOURCES:
            raise UnknownSource(f"There is no source '{source[:40]}'. Sources: {', '.join(SOURCES)}.")
        job = new_job(self._ids.new("job"), source, mode, start, end, self._clock.now(), request_id)
        message = SyncRequest(id=self._ids.new("evt"), source=source, mode=mode, job=job.id)
        other = self._repository.claim(job, [message])
        if other:
            raise already_running(source, other)
        return job

    def told_by_square(self, event: Mapping[str, Any]) -> bool:
        """Queue what a webhook's event asks for, which has an `event_id`; False when it came before.

        Raises `Invalid` for an event that names nothing.
        """
        try:
            wanted = webhook.request_of(event, self._ids.new("evt"))
        except ValueError as error:
            raise Invalid(f"This is no event of Square: {error}") from None
        return wanted is None or self._webhooks.remember(event["event_id"], [wanted])


def new_job(job_id: str, source: str, mode: str, start: str, end: str, now: datetime, request_id: str = "") -> Job:
    """`start` and `end` as `rules.moment_of` reads them, or empty. Raises `Invalid`."""
    first, last = _moment("from", start, now), _moment("to", end, now)
    if first and not EARLIEST <= first < min(last or now, now):
        raise Invalid("from must be after 2009, before to, and in the past.", field="from")
    if last and last <= EARLIEST:
        raise Invalid("to must be after 2009.", field="to")
    if mode == INCREMENTAL and (first or last):
        raise Invalid(
            "An increment begins where the last one ended. Use mode full or backfill with from and to.", field="mode"
        )
    return Job(
        id=job_id,
        source=source,
        mode=mode or INCREMENTAL,
        request_id=request_id,
        created_at=now,
        start=first,
        end=min(last, now) if last else None,
    )


def already_running(source: str, job_id: str) -> AlreadyRunning:
    return AlreadyRunning(
        f"{source.capitalize()} is being synced already. Wait for that run: GET /api/sync/status/{job_id}",
        jobId=job_id,
        statusUrl=f"/api/sync/status/{job_id}",
    )


def _moment(name: str, text: str, now: datetime) -> datetime | None:
    try:
        return rules.moment_of(text, now) if text else None
    except (ValueError, OverflowError) as error:
        raise Invalid(f"{name}: {error}", field=name) from None
