"""Starts functions that die, or stop, at a chosen write: `python -m tests.faults.launcher`, in the lean environment.

Each line of standard input is an order, `{function, environment, after, signal, trace, log}`; for each a process is
forked that serves the function on a free port and answers with a line `{pid, port}`; at SIGTERM it ends in order.
The Google SDK and `requests` are wrapped in that process: every write appends its name to the file `trace`, and right
after write number `after` (0: before the first) the process sends itself the signal: SIGKILL, as `kill -9` would, or
SIGSTOP, until the test lets it go on. Forking costs a tenth of a start; no client exists before it.
"""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import functions_framework
import google.cloud.bigquery  # noqa: F401 - imported once, here, for all processes
import requests
from google.cloud.firestore_v1.batch import WriteBatch
from werkzeug.serving import make_server

MAIN = str(Path(__file__).parents[2] / "main.py")
STOPPED = "(stopped)"


class Writes:
    """Counts the writes of this process, and sends it the signal when the time has come."""

    def __init__(self, after: int | None, number: int, trace: Path) -> None:
        self._after = after
        self._signal = number
        self._trace = trace
        self._count = 0
        self._lock = threading.RLock()

    def wrap(self, kind: Any, method: str, name_of: Callable[..., str | None]) -> None:
        """`name_of` the call's arguments gives the name of the write, None for a call that writes nothing."""
        original = getattr(kind, method)

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            name = name_of(*args)
            return original(*args, **kwargs) if name is None else self._write(name, lambda: original(*args, **kwargs))

        setattr(kind, method, wrapped)

    def _write(self, name: str, call: Callable[[], Any]) -> Any:
        with self._lock:
            if self._after == 0:
                self._send()
            self._note(name)
            result = call()
            self._count += 1
            if self._count == self._after:
                self._send()
            return result

    def _send(self) -> None:
        self._after = None
        if self._signal == signal.SIGSTOP:
            self._note(STOPPED)
        os.kill(os.getpid(), self._signal)

    def _note(self, line: str) -> None:
        with self._trace.open("a") as file:
            file.write(line + "\n")


def batch_name(batch: Any) -> str | None:
    """The collections that a commit writes to; `-` before those it deletes from. Figures go when their timer says."""
    names = " ".join(
        f"-{_collection(pb.delete)}" if pb.delete else _collection(pb.update.name) for pb in batch._write_pbs
    )
    return None if set(names.split()) == {"metrics"} else names


def request_name(session: Any, request: requests.PreparedRequest) -> str | None:
    """Publishing, and BigQuery's MERGE; every other request only reads."""
    url, body = request.url or "", request.body or b""
    if url.endswith(":publish"):
        return "publish " + url.rpartition("/")[2].removesuffix(":publish")
    text = body.decode() if isinstance(body, bytes) else str(body)
    if "MERGE" not in text:
        return None
    return "merge " + json.loads(text)["query"].split("`")[1].partition(".")[2]


def _collection(name: str) -> str:
    return name.partition("/documents/")[2].partition("/")[0]


def serve(order: dict[str, Any], answers: int) -> None:
    """In the forked process: never returns."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: never outlive the tests
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.update(order["environment"])
    writes = Writes(order["after"], order["signal"], Path(order["trace"]))
    writes.wrap(WriteBatch, "commit", batch_name)
    writes.wrap(requests.Session, "send", request_name)
    app = functions_framework.create_app(order["function"], MAIN)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    os.write(answers, json.dumps({"pid": os.getpid(), "port": server.server_port}).encode() + b"\n")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server.serve_forever()
    finally:
        # A forked process would end as its parent does, and what was registered here not be called.
        atexit._run_exitfuncs()


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead need no waiting for
    answers = os.dup(1)
    for line in sys.stdin:
        if os.fork() == 0:
            try:
                serve(json.loads(line), answers)
            finally:
                os._exit(1)


if __name__ == "__main__":
    main()
