"""One emulator as a child process: started, asked whether it answers, ended together with us."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from local.installation import EmulatorError
from local.ports import HOST

# Linux ends a child together with its parent when the child asks for it. This asks, then becomes the
# emulator. A preexec_fn could ask too, but it forks a process that may have gRPC threads by then.
_DIE_WITH_PARENT: Final = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
if os.getppid() != int(sys.argv[1]):
    sys.exit("the process that started this one is gone")
os.execvp(sys.argv[2], sys.argv[2:])
"""


@dataclass(frozen=True)
class ClassArchive:
    """A JVM's loaded classes in a file. The first clean stop writes it; starts with it take a third."""

    path: Path

    @classmethod
    def of(cls, java: str, jar: Path, cache: Path) -> ClassArchive:
        """The archive of this jar on this Java; another build of either has another file."""
        builds = [(str(path), path.stat().st_mtime_ns) for path in (Path(java).resolve(), jar)]
        key = hashlib.sha256(repr(builds).encode()).hexdigest()[:12]
        cache.mkdir(parents=True, exist_ok=True)
        return cls(cache / f"{jar.stem}-{key}.jsa")

    @property
    def fresh(self) -> Path:
        return self.path.with_suffix(f".{os.getpid()}")

    def flags(self) -> list[str]:
        if not self.path.exists():
            # Warnings off: at its end it names, on the log's last lines, each class it cannot archive.
            return [f"-XX:ArchiveClassesAtExit={self.fresh}", "-Xlog:cds*=error"]
        # Verified (15 ms), because a damaged archive loads without a word and may crash much later.
        return ["-Xshare:auto", "-XX:+VerifySharedSpaces", f"-XX:SharedArchiveFile={self.path}"]

    def keep(self, exit_code: int) -> None:
        """After its JVM has ended: use the archive it wrote from now on, unless it was cut short."""
        if exit_code == 128 + signal.SIGTERM and self.fresh.exists():
            self.fresh.replace(self.path)
        self.fresh.unlink(missing_ok=True)


@dataclass(kw_only=True)
class Service:
    """One emulator: how to start it, and its process once started."""

    name: str
    port: int
    ready_path: str
    program: str
    arguments: list[str]
    log: Path
    directory: Path
    archive: ClassArchive | None = None
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    process: subprocess.Popen[bytes] | None = None

    def spawn(self) -> None:
        command = [self.program, *(self.archive.flags() if self.archive else []), *self.arguments]
        if sys.platform == "linux":
            command = [sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, str(os.getpid()), *command]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.directory,
                env=self.environment,
                start_new_session=True,  # a terminal's Ctrl-C is for the supervisor, which stops these in order
            )

    def ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def crashed(self) -> bool:
        return self.process is not None and (self.process.poll() or 0) < 0

    def answers(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=1)
        try:
            connection.request("GET", self.ready_path)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    @property
    def archiving(self) -> bool:
        """Whether its end will write a class archive."""
        return self.archive is not None and not self.archive.path.exists()

    def signal(self, number: int) -> None:
        """Signal the whole group: `java` may be a wrapper script with the JVM as its child."""
        # Not once it was seen to have ended: its number may belong to another program by then.
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)

    def end(self, deadline: float) -> None:
        """Wait for the end after SIGTERM, and force it at the deadline (of time.monotonic)."""
        if self.process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0.0, deadline - time.monotonic()))
        self.signal(signal.SIGKILL)
        exit_code = self.process.wait()
        if self.archive:
            self.archive.keep(exit_code)

    def failure(self, what: str, advice: str = "") -> EmulatorError:
        code = f" (exit code {self.process.returncode})" if self.process and self.ended() else ""
        lines = self.log.read_text(errors="replace").splitlines()[-15:] if self.log.exists() else []
        tail = "\n".join(f"    {line}" for line in lines or ["(nothing)"])
        return EmulatorError(f"The {self.name} emulator {what}{code}.{advice} Its log, {self.log}, ends:\n{tail}")
