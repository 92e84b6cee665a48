"""Who may work on what, how far it is, and how it ends: on the Firestore emulator."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from local.provision import PubSub
from shared.platform.context import Platform
from shared.platform.errors import Unavailable
from shared.platform.ids import Ids
from shared.platform.settings import Settings
from shared.pos import events
from shared.pos.models import DONE, FAILED, QUEUED, RUNNING, Counters, Job, Progress, Tally
from shared.pos.repository import CLAIM, LEASE, SyncRepository
from shared.pos.requests import SyncRequest
from tests.factories.clock import TestClock
from tests.factories.documents import documents
from tests.factories.environment import environment
from tests.factories.messages import data_of, pulled
from tests.factories.silence import closed_port
from tests.factories.sync import AT, certificate, difference, job, window

MILLISECOND = timedelta(milliseconds=1)
STREAMS = ("square_payments", "square_items")
PROGRESS = Progress(
    done=frozenset({"2026-06-01T00:00|L1"}),
    tallies={("L1", "2026-06-01"): Tally(2, 300, "2026-06-02T00:00:00.000Z")},
    counters=Counters(seen=2, written=1),
    certificate=certificate(difference("2026-06-01")),
)
Found = TypeVar("Found")


def of(platform: Platform) -> SyncRepository:
    return SyncRepository(platform.firestore, platform.outbox, platform.clock, platform.ids)


@pytest.fixture
def repository(platform: Platform) -> SyncRepository:
    return of(platform)


@pytest.fixture
def mute(project: str, pubsub: PubSub, clock: TestClock) -> Platform:
    """The same project with a Pub/Sub that is not there."""
    settings = Settings.load(environment(project, PUBSUB_EMULATOR_HOST=closed_port()))
    return Platform(settings, clock, Ids(clock))


@pytest.fixture
def begun(repository: SyncRepository) -> Job:
    """A job with two windows that runs."""
    wanted = job()
    repository.claim(wanted)
    repository.begin(wanted, "live", [window("job_1.000"), window("job_1.001", stream="square_items")])
    return stored(repository)


def stored(repository: SyncRepository, job_id: str = "job_1") -> Job:
    found = repository.job(job_id)
    assert found is not None
    return found


def request(name: str = "evt_1") -> SyncRequest:
    return SyncRequest(id=name, source="square", job="job_1")


def at_once(count: int, work: Callable[[int], Found]) -> list[Found]:
    start = threading.Barrier(count)

    def one(number: int) -> Found:
        start.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


# --- who has a source


def test_a_claim_makes_the_job_and_sends_what_goes_with_it(repository: SyncRepository, pubsub: PubSub) -> None:
    assert repository.claim(job(), [request()]) == ""
    assert stored(repository) == job()
    assert repository.source("square")["activeJob"] == "job_1"
    assert [data_of(message)["jobId"] for message in pulled(pubsub, "sync-requests")] == ["job_1"]


def test_another_job_is_told_whose_the_source_is_and_leaves_no_trace(
    repository: SyncRepository, pubsub: PubSub, platform: Platform
) -> None:
    repository.claim(job())
    assert repository.claim(job("job_2"), [request()]) == "job_1"
    assert repository.job("job_2") is None
    assert not documents(platform.firestore, "outbox")
    assert pulled(pubsub, "sync-requests") == []


def test_a_claim_says_the_same_again(repository: SyncRepository, begun: Job) -> None:
    assert repository.claim(job()) == ""
    assert stored(repository) == begun


def test_each_source_is_claimed_for_itself(repository: SyncRepository) -> None:
    assert repository.claim(job()) == ""
    assert repository.claim(job("job_2", source="lightspeed")) == ""


def test_of_all_who_claim_at_once_one_has_it(platform: Platform) -> None:
    answers = at_once(12, lambda n: of(platform).claim(job(f"job_{n}")))
    (winner,) = (n for n, other in enumerate(answers) if not other)
    assert {other for other in answers if other} == {f"job_{winner}"}
    assert list(documents(platform.firestore, "sync_jobs")) == [f"sync_jobs/job_{winner}"]


def test_a_claim_that_cannot_be_told_is_in_the_outbox(mute: Platform, pubsub: PubSub, platform: Platform) -> None:
    of(mute).claim(job(), [request()])
    assert list(documents(platform.firestore, "outbox")) == ["outbox/evt_1"]


@pytest.mark.parametrize("renewed", ["claim", "take and checkpoint", "resume"])
def test_a_job_that_nobody_works_on_is_abandoned(
    repository: SyncRepository, clock: TestClock, begun: Job, renewed: str
) -> None:
    clock.at += CLAIM
    assert not repository.abandoned("square")
    if renewed == "claim":
        repository.claim(job())
    elif renewed == "resume":
        repository.resume("job_1")
    else:
        repository.take("job_1.000", "run_1")
        repository.checkpoint(window(), PROGRESS, "run_1")
    clock.at += CLAIM
    assert not repository.abandoned("square")
    clock.at += MILLISECOND
    assert repository.abandoned("square")


def test_a_source_that_was_never_claimed_is_not_abandoned(repository: SyncRepository) -> None:
    assert not repository.abandoned("square")
    assert repository.source("square") == {}


def test_resuming_is_counted(repository: SyncRepository, begun: Job) -> None:
    assert [repository.resume("job_1") for _ in range(3)] == [1, 2, 3]
    assert stored(repository) == replace(begun, resumed=3)
    assert repository.resume("job_9") == 0


# --- windows


def test_a_job_begins_once(repository: SyncRepository, begun: Job, clock: TestClock) -> None:
    assert (begun.status, begun.sync_mode, begun.windows, begun.started_at) == (RUNNING, "live", 2, AT)
    clock.advance(minutes=1)
    repository.begin(begun, "mock", [window("job_1.002")])
    assert stored(repository) == begun
    assert [found.id for found, _, _ in repository.windows("job_1")] == ["job_1.000", "job_1.001"]


def test_a_job_that_is_not_there_does_not_begin(repository: SyncRepository) -> None:
    repository.begin(job(), "live", [window()])
    assert repository.windows("job_1") == []


def test_a_window_is_leased(repository: SyncRepository, begun: Job, clock: TestClock) -> None:
    assert repository.take("job_1.000", "run_1") == (window(), Progress())
    with pytest.raises(Unavailable):
        repository.take("job_1.000", "run_2")
    assert repository.take("job_1.000", "run_1") is not None
    clock.at += LEASE - MILLISECOND
    with pytest.raises(Unavailable):
        repository.take("job_1.000", "run_2")
    clock.at += MILLISECOND
    assert repository.take("job_1.000", "run_2") is not None


def test_a_checkpoint_is_found_by_the_next_and_renews_the_lease(
    repository: SyncRepository, begun: Job, clock: TestClock
) -> None:
    repository.take("job_1.000", "run_1")
    clock.at += LEASE - MILLISECOND
    repository.checkpoint(window(), PROGRESS, "run_1")
    clock.at += LEASE - MILLISECOND
    with pytest.raises(Unavailable):
        repository.take("job_1.000", "run_2")
    clock.at += MILLISECOND
    assert repository.take("job_1.000", "run_2") == (window(), PROGRESS)


def test_by_force_a_lease_counts_for_nothing_and_its_owner_can_do_nothing_more(
    repository: SyncRepository, begun: Job
) -> None:
    repository.take("job_1.000", "run_1")
    assert repository.take("job_1.000", "run_2", by_force=True) is not None
    for late in (
        lambda: repository.checkpoint(window(), PROGRESS, "run_1"),
        lambda: repository.done(window(), PROGRESS, "run_1"),
        lambda: repository.release(window(), "run_1", [request()]),
    ):
        with pytest.raises(Unavailable):
            late()
    assert repository.windows("job_1")[0][1:] == (Progress(), "pending")
    assert stored(repository).windows_done == 0


def test_a_window_that_was_given_back_is_free(repository: SyncRepository, begun: Job, pubsub: PubSub) -> None:
    repository.take("job_1.000", "run_1")
    repository.checkpoint(window(), PROGRESS, "run_1")
    repository.release(window(), "run_1", [request()])
    assert len(pulled(pubsub, "sync-requests")) == 1
    with pytest.raises(Unavailable):
        repository.checkpoint(window(), PROGRESS, "run_1")
    assert repository.take("job_1.000", "run_2") == (window(), PROGRESS)


def test_a_window_that_is_not_there_is_taken_by_nobody(repository: SyncRepository) -> None:
    assert repository.take("job_1.000", "run_1") is None
    with pytest.raises(Unavailable):
        repository.checkpoint(window(), PROGRESS, "run_1")


def test_a_window_is_done_once(repository: SyncRepository, begun: Job) -> None:
    repository.take("job_1.000", "run_1")
    repository.done(window(), PROGRESS, "run_1")
    with pytest.raises(Unavailable):
        repository.done(window(), PROGRESS, "run_1")
    assert stored(repository).windows_done == 1
    assert repository.take("job_1.000", "run_1") is None
    assert repository.take("job_1.000", "run_2", by_force=True) is None
    assert repository.windows("job_1")[0][1:] == (PROGRESS, DONE)
    assert [found.id for found in repository.pending("job_1")] == ["job_1.001"]


def test_a_window_that_is_refused_is_over_too_and_keeps_what_it_has_done(
    repository: SyncRepository, begun: Job
) -> None:
    error = {"code": "source_refused", "message": "A scope is missing."}
    repository.take("job_1.000", "run_1")
    repository.checkpoint(window(), PROGRESS, "run_1")
    repository.fail(window(), error, "run_1")
    with pytest.raises(Unavailable):
        repository.done(window(), PROGRESS, "run_1")
    assert stored(repository).windows_done == 1
    assert repository.take("job_1.000", "run_2", by_force=True) is None
    assert repository.windows("job_1")[0][1:] == (replace(PROGRESS, error=error), FAILED)
    assert [found.id for found in repository.pending("job_1")] == ["job_1.001"]


def test_of_all_who_take_a_window_at_once_one_has_it(platform: Platform, begun: Job) -> None:
    def take(number: int) -> bool:
        try:
            return of(platform).take("job_1.000", f"run_{number}") is not None
        except Unavailable:
            return False

    assert sorted(at_once(8, take)) == [False] * 7 + [True]


def test_windows_that_end_at_once_are_all_counted(platform: Platform, repository: SyncRepository) -> None:
    repository.claim(job())
    windows = [window(f"job_1.{n:03}") for n in range(8)]
    repository.begin(job(), "live", windows)

    def end(number: int) -> None:
        mine = of(platform)
        mine.take(windows[number].id, f"run_{number}")
        mine.done(windows[number], PROGRESS, f"run_{number}")

    at_once(8, end)
    assert stored(repository).windows_done == 8
    assert repository.pending("job_1") == []


# --- ends


def end(repository: SyncRepository, wanted: Job, status: str = DONE, **options: Any) -> bool:
    report = events.RunReport(
        job_id=wanted.id,
        source=wanted.source,
        mode=wanted.mode,
        sync_mode="live",
        rows_seen=1,
        rows_written=1,
        rows_rejected=0,
        changed_late=0,
        pages=1,
        retries=0,
        certificate_green=True,
        differences=0,
        code=None,
        started_at=AT,
        finished_at=AT,
    )
    told = [events.completed(f"evt_{wanted.id}", AT, wanted.request_id, report)]
    return repository.end(
        wanted,
        status,
        lambda known: {name: {"state": "idle", "runs": state.get("runs", 0) + 1} for name, state in known.items()},
        STREAMS,
        lambda: told,
        **options,
    )


def test_a_job_ends_once_with_all_that_belongs_to_it(repository: SyncRepository, begun: Job, pubsub: PubSub) -> None:
    assert end(repository, begun, changed_rows=True, horizon={"square_payments": "2026-06-01"})
    assert not end(repository, begun)
    assert not end(repository, begun, FAILED, error={"code": "late", "message": "late"})
    assert stored(repository) == replace(begun, status=DONE, finished_at=AT)
    assert repository.states(STREAMS) == {name: {"state": "idle", "runs": 1} for name in STREAMS}
    source = repository.source("square")
    assert (source["activeJob"], source["mode"], source["dataVersion"]) == ("", "live", "job_1")
    assert source["horizon"] == {"square_payments": "2026-06-01"}
    assert [data_of(message)["eventId"] for message in pulled(pubsub, "sync-events")] == ["evt_job_1"]


def test_a_failure_is_kept_with_its_reason(repository: SyncRepository, begun: Job) -> None:
    error = {"code": "auth_failed", "message": "Square refuses the access token."}
    assert end(repository, begun, FAILED, error=error)
    assert stored(repository) == replace(begun, status=FAILED, finished_at=AT, error=error)
    assert repository.source("square").get("dataVersion") is None


def test_the_next_job_can_have_the_source(repository: SyncRepository, begun: Job) -> None:
    end(repository, begun)
    assert repository.claim(job("job_2")) == ""
    # Whoever is late ends nothing of the other's.
    assert not end(repository, begun)
    assert repository.source("square")["activeJob"] == "job_2"


def test_a_job_that_lost_its_source_ends_without_releasing_it(repository: SyncRepository, begun: Job) -> None:
    repository.note_source("square", {"activeJob": "job_2"})
    assert end(repository, begun)
    assert repository.source("square")["activeJob"] == "job_2"


def test_an_end_that_cannot_be_told_is_in_the_outbox(
    mute: Platform, begun: Job, platform: Platform, clock: TestClock
) -> None:
    assert end(of(mute), begun)
    assert list(documents(platform.firestore, "outbox")) == ["outbox/evt_job_1"]
    clock.advance(seconds=60)
    assert platform.outbox.relay() == 1


def test_of_all_who_end_a_job_at_once_one_does(platform: Platform, begun: Job, pubsub: PubSub) -> None:
    assert sorted(at_once(6, lambda _: end(of(platform), begun))) == [False] * 5 + [True]
    assert of(platform).states(STREAMS)["square_items"]["runs"] == 1
    assert len(pulled(pubsub, "sync-events")) == 1


def test_the_horizon_only_goes_back(repository: SyncRepository) -> None:
    for number, day in enumerate(("2026-06-01", "2026-05-01", "2026-06-15")):
        wanted = job(f"job_{number}")
        repository.claim(wanted)
        assert end(repository, wanted, horizon={"square_payments": day})
    assert repository.source("square")["horizon"] == {"square_payments": "2026-05-01"}


# --- notes and webhooks


def test_a_note_adds_to_a_state(repository: SyncRepository, begun: Job) -> None:
    end(repository, begun)
    repository.note(STREAMS, {"state": "retrying"})
    assert repository.states(["square_items", "square_customers"]) == {
        "square_items": {"state": "retrying", "runs": 1},
        "square_customers": {},
    }


def test_a_new_job_is_queued(repository: SyncRepository) -> None:
    repository.claim(job())
    assert stored(repository).status == QUEUED
    assert repository.job("job_2") is None
