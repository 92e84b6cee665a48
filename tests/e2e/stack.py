"""A real local stack as a child process: what `make run` starts, with a state folder and a port of its own."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import requests

from local.environment import State
from tools.token import token

REPOSITORY = Path(__file__).parents[2]
PYTHON = REPOSITORY / ".venv/functions/bin/python"
READY_SECONDS = 60
# What a shell passes on; nothing of the emulators that the tests themselves run on.
INHERITED = ("PATH", "HOME", "LANG", "JAVA_HOME", "FIRESTORE_EMULATOR_JAR", "PUBSUB_EMULATOR_JAR")
# On Linux a stack ends with the tests that started it, however these end: this asks for it, then becomes the stack.
END_WITH_PARENT = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 15); os.execv(sys.argv[1], sys.argv[1:])"
Found = TypeVar("Found")


class RunningStack:
    """One `python -m local.stack`. `lines` are what it has printed; `url` is where it answers."""

    def __init__(self, state: Path, port: int, **changes: str) -> None:
        self.state = state
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.lines: list[str] = []
        self._fresh: queue.Queue[str | None] = queue.Queue()
        self.environment = {
            **{name: os.environ[name] for name in INHERITED if name in os.environ},
            "STATE_DIR": str(state),
            "PORT": str(port),
            "SIMULATED_PAYMENTS": "300",
            "FIRST_SYNC": "off",
            **changes,
        }
        # A process group of its own: a test can press Ctrl-C there as a terminal does.
        self.process = subprocess.Popen(
            [*([PYTHON, "-c", END_WITH_PARENT] if sys.platform == "linux" else []), PYTHON, "-m", "local.stack"],
            cwd=REPOSITORY,
            env=self.environment,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_until_ready(self) -> RunningStack:
        """Raises AssertionError with what it printed when it ends or stays silent instead."""
        deadline = time.monotonic() + READY_SECONDS
        with contextlib.suppress(queue.Empty):
            while line := self._fresh.get(timeout=max(0.0, deadline - time.monotonic())):
                if line.startswith("ready:"):
                    return self
        raise AssertionError(f"The stack is not ready. It printed: {self.lines}")

    def wait_until_ended(self, seconds: float = 30) -> int:
        """The exit code, once everything that it printed is in `lines`."""
        code = self.process.wait(timeout=seconds)
        self._reader.join(timeout=5)
        return code

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it as `kill` does and wait; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait_until_ended()

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return self.request("POST", path, **options)

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        return requests.request(method, self.url + path, timeout=30, **options)

    def events(self, **narrowed: str) -> list[dict[str, Any]]:
        """What `GET /_local/events` shows."""
        found: list[dict[str, Any]] = self.get("/_local/events", params=narrowed).json()["events"]
        return found

    @property
    def emulators(self) -> dict[str, str]:
        """The addresses of its emulators, by the names of the variables."""
        found: dict[str, str] = json.loads((self.state / "running.json").read_text())["emulators"]
        return found

    def token(self, role: str, subject: str, email: str = "") -> str:
        """What `make token` prints."""
        return token(State(self.state), role, subject, email)

    def bearer(self, role: str, subject: str, email: str = "") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(role, subject, email)}"}

    def processes(self) -> list[int]:
        """Every living process that was started for this state folder, the supervisor included."""
        return list(_processes_with(f"STATE_DIR={self.state}".encode()))

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as printed:
            for line in printed:
                self.lines.append(line.rstrip("\n"))
                self._fresh.put(line)
        self._fresh.put(None)


def _processes_with(variable: bytes) -> Iterator[int]:
    for folder in Path("/proc").glob("[0-9]*"):
        # A process may end while it is looked at, and a dead one that nobody waited for has no variables.
        with contextlib.suppress(OSError):
            if variable in (folder / "environ").read_bytes().split(b"\0"):
                yield int(folder.name)


def eventually(look: Callable[[], Found], seconds: float = 15) -> Found:
    """What `look` gives as soon as it is true; its last value when the time is over."""
    deadline = time.monotonic() + seconds
    pause = 0.05
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(pause)
        # Looks that go on for a minute stay far below the 1,000 requests a minute that an admin may send.
        pause = min(pause * 1.2, 0.5)
    return found
