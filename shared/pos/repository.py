"""Where a sync is: Firestore.

`sync_sources/{source}`   who works on it, and the last job that changed rows
`sync_state/{stream}`     watermark, last run, last error, certificate: what the status page shows
`sync_jobs/{jobId}`       a run
`sync_windows/{windowId}` a part of it: lease, slices that are done, what was counted in them
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared.platform import firestore
from shared.platform.clock import Clock
from shared.platform.contention import until_unchanged
from shared.platform.errors import Unavailable
from shared.platform.ids import Ids
from shared.platform.outbox import Outbox, Outgoing
from shared.pos import documents
from shared.pos.models import DONE, FAILED, RUNNING, Job, Progress, Window

if TYPE_CHECKING:
    from google.cloud.firestore import Client, WriteBatch

JOBS, WINDOWS, STATES, SOURCES = "sync_jobs", "sync_windows", "sync_state", "sync_sources"
# Shorter than the five tries of a message: what a crash leaves is taken over by a redelivery.
LEASE = timedelta(seconds=100)
# Each window's checkpoint renews it: a job that nobody has worked on for so long is taken up again.
CLAIM = timedelta(minutes=4)
KEPT = timedelta(days=90)
State = dict[str, Any]


class SyncRepository:
    """Raises `Unavailable` from every method when Firestore does not answer."""

    def __init__(self, client: Client, outbox: Outbox, clock: Clock, ids: Ids) -> None:
        self._client = client
        self._outbox = outbox
        self._clock = clock
        self._ids = ids

    # --- who may work on a source

    def claim(self, job: Job, outgoing: Sequence[Outgoing] = ()) -> str:
        """Make the job (unless it is there) the one that its source is worked on by; else the id of the other job.

        `outgoing` leaves with the commit. An empty answer: claimed.
        """
        other = until_unchanged(lambda: self._try_claim(job, outgoing), self._clock, self._ids)
        if not other:
            self._outbox.publish(outgoing)
        return other

    def _try_claim(self, job: Job, outgoing: Sequence[Outgoing]) -> str:
        reference = self._client.collection(SOURCES).document(job.source)
        seen = firestore.read(reference)
        data = dict(seen.data) if seen else {}
        other = str(data.get("activeJob", ""))
        if other not in ("", job.id) and not self._is_over(other):
            return other
        batch = self._client.batch()
        firestore.put(batch, reference, {**data, "activeJob": job.id, "claimedUntil": self._clock.now() + CLAIM}, seen)
        if firestore.read(self._job(job.id)) is None:
            batch.create(self._job(job.id), documents.of_job(job, self._clock.now() + KEPT))
        self._commit(batch, outgoing)
        return ""

    def _is_over(self, job_id: str) -> bool:
        """Whether a claim of this job holds nobody up any more."""
        job = self.job(job_id)
        return job is None or job.over

    def abandoned(self, source: str) -> bool:
        """Whether nobody has worked on the source's active job for a while."""
        seen = firestore.read(self._client.collection(SOURCES).document(source))
        return seen is not None and seen.data.get("claimedUntil", self._clock.now()) < self._clock.now()

    def source(self, name: str) -> State:
        seen = firestore.read(self._client.collection(SOURCES).document(name))
        return dict(seen.data) if seen else {}

    # --- jobs

    def job(self, job_id: str) -> Job | None:
        seen = firestore.read(self._job(job_id))
        return documents.job(job_id, seen.data) if seen else None

    def begin(self, job: Job, sync_mode: str, windows: Sequence[Window]) -> None:
        """Store a job's windows, and that it runs. Again: nothing."""

        def decide() -> None:
            seen = firestore.read(self._job(job.id))
            if seen is None or documents.job(job.id, seen.data).windows:
                return
            batch = self._client.batch()
            now = self._clock.now()
            changes = {"status": RUNNING, "windows": len(windows), "startedAt": now, "syncMode": sync_mode}
            firestore.put(batch, self._job(job.id), {**seen.data, **changes}, seen)
            for window in windows:
                batch.create(self._window(window.id), documents.of_window(window, self._clock.now() + KEPT))
            firestore.commit(batch)

        until_unchanged(decide, self._clock, self._ids)

    def windows(self, job_id: str) -> list[tuple[Window, Progress, str]]:
        """A job's windows in their order: window, progress, status."""
        from google.cloud.firestore import FieldFilter

        with firestore.translated():
            found = list(
                firestore.counted(
                    self._client.collection(WINDOWS).where(filter=FieldFilter("job", "==", job_id)).stream()
                )
            )
        found.sort(key=lambda snapshot: str(snapshot.id))
        return [documents.window(snapshot.id, snapshot.to_dict() or {}) for snapshot in found]

    def pending(self, job_id: str) -> list[Window]:
        return [window for window, _, status in self.windows(job_id) if status not in (DONE, FAILED)]

    def resume(self, job_id: str) -> int:
        """Count that an abandoned job is taken up again; how many times that makes."""

        def decide() -> int:
            seen = firestore.read(self._job(job_id))
            if seen is None:
                return 0
            batch = self._client.batch()
            firestore.put(batch, self._job(job_id), {**seen.data, "resumed": seen.data["resumed"] + 1}, seen)
            self._renew_claim(batch, seen.data["source"])
            firestore.commit(batch)
            return int(seen.data["resumed"]) + 1

        return until_unchanged(decide, self._clock, self._ids)

    # --- windows

    def take(self, window_id: str, owner: str, *, by_force: bool = False) -> tuple[Window, Progress] | None:
        """The window, leased to `owner`; None when it is done. Raises `Unavailable` while another has its lease."""

        def decide() -> tuple[Window, Progress] | None:
            seen = firestore.read(self._window(window_id))
            if seen is None or seen.data["status"] in (DONE, FAILED):
                return None
            leased = seen.data["owner"] not in ("", owner) and self._clock.now() < seen.data["leaseUntil"]
            if leased and not by_force:
                raise Unavailable("Another instance is working on this window.")
            batch = self._client.batch()
            firestore.put(batch, self._window(window_id), {**seen.data, **self._lease(owner)}, seen)
            firestore.commit(batch)
            window, progress, _ = documents.window(window_id, seen.data)
            return window, progress

        return until_unchanged(decide, self._clock, self._ids)

    def checkpoint(self, window: Window, progress: Progress, owner: str) -> None:
        """Keep how far the window is, and the lease. Raises `Unavailable` when another has taken it over."""
        self._change_window(window, owner, {**documents.of_progress(progress), **self._lease(owner)})

    def release(self, window: Window, owner: str, outgoing: Sequence[Outgoing]) -> None:
        """Give the lease back: a continuation goes on."""
        self._change_window(window, owner, {"owner": ""}, outgoing)

    def done(self, window: Window, progress: Progress, owner: str) -> None:
        """The window is in BigQuery and compared. Counted once, however often it is said."""
        self._change_window(window, owner, {**documents.of_progress(progress), "status": DONE}, counted=True)

    def fail(self, window: Window, error: Mapping[str, str], owner: str) -> None:
        """The source refuses the window, for good: it is over, and counted as `done` is. `error`: code and message."""
        self._change_window(window, owner, {"status": FAILED, "error": error}, counted=True)

    def _change_window(
        self,
        window: Window,
        owner: str,
        changes: Mapping[str, Any],
        outgoing: Sequence[Outgoing] = (),
        *,
        counted: bool = False,
    ) -> None:
        from google.cloud.firestore import Increment

        def decide() -> None:
            seen = firestore.read(self._window(window.id))
            if seen is None or seen.data["owner"] != owner or seen.data["status"] in (DONE, FAILED):
                raise Unavailable("Another instance has taken this window over.")
            batch = self._client.batch()
            firestore.put(batch, self._window(window.id), {**seen.data, **changes}, seen)
            if counted:
                batch.update(self._job(window.job), {"windowsDone": Increment(1)})
            self._renew_claim(batch, window.source)
            self._commit(batch, outgoing)

        until_unchanged(decide, self._clock, self._ids)
        self._outbox.publish(outgoing)

    # --- ends

    def end(
        self,
        job: Job,
        status: str,
        states: Callable[[Mapping[str, State]], Mapping[str, State]],
        streams: Sequence[str],
        outgoing: Callable[[], Sequence[Outgoing]],
        *,
        error: Mapping[str, str] | None = None,
        changed_rows: bool = False,
        horizon: Mapping[str, str] | None = None,
    ) -> bool:
        """The job is over; its streams' states, the claim and the events change with it, once. False: it was before.

        `states` gives the new states from those that are there; `outgoing` is made after it.
        """
        sent: list[Outgoing] = []

        def decide() -> bool:
            seen = firestore.read(self._job(job.id))
            if seen is None or documents.job(job.id, seen.data).over:
                return False
            batch = self._client.batch()
            changes = {"status": status, "finishedAt": self._clock.now(), "error": error}
            firestore.put(batch, self._job(job.id), {**seen.data, **changes}, seen)
            self._put_states(batch, states, streams)
            self._put_source(batch, job, changed_rows, horizon or {})
            sent[:] = outgoing()
            self._commit(batch, sent)
            return True

        ended = until_unchanged(decide, self._clock, self._ids)
        if ended:
            self._outbox.publish(sent)
        return ended

    def _put_states(
        self, batch: WriteBatch, states: Callable[[Mapping[str, State]], Mapping[str, State]], streams: Sequence[str]
    ) -> None:
        seen = {name: firestore.read(self._state(name)) for name in streams}
        for name, state in states({name: dict(found.data) if found else {} for name, found in seen.items()}).items():
            firestore.put(batch, self._state(name), state, seen[name])

    def _put_source(self, batch: WriteBatch, job: Job, changed_rows: bool, horizon: Mapping[str, str]) -> None:
        reference = self._client.collection(SOURCES).document(job.source)
        seen = firestore.read(reference)
        data = dict(seen.data) if seen else {}
        released = {"activeJob": "", "mode": job.sync_mode} if data.get("activeJob") == job.id else {}
        version = {"dataVersion": job.id} if changed_rows else {}
        known = data.get("horizon", {})
        earliest = {**known, **{name: min(day, known.get(name, day)) for name, day in horizon.items()}}
        firestore.put(batch, reference, {**data, **released, **version, "horizon": earliest}, seen)

    # --- streams

    def states(self, streams: Sequence[str]) -> dict[str, State]:
        found = {name: firestore.read(self._state(name)) for name in streams}
        return {name: dict(seen.data) if seen else {} for name, seen in found.items()}

    def note(self, streams: Sequence[str], changes: Mapping[str, Any]) -> None:
        """Show something on the status page. Not a decision: the last one wins."""
        batch = self._client.batch()
        for name in streams:
            batch.set(self._state(name), dict(changes), merge=True)
        firestore.commit(batch)

    def note_source(self, source: str, changes: Mapping[str, Any]) -> None:
        batch = self._client.batch()
        batch.set(self._client.collection(SOURCES).document(source), dict(changes), merge=True)
        firestore.commit(batch)

    def _commit(self, batch: WriteBatch, outgoing: Sequence[Outgoing]) -> None:
        for event in outgoing:
            self._outbox.add(batch, event)
        firestore.commit(batch)

    def _renew_claim(self, batch: WriteBatch, source: str) -> None:
        reference = self._client.collection(SOURCES).document(source)
        batch.set(reference, {"claimedUntil": self._clock.now() + CLAIM}, merge=True)

    def _lease(self, owner: str) -> dict[str, Any]:
        return {"owner": owner, "leaseUntil": self._clock.now() + LEASE}

    def _job(self, job_id: str) -> Any:
        return self._client.collection(JOBS).document(job_id)

    def _window(self, window_id: str) -> Any:
        return self._client.collection(WINDOWS).document(window_id)

    def _state(self, stream: str) -> Any:
        return self._client.collection(STATES).document(stream)
