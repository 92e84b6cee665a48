"""Jobs, windows and certificates as Firestore keeps them, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from shared.pos.models import Certificate, Counters, Difference, Job, Progress, Tallies, Tally, Window

Document = dict[str, Any]
# A certificate that names so many places is red beyond doubt; a document has its limits.
MOST_DIFFERENCES = 50
JOB = {
    "source": "source",
    "mode": "mode",
    "sync_mode": "syncMode",
    "request_id": "requestId",
    "created_at": "createdAt",
    "start": "start",
    "end": "end",
    "status": "status",
    "windows": "windows",
    "windows_done": "windowsDone",
    "resumed": "resumed",
    "started_at": "startedAt",
    "finished_at": "finishedAt",
    "error": "error",
}
WINDOW = ("job", "source", "stream", "by", "start", "end", "whole", "recent")


def of_job(job: Job, expires: datetime) -> Document:
    return {**{wire: getattr(job, name) for name, wire in JOB.items()}, "expireAt": expires}


def job(job_id: str, document: Mapping[str, Any]) -> Job:
    return Job(id=job_id, **{name: document[wire] for name, wire in JOB.items()})


def of_window(window: Window, expires: datetime) -> Document:
    fresh = {"status": "pending", "owner": "", "leaseUntil": window.end, "expireAt": expires}
    return {**{name: getattr(window, name) for name in WINDOW}, **of_progress(Progress()), **fresh}


def of_progress(progress: Progress) -> Document:
    return {
        "sliceDays": progress.slice_days,
        "done": sorted(progress.done),
        "tallies": of_tallies(progress.tallies),
        "counters": asdict(progress.counters),
        "certificate": of_certificate(progress.certificate),
        "error": progress.error,
    }


def window(window_id: str, document: Mapping[str, Any]) -> tuple[Window, Progress, str]:
    """The window, its progress and its status."""
    progress = Progress(
        slice_days=document["sliceDays"],
        done=frozenset(document["done"]),
        tallies=tallies(document["tallies"]),
        counters=Counters(**document["counters"]),
        certificate=certificate(document["certificate"]),
        error=document.get("error"),
    )
    return Window(id=window_id, **{name: document[name] for name in WINDOW}), progress, document["status"]


def of_tallies(found: Tallies) -> Document:
    """`location|day` → [count, cents, newest]."""
    return {"|".join(place): [tally.count, tally.cents, tally.newest] for place, tally in found.items()}


def tallies(document: Mapping[str, Any]) -> Tallies:
    found: Tallies = {}
    for name, (count, cents, newest) in document.items():
        location, _, day = name.rpartition("|")
        found[location, day] = Tally(count, cents, newest)
    return found


def of_certificate(found: Certificate | None) -> Document | None:
    if found is None:
        return None
    shown = [asdict(difference) for difference in found.differences[:MOST_DIFFERENCES]]
    return {**asdict(found), "differences": shown, "more": found.more + len(found.differences) - len(shown)}


def certificate(document: Mapping[str, Any] | None) -> Certificate | None:
    if document is None:
        return None
    values = {name: value for name, value in document.items() if name != "differences"}
    return Certificate(**values, differences=tuple(_difference(found) for found in document["differences"]))


def _difference(document: Mapping[str, Any]) -> Difference:
    tallied = {name: Tally(**document[name]) for name in ("source", "warehouse")}
    return Difference(document["stream"], document["location"], document["day"], **tallied)
