"""`make run`: the whole system on this machine. Ctrl-C ends everything it started."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

import requests

from local.background import Background
from local.emulators import Emulators
from local.environment import PROJECT, State, variables
from local.events import EventRecorder
from local.first_sync import FirstSync
from local.installation import EmulatorError
from local.provision import PubSub, create_tables, warehouse
from local.scheduler import Scheduler
from local.seed import seed
from local.simulators.fleet import Fleet
from local.simulators.process import SimulatorFailed
from shared.platform import metrics
from shared.platform.context import Platform
from shared.platform.errors import Misconfigured
from shared.platform.settings import Settings
from shared.runtime.manifest import declared_functions, topics

READY_SECONDS = 30
STOP_SECONDS = 30
# A gateway that ends so soon, so many times in a row, will not do better the next time.
SHORT_LIFE_SECONDS, SHORT_LIVES = 5, 3
# Stands for addresses while nothing has them: settings are checked before anything is started.
NOT_YET = {"FIRESTORE_EMULATOR_HOST": "127.0.0.1:0", "PUBSUB_EMULATOR_HOST": "127.0.0.1:0"}
SIGNALS = (signal.SIGINT, signal.SIGTERM)
# The Firestore emulator has its documents in memory only: a killed stack loses at most this much.
SAVE_SECONDS = 60


class StackError(RuntimeError):
    """The stack cannot start; the sentence says what to do."""


class Stack:
    """Emulators and what is provisioned in them, simulators, the gateway, the event recorder and the scheduler."""

    def __init__(self, state: State, port: int) -> None:
        self._state = state
        self._port = port
        self._emulators = Emulators(state.folder, project=PROJECT, persistent=True)
        self._simulators = Fleet(state)
        self._gateway: subprocess.Popen[bytes] | None = None
        # Kept over the gateways' lives: who calls while one is replaced waits, and is not refused. Pub/Sub would use up
        # its five tries on an address that refuses.
        self._listener: socket.socket | None = None
        self._gateway_started = 0.0
        self._short_lives = 0
        self._threads: list[Background] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def log(self) -> Path:
        return self._state.folder / "logs" / "functions.log"

    @property
    def _running_file(self) -> Path:
        return self._state.folder / "running.json"

    def start(self) -> None:
        """Raises EmulatorError, Misconfigured or StackError with what to do."""
        self._listener = _listen(self._port)
        simulators = self._simulators.urls
        Settings.load(variables(self._state, NOT_YET, self._port, simulators))
        addresses = self._emulators.start()
        # From here on the state folder is ours: another stack that runs on it has been refused above.
        self._state.events_file.unlink(missing_ok=True)
        self.log.unlink(missing_ok=True)
        os.environ.update(variables(self._state, addresses.environment(), self._port, simulators))
        self._simulators.start()
        platform = Platform.start(Settings.load())
        pubsub = PubSub(addresses.pubsub, PROJECT)
        pubsub.create_all(f"{self.url}/_push")
        create_tables(warehouse(addresses.bigquery, PROJECT))
        self._start_gateway()
        running = {"port": self._port, "emulators": addresses.environment(), "simulators": simulators}
        self._running_file.write_text(json.dumps(running))
        self._simulators.connect(self._webhooks(platform.settings))
        self._seed_once(platform)
        self._threads = [
            EventRecorder(pubsub, topics(declared_functions()), self._state),
            Scheduler(platform.publisher, platform.clock, platform.settings.store_timezone),
            *([] if os.environ.get("FIRST_SYNC") == "off" else [FirstSync(platform, self._simulators)]),
        ]
        for thread in self._threads:
            thread.start()

    def wait(self) -> None:
        """Until an emulator ends by itself, or the gateway again and again. Raises EmulatorError, StackError."""
        saved = time.monotonic()
        while True:
            time.sleep(0.2)
            self._emulators.check()
            self._keep_gateway()
            self._simulators.keep()
            if time.monotonic() - saved > SAVE_SECONDS:
                self._emulators.save()
                saved = time.monotonic()

    def _keep_gateway(self) -> None:
        """As the platform does: an instance that ended is replaced; what it left is delivered to the next one."""
        if self._gateway is None or self._gateway.poll() is None:
            return
        short = time.monotonic() - self._gateway_started < SHORT_LIFE_SECONDS
        self._short_lives = self._short_lives + 1 if short else 0
        if self._short_lives == SHORT_LIVES:
            raise StackError(f"The gateway ends as soon as it has started. Its messages are in {self.log}.")
        print(f"The gateway ended by itself (see {self.log}) and is started again.", file=sys.stderr, flush=True)
        self._start_gateway()

    def stop(self) -> None:
        for thread in self._threads:
            thread.stop()
        if self._gateway and self._gateway.poll() is None:
            self._gateway.terminate()
            self._gateway.wait(timeout=15)
        if self._listener:
            self._listener.close()
        if self._gateway:  # else the file is another stack's
            self._running_file.unlink(missing_ok=True)
        # What this process itself has measured, seeding: at its end there is no Firestore any more to take it.
        metrics.forget_all()
        self._simulators.stop()
        self._emulators.stop()

    def _start_gateway(self) -> None:
        self._gateway_started = time.monotonic()
        assert self._listener is not None
        listener = self._listener.fileno()
        # A session of its own: a terminal's Ctrl-C reaches only this process, which ends the rest in order.
        self._gateway = subprocess.Popen(
            [sys.executable, "-m", "local.gateway"],
            env={**os.environ, "PORT": str(self._port), "LISTENER": str(listener)},
            pass_fds=[listener],
            start_new_session=True,
            stdout=self.log.open("ab"),
            stderr=subprocess.STDOUT,
        )
        deadline = time.monotonic() + READY_SECONDS
        while not _answers(self._port):
            if self._gateway.poll() is not None or time.monotonic() > deadline:
                raise StackError(f"The gateway did not start. Its messages are in {self.log}.")
            time.sleep(0.05)

    def _webhooks(self, settings: Settings) -> dict[str, tuple[str, str]]:
        """Where each provider's webhooks go, and the key that they are signed with."""
        payments = f"http://localhost:{self._port}/api/payments/webhook"
        return {
            "square": (settings.square_webhook_url, settings.square_webhook_signature_key),
            "authorizenet": (payments, settings.authorize_net_signature_key),
        }

    def _seed_once(self, platform: Platform) -> None:
        marker = platform.firestore.collection("local").document("seeded")
        if not marker.get().exists:
            seed(platform)
            marker.set({"done": True})


def _port() -> int:
    text = os.environ.get("PORT") or "3005"
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise StackError(f"PORT is '{text}'. It must be a number from 1 to 65535.")
    return int(text)


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port), backlog=1024)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise StackError(f"Port {port} cannot be used ({error.strerror}). Choose another: PORT=3006") from None
        raise StackError(
            f"Port {port} is taken. End what listens there (a left-over of `make run`? `make stop`), "
            "or choose another: PORT=3006 make run"
        ) from None


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/_local/clock", timeout=2).status_code > 0
    except requests.RequestException:
        return False


def stop_left_over(state: State) -> int:
    """End the stack whose state this is, if one runs, and wait until it has ended."""
    # The lock tells: a process id in a file may have passed to another program since.
    if not _locked(state):
        print("Nothing of `make run` is left over.")
        return 0
    supervisor = json.loads((state.folder / "pids.json").read_text())["supervisor"]
    with contextlib.suppress(ProcessLookupError):
        os.kill(supervisor, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while _locked(state):
        if time.monotonic() > deadline:
            print(f"Process {supervisor} does not stop. End it with: kill -9 {supervisor}", file=sys.stderr)
            return 1
        time.sleep(0.1)
    print(f"Stopped process {supervisor} and all it had started.")
    return 0


def _locked(state: State) -> bool:
    """Whether a stack holds the state folder."""
    try:
        with (state.folder / "lock").open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def main(arguments: list[str]) -> int:
    if arguments == ["stop"]:
        return stop_left_over(State.here())
    try:
        run(Stack(State.here(), _port()))
    except (EmulatorError, Misconfigured, SimulatorFailed, StackError) as error:
        print(f"make run: {error}", file=sys.stderr)
        return 1
    return 0


def run(stack: Stack) -> None:
    """Until SIGINT or SIGTERM. Raises EmulatorError, Misconfigured or StackError with what to do."""
    started = time.monotonic()
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    try:
        stack.start()
        elapsed = time.monotonic() - started
        log = os.path.relpath(stack.log)
        print(f"ready: {stack.url}  (after {elapsed:.1f} s; log: {log}; Ctrl-C ends it)", flush=True)
        stack.wait()
    except KeyboardInterrupt:
        print("\nstopping", flush=True)
    finally:
        # A second Ctrl-C must not cut short the saving and leave processes behind.
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        stack.stop()


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
