"""A shop's reminders on their whole road: the job, Pub/Sub's pushes, senders, a mail server, and what marks them.

Each function is functions-framework in the lean environment, the senders with several worker processes, as many
instances have; gunicorn starts a worker again that was killed, as the platform does. Only the back-off is shorter than
declared, and after a kill the clock is moved, so that nobody waits for a lease of four minutes.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from local.provision import PubSub
from shared.platform.clock import MovableClock
from shared.platform.context import Platform
from shared.platform.ids import Ids
from shared.platform.pubsub import Message
from shared.platform.settings import Settings
from shared.runtime.declare import Subscriber
from shared.runtime.manifest import Declared, declared_functions
from shared.verification.repository import VERIFICATIONS, _to_document
from shared.verification.vault import Vault
from tests.factories.clock_file import ClockFile
from tests.factories.mails import MAIL_TOPICS, MailServer
from tests.factories.processes import FunctionProcess
from tests.factories.verifications import keyring, person, verification

JOB, SENDER, NOTE, RELAY = (
    "notifications_expiry_emails",
    "notifications_send_email",
    "verification_note_notice",
    "audit_relay_outbox",
)
BATCH = 200
LEASE_IS_OVER = timedelta(minutes=5)
BACK_OFF_SECONDS = (1, 10)
QUIET_SECONDS = 60.0
FUNCTIONS = {function.name: function for function in declared_functions()}


class Reminding:
    """One project with so many verifications that end in 20 days, and everything that sends for them."""

    def __init__(self, folder: Path, project: str, server: MailServer, *, workers: int = 3) -> None:
        self._folder = folder
        self._server = server
        self._workers = workers
        self._clock_file = ClockFile(folder / "clock.json")
        self._clock_file.advance(seconds=0)
        variables = {**server.environment(), "CLOCK_FILE": str(self._clock_file.path)}
        self._variables = {**variables, "LOG_LEVEL": "WARNING"}
        settings = Settings.load({**os.environ, **variables, "GOOGLE_CLOUD_PROJECT": project})
        clock = MovableClock(settings.clock_file)
        self.platform = Platform(settings, clock, Ids(clock))
        self._pubsub = PubSub(settings.pubsub_emulator, project)
        self._processes: dict[str, FunctionProcess] = {}
        self._peaks: dict[str, float] = {}
        self._ended = threading.Event()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """The functions, with their subscriptions, and a relay that runs by the second."""
        self._pubsub.create_topics([*MAIL_TOPICS, "relay-outbox"])
        project = self.platform.settings.project
        try:
            for name in (JOB, SENDER, NOTE, RELAY):
                workers = self._workers if name == SENDER else 1
                threads = str(FUNCTIONS[name].declaration.concurrency)
                log = self._folder / f"{name}.log"
                changes = {**self._variables, "WORKERS": str(workers), "THREADS": threads}
                self._processes[name] = FunctionProcess(name, project, log, **changes)
            for name, process in self._processes.items():
                process.ready()
                self._pubsub.create_subscriptions([_quick(FUNCTIONS[name])], f"{process.url}/_push")
            threading.Thread(target=self._each_second, daemon=True).start()
            yield
        finally:
            self._ended.set()
            for process in self._processes.values():
                process.stop()

    def verify(self, customers: int) -> None:
        """So many customers with an address each, `customer-<number>@example.com`."""
        store, vault = self.platform.firestore, Vault(keyring(self.platform), self.platform.ids.entropy)
        expires_at = datetime.now(UTC) + timedelta(days=20)
        for start in range(0, customers, BATCH):
            batch = store.batch()
            for number in range(start, min(customers, start + BATCH)):
                customer = f"customer-{number}"
                customer_hash = self.platform.customer_hash(customer)
                someone = person(customer_id=customer, email=f"{customer}@example.com")
                data_key, sealed = vault.seal(someone, customer_hash, None)
                made = verification(id=f"av_{number}", expires_at=expires_at, data_key=data_key, sealed=sealed)
                batch.set(store.collection(VERIFICATIONS).document(customer_hash), _to_document(made))
            batch.commit()

    def start_job(self) -> None:
        self.platform.publisher.publish("expiry-emails", [Message("{}")])

    def kill(self, name: str) -> None:
        """`kill -9` of every worker of a function, then the moment at which their leases are over."""
        for worker in _workers(self._processes[name]):
            self._note_peak(name, worker)
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        self._clock_file.advance(seconds=LEASE_IS_OVER.total_seconds())

    def taken(self) -> int:
        """How many mails the server has, each counted once."""
        return int(self._server.call("GET", "/state")["counts"]["mails"])

    def await_taken(self, mails: int, seconds: float) -> None:
        self._await(lambda: self.taken() >= mails, f"{mails} mails", seconds)

    def until_all(self, customers: int, seconds: float) -> int:
        """Until the server has a mail for each; how many days that took.

        Where nothing comes for a minute, and some are missing, it is the next day: the job queues them again.
        """
        deadline, days, seen, since = time.monotonic() + seconds, 1, 0, time.monotonic()
        while (taken := self.taken()) < customers:
            assert time.monotonic() < deadline, f"{taken} mails of {customers}"
            if taken > seen:
                seen, since = taken, time.monotonic()
            elif time.monotonic() - since > QUIET_SECONDS:
                self._clock_file.advance(days=1)
                self.start_job()
                days, since = days + 1, time.monotonic()
            time.sleep(0.2)
        return days

    def await_marked(self, customers: int, seconds: float) -> None:
        """Until every verification is marked as reminded."""
        self._await(lambda: self._marked() >= customers, f"{customers} marks", seconds)

    def peaks(self) -> dict[str, float]:
        """Function → MiB, the most that any of its workers had."""
        for name, process in self._processes.items():
            for worker in _workers(process):
                self._note_peak(name, worker)
        return dict(self._peaks)

    def _marked(self) -> int:
        from google.cloud.firestore import FieldFilter

        reminded = self.platform.firestore.collection(VERIFICATIONS).where(
            filter=FieldFilter("expiryNoticeSentAt", ">", datetime(2000, 1, 1, tzinfo=UTC))
        )
        return int(reminded.count().get()[0][0].value)

    def _await(self, done: Any, what: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, f"not {what}: {self.taken()} mails, {self._marked()} marks"
            time.sleep(0.05)

    def _each_second(self) -> None:
        while not self._ended.wait(2.0):
            self.platform.publisher.publish("relay-outbox", [Message("{}")])

    def _note_peak(self, name: str, worker: int) -> None:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for line in Path(f"/proc/{worker}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    self._peaks[name] = max(self._peaks.get(name, 0.0), int(line.split()[1]) / 1024)


def _quick(function: Declared) -> Declared:
    declared = function.declaration
    assert isinstance(declared, Subscriber)
    shortest, longest = BACK_OFF_SECONDS
    return replace(
        function, declaration=replace(declared, minimum_backoff_seconds=shortest, maximum_backoff_seconds=longest)
    )


def _workers(process: FunctionProcess) -> list[int]:
    """gunicorn's children: Linux tells who they are."""
    pid = process.pid
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(one) for one in text.split()]
