"""The launcher as tests use it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import requests

STOPPED = "(stopped)"
ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv/functions/bin/python"
DIES_WITHIN_SECONDS = 20.0


class Launcher:
    """Forks functions that die at a chosen write. A context manager: nothing outlives the block."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[Process] = []

    def __enter__(self) -> Launcher:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        self._process = subprocess.Popen(
            [str(PYTHON), "-m", "tests.faults.launcher"],
            cwd=ROOT,
            env=kept,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._started:
            process.kill()
        self._process.communicate(timeout=10)

    def start(
        self, function: str, environment: dict[str, str], after: int | None = None, number: int = signal.SIGKILL
    ) -> Process:
        """Serve `function`. Right after write `after` (0: before its first; None: never) it gets the signal `number`:
        SIGKILL, or SIGSTOP until `go_on`.
        """
        name = f"{len(self._started)}"
        order = {
            "function": function,
            "environment": environment,
            "after": after,
            "signal": int(number),
            "trace": str(self._folder / f"{name}.trace"),
            "log": str(self._folder / f"{name}.log"),
        }
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        process = Process(answer["pid"], answer["port"], Path(order["trace"]))
        self._started.append(process)
        return process


class Process:
    """One function, alive or dead."""

    def __init__(self, pid: int, port: int, trace: Path) -> None:
        self._pid = pid
        self._url = f"http://127.0.0.1:{port}"
        self._trace = trace

    def call(self, method: str, path: str, **options: Any) -> requests.Response | None:
        """The answer; None when the process died instead of answering."""
        try:
            return requests.request(method, self._url + path, timeout=30, **options)
        except requests.ConnectionError:
            self._await_death()
            return None

    def writes(self) -> list[str]:
        """Names of the writes so far, in order."""
        return [line for line in self._lines() if line != STOPPED]

    def await_stop(self) -> None:
        """Wait until it has stopped at its write."""
        deadline = time.monotonic() + DIES_WITHIN_SECONDS
        while STOPPED not in self._lines():
            assert time.monotonic() < deadline, "the process did not come to its write"
            time.sleep(0.005)

    def go_on(self) -> None:
        os.kill(self._pid, signal.SIGCONT)

    def _lines(self) -> list[str]:
        return self._trace.read_text().splitlines() if self._trace.exists() else []

    def end(self) -> None:
        """As an instance that is not needed any more."""
        os.kill(self._pid, signal.SIGTERM)
        self._await_death()

    def kill(self) -> None:
        if self._alive():
            os.kill(self._pid, signal.SIGKILL)
            self._await_death()

    def _alive(self) -> bool:
        try:
            os.kill(self._pid, 0)
        except ProcessLookupError:
            return False
        return True

    def _await_death(self) -> None:
        deadline = time.monotonic() + DIES_WITHIN_SECONDS
        while self._alive():
            assert time.monotonic() < deadline, "the process neither answered nor died"
            time.sleep(0.005)
