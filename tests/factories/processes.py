"""Functions as processes of their own: the real functions-framework command in the lean environment."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any, Self

from local.ports import free_port
from local.provision import PubSub
from shared.runtime.manifest import declared_functions, topics
from tests.factories.environment import environment

ROOT = Path(__file__).parents[2]
LEAN = ROOT / ".venv" / "functions" / "bin"
# In place of the command: watches the Firestore client's commits.
WATCHED = Path(__file__).with_name("watched_function.py")
START_SECONDS = 60.0
STOP_SECONDS = 10.0


def new_project() -> str:
    """A project of its own on the running emulators, with the declared topics."""
    name = f"t-{uuid.uuid4().hex[:12]}"
    PubSub(os.environ["PUBSUB_EMULATOR_HOST"], name).create_topics(topics(declared_functions()))
    return name


class FunctionProcess:
    """One entry point, served by `functions-framework` with the variables of `environment(project, **changes)`.

    `launcher` is a script that is run in place of the command, with the same arguments (see watched_function.py).
    """

    def __init__(self, entry_point: str, project: str, log: Path, *, launcher: Path | None = None, **changes: str):
        self.port = free_port()
        self.project = project
        self.log = log
        command = [str(LEAN / "python"), str(launcher)] if launcher else [str(LEAN / "functions-framework")]
        options = ["--target", entry_point, "--source", "main.py", "--host", "127.0.0.1", "--port", str(self.port)]
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*command, *options],
                cwd=ROOT,
                env={**kept, "PYTHONUNBUFFERED": "1", **environment(project), **changes},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self.ready()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ready(self) -> Self:
        """Wait until it accepts connections. Raises RuntimeError with its output when it ends instead."""
        deadline = time.monotonic() + START_SECONDS
        while not _accepts(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"The function did not start:\n{self.output()}")
            time.sleep(0.02)
        return self

    def exit_code(self) -> int:
        """Wait until it has ended by itself."""
        return self._process.wait(START_SECONDS)

    def stop(self) -> None:
        try:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(STOP_SECONDS)
        except ProcessLookupError:
            pass
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(STOP_SECONDS)

    def output(self) -> str:
        """Everything that it wrote so far."""
        return self.log.read_text(errors="replace")

    def lines(self, message: str = "") -> list[dict[str, Any]]:
        """Its log lines, or those whose message is `message`."""
        found = [json.loads(line) for line in self.output().splitlines() if line.startswith("{")]
        return [line for line in found if message in ("", line["message"])]


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
