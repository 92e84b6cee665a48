"""`make run`: the whole system on this machine. Ctrl-C ends everything it started."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from types import FrameType

import requests

from local.emulators import EmulatorError, Emulators
from local.environment import PROJECT, State, variables
from local.events import EventRecorder
from local.provision import PubSub, create_tables, warehouse
from local.scheduler import Scheduler
from local.seed import seed
from shared.platform.context import Platform
from shared.platform.settings import Settings
from shared.runtime.manifest import declared_functions, topics

READY_SECONDS = 30


class StackError(RuntimeError):
    """The stack cannot start; the sentence says what to do."""


class Stack:
    """Emulators, what is provisioned in them, the gateway, the event recorder and the scheduler."""

    def __init__(self, state: State, port: int) -> None:
        self._state = state
        self._port = port
        self._emulators = Emulators(state.folder, project=PROJECT, persistent=True)
        self._gateway: subprocess.Popen[bytes] | None = None
        self._threads: list[EventRecorder | Scheduler] = []

    def start(self) -> None:
        """Raises EmulatorError or StackError with what to do."""
        _check_port(self._port)
        self._state.events_file.parent.mkdir(parents=True, exist_ok=True)
        self._state.events_file.unlink(missing_ok=True)
        addresses = self._emulators.start()
        environment = variables(self._state, addresses.environment(), self._port)
        os.environ.update(environment)
        platform = Platform.start(Settings.load())
        pubsub = PubSub(addresses.pubsub, PROJECT)
        pubsub.create_all(f"http://127.0.0.1:{self._port}/_push")
        create_tables(warehouse(addresses.bigquery, PROJECT))
        self._start_gateway({**os.environ, **environment})
        self._seed_once(platform)
        self._threads = [
            EventRecorder(pubsub, topics(declared_functions()), self._state),
            Scheduler(platform.publisher, platform.clock, platform.settings.store_timezone),
        ]
        for thread in self._threads:
            thread.start()

    def wait(self) -> None:
        """Until the gateway or an emulator ends by itself. Raises EmulatorError, StackError."""
        while self._gateway and self._gateway.poll() is None:
            time.sleep(0.5)
            self._emulators.check()
        raise StackError("The gateway ended by itself. Its messages are above.")

    def stop(self) -> None:
        for thread in self._threads:
            thread.stop()
        if self._gateway and self._gateway.poll() is None:
            self._gateway.terminate()
            self._gateway.wait(timeout=15)
        self._emulators.stop()

    def _start_gateway(self, environment: dict[str, str]) -> None:
        environment["PORT"] = str(self._port)
        # A session of its own: a terminal's Ctrl-C reaches only this process, which ends the rest in order.
        self._gateway = subprocess.Popen(
            [sys.executable, "-m", "local.gateway"], env=environment, start_new_session=True
        )
        deadline = time.monotonic() + READY_SECONDS
        while not _answers(self._port):
            if self._gateway.poll() is not None or time.monotonic() > deadline:
                raise StackError("The gateway did not start. Its messages are above.")
            time.sleep(0.05)

    def _seed_once(self, platform: Platform) -> None:
        marker = platform.firestore.collection("local").document("seeded")
        if not marker.get().exists:
            seed(platform)
            marker.set({"done": True})


def _check_port(port: int) -> None:
    if _answers(port):
        raise StackError(
            f"Port {port} is taken. End what listens there (a left-over of `make run`? `make stop`), "
            "or choose another: PORT=3006 make run"
        )


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/_local/clock", timeout=2).status_code > 0
    except requests.RequestException:
        return False


def stop_left_over(state: State) -> int:
    """End the stack whose state this is, if one runs."""
    pids = state.folder / "pids.json"
    if not pids.exists():
        print("Nothing of `make run` is left over.")
        return 0
    supervisor = json.loads(pids.read_text())["supervisor"]
    with contextlib.suppress(ProcessLookupError):
        os.kill(supervisor, signal.SIGTERM)
        print(f"Told process {supervisor} to stop.")
    return 0


def main(arguments: list[str]) -> int:
    if arguments == ["stop"]:
        return stop_left_over(State.here())
    started = time.monotonic()
    port = int(os.environ.get("PORT") or 3005)
    stack = Stack(State.here(), port)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        stack.start()
        print(f"ready: http://127.0.0.1:{port}  (after {time.monotonic() - started:.1f} s; Ctrl-C ends it)", flush=True)
        stack.wait()
    except KeyboardInterrupt:
        print("\nstopping", flush=True)
    except (EmulatorError, StackError) as error:
        print(f"make run: {error}", file=sys.stderr)
        return 1
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        stack.stop()
    return 0


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
