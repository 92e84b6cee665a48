"""Killed right after each write: every mail still goes out, filed once by its receiver and told once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from local.provision import PubSub
from shared.notifications.models import LEASE
from shared.platform.clock import MovableClock
from shared.platform.context import Platform
from shared.platform.ids import Ids
from shared.platform.settings import Settings
from tests.factories.clock_file import ClockFile
from tests.factories.environment import environment
from tests.factories.expiring import expires, record_of
from tests.factories.mails import MailServer, a_command, wire
from tests.factories.messages import data_of, message_of, pulled
from tests.faults.processes import Launcher, Process

# Claim, mark with the event, publishing it, forgetting it. 0: before the claim.
SENDERS_WRITES = range(5)
# A page's claims with its mails, publishing them, forgetting them.
JOBS_WRITES = range(4)


@pytest.fixture
def clock_file(tmp_path: Path) -> ClockFile:
    found = ClockFile(tmp_path / "clock.json")
    found.advance(seconds=0)
    return found


@pytest.fixture
def moved(server: MailServer, pubsub: PubSub, clock_file: ClockFile) -> Platform:
    """On the clock of the functions."""
    clock = MovableClock(str(clock_file.path))
    return Platform(Settings.load(), clock, Ids(clock))


@pytest.fixture
def launcher(tmp_path: Path) -> Iterator[Launcher]:
    with Launcher(tmp_path) as running:
        yield running


@pytest.fixture
def variables(project: str, server: MailServer, clock_file: ClockFile) -> dict[str, str]:
    return {**environment(project), **server.environment(), "CLOCK_FILE": str(clock_file.path)}


def deliver(process: Process, topic: str, data: object) -> int | None:
    """The status; None when the process died over it."""
    body = {"subscription": "projects/p/subscriptions/s", "message": message_of(data)}
    answer = process.call("POST", f"/projects/p/topics/{topic}", json=body)
    return answer.status_code if answer is not None else None


def test_a_sender_that_dies(
    launcher: Launcher,
    variables: dict[str, str],
    moved: Platform,
    server: MailServer,
    pubsub: PubSub,
    clock_file: ClockFile,
) -> None:
    commands = {after: wire(a_command(id=f"mail_{after}", to=f"m{after}@example.com")) for after in SENDERS_WRITES}
    for after, command in commands.items():
        dying = launcher.start("notifications_send_email", variables, after)
        assert deliver(dying, "emails", command) is None
    clock_file.advance(seconds=LEASE.total_seconds())
    other = launcher.start("notifications_send_email", variables)
    for command in commands.values():
        assert [deliver(other, "emails", command) for _ in range(2)] == [200, 200]
    counts = server.counts()
    assert counts["recipients"] == {f"m{after}@example.com": [1, 1] for after in SENDERS_WRITES}
    clock_file.advance(seconds=20)
    moved.outbox.relay()
    told = {data_of(message)["eventId"]: data_of(message)["data"] for message in pulled(pubsub, "mail-events")}
    assert sorted(data["emailId"] for data in told.values()) == sorted(f"mail_{after}" for after in SENDERS_WRITES)


def test_a_job_that_dies(
    launcher: Launcher, variables: dict[str, str], moved: Platform, pubsub: PubSub, clock_file: ClockFile
) -> None:
    for after in JOBS_WRITES:
        for number in range(3):
            expires(moved, f"c-{after}-{number}", 25)
        dying = launcher.start("notifications_expiry_emails", variables, after)
        # After its last write of mails it writes its report, and has nothing left to die at.
        assert deliver(dying, "expiry-emails", {}) in (None, 200)
    other = launcher.start("notifications_expiry_emails", variables)
    assert deliver(other, "expiry-emails", {}) == 200
    clock_file.advance(seconds=20)
    moved.outbox.relay()
    queued = {data_of(message)["to"]: data_of(message)["emailId"] for message in pulled(pubsub, "emails")}
    customers = [f"c-{after}-{number}" for after in JOBS_WRITES for number in range(3)]
    assert queued == {f"{customer}@example.com": f"mail_expiring_av_{customer}" for customer in customers}
    assert all(record_of(moved, customer).expiry_notice_queued_at for customer in customers)


def test_an_expiry_that_dies(
    launcher: Launcher, variables: dict[str, str], moved: Platform, pubsub: PubSub, clock_file: ClockFile
) -> None:
    for after in JOBS_WRITES:
        expires(moved, f"c-{after}", -1)
        dying = launcher.start("verification_expire_verifications", variables, after)
        assert deliver(dying, "expire-verifications", {}) in (None, 200)
    other = launcher.start("verification_expire_verifications", variables)
    assert deliver(other, "expire-verifications", {}) == 200
    clock_file.advance(seconds=20)
    moved.outbox.relay()
    told = [data_of(message) for message in pulled(pubsub)]
    assert {event["eventId"] for event in told} == {f"evt_expired_av_c-{after}" for after in JOBS_WRITES}
    for event in told:
        assert event == next(one for one in told if one["eventId"] == event["eventId"])


def test_the_lease_is_longer_than_the_longest_delivery() -> None:
    """Else a slow sender is overtaken by one that sends the same mail."""
    from functions.notifications.send_email import handle
    from shared.integrations.smtp import ANSWER_SECONDS, COMMAND_SECONDS, CONNECT_SECONDS
    from shared.notifications.service import SECONDS
    from shared.runtime.declare import Subscriber, declaration_of

    longest = SECONDS + CONNECT_SECONDS + 3 * COMMAND_SECONDS + ANSWER_SECONDS
    assert timedelta(seconds=longest) < LEASE
    declared = declaration_of(handle)
    assert isinstance(declared, Subscriber)
    assert declared.ack_deadline_seconds > declared.timeout_seconds
    assert declared.max_delivery_attempts == 5
