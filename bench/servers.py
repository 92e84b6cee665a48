"""functions-framework processes of the lean environment, as they are deployed: one worker, threads."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local.ports import free_port

ROOT = Path(__file__).parents[1]
FRAMEWORK = ROOT / ".venv" / "functions" / "bin" / "functions-framework"
BARE = ROOT / "bench" / "bare" / "main.py"
OURS = ROOT / "main.py"
# As deployed: equal to the declared concurrency.
THREADS = "3"


@dataclass
class Server:
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def handler_latencies(self) -> list[float]:
        """What our functions logged as their own time, ms."""
        lines = (json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{"))
        return [line["latencyMs"] for line in lines if line.get("message") == "request"]

    def forget_log(self) -> None:
        os.truncate(self.log, 0)

    def peak_memory_mib(self) -> float:
        """The highest resident size of any of its processes."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return max(_peak(int(pid)) for pid in [self.process.pid, *children])


@contextlib.contextmanager
def serve(target: str, source: Path, environment: dict[str, str], folder: Path) -> Iterator[Server]:
    port = free_port()
    log = folder / f"{target}-{port}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(FRAMEWORK), "--target", target, "--source", str(source), "--port", str(port), "--host", "127.0.0.1"],
            env={**os.environ, **environment, "THREADS": THREADS},
            cwd=source.parent,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Server(port, process, log)
    finally:
        process.terminate()
        process.wait(timeout=10)


def first_answer(server: Server, path: str, headers: dict[str, str], body: bytes | None, deadline: float = 60) -> None:
    """Ask until the first 200."""
    until = time.monotonic() + deadline
    while time.monotonic() < until:
        asked = urllib.request.Request(
            f"http://127.0.0.1:{server.port}{path}", data=body, headers=headers, method="POST" if body else "GET"
        )
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                if answer.status == 200:
                    return
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{path} answered {error.code}: {error.read()[:300]!r}") from None
        except OSError:
            time.sleep(0.002)
    raise TimeoutError(f"{path} did not answer")


def _peak(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0
