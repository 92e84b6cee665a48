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
import http.client
import json
import os
import shutil
import signal
import socket
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Final

from local.emulator_process import ClassArchive, Service
from local.installation import EmulatorError, find_jars, find_java, output_of
from local.ports import HOST, free_port

REPOSITORY: Final = Path(__file__).resolve().parent.parent
START_SECONDS: Final = 60.0  # a start takes 1-2 s; a machine under load ten times that
STOP_SECONDS: Final = 5.0
# The first stop of a JVM writes its class archive, which takes some seconds more on a busy machine.
FIRST_STOP_SECONDS: Final = 25.0
POLL_SECONDS: Final = 0.03


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
        self._services: list[Service] = []
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

    def _describe(self, ports: Ports) -> list[Service]:
        """The three services, the slowest first. Raises EmulatorError for what is not installed."""
        if not self._tools_python.is_file():
            raise EmulatorError(f"{self._tools_python} is not there: run `make setup` first.")
        java = find_java(self._tools_python)
        jars = find_jars(self._state / "logs")
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

    def _jvm(self, name: str, port: int, java: str, jar: Path, options: list[str]) -> Service:
        # The first compiler tier alone: measured with 8 reading threads on 2 cores, a fifth more reads
        # per second than with all tiers, 40 % less processor time per read, 40 MB less memory.
        tuning = ["-XX:+IgnoreUnrecognizedVMOptions", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
        return Service(
            name=name,
            port=port,
            ready_path="/",
            program=java,
            arguments=[*tuning, *options, f"--host={HOST}", f"--port={port}"],
            log=self._state / f"logs/{name}.log",
            directory=self._state / "logs",  # where a crashing JVM leaves its report
            archive=ClassArchive.of(java, jar, self._class_cache),
        )

    def _bigquery(self, port: int) -> Service:
        data = ["--persistent", "--data-dir", str(self._state / "bigquery")]
        arguments = ["-m", "local.bigquery_launcher", "start", "--rest-host", HOST, "--rest-port", str(port)]
        arguments += ["--grpc-port", "0", "--log-level", "warning", "--log-format", "console"]
        environment = {**os.environ, "BQEMU_UPLOAD_STAGING_DIR": str(self._state / "bigquery-uploads")}
        environment.pop("PYTHONPATH", None)  # it may name the functions' packages
        return Service(
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
            for service in filter(Service.ended, waiting):
                self._start_again(service)
            if time.monotonic() > deadline:
                raise waiting[0].failure(f"did not answer within {START_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)
        self.check()

    def _start_again(self, service: Service) -> None:
        """Once more without its class archive when it crashed with one, which a cut-off file leads to."""
        if not service.crashed() or service.archive is None or not service.archive.path.exists():
            saved = f" If its saved data is damaged, move {self._state} away to start empty."
            raise service.failure("ended while starting", advice=saved if self._persistent else "")
        service.archive.path.unlink(missing_ok=True)
        self._spawner.submit(service.spawn).result()

    def _end_all(self) -> None:
        for service in self._services:
            service.signal(signal.SIGTERM)
        archiving = any(service.archiving for service in self._services)
        deadline = time.monotonic() + (FIRST_STOP_SECONDS if archiving else STOP_SECONDS)
        for service in self._services:
            service.end(deadline)
        if self._services:  # else the file is of an earlier start, and says what that one left behind
            (self._state / "pids.json").unlink(missing_ok=True)
        self._services = []
        if self._lock:
            self._lock.close()
            self._lock = None


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
    chosen = {name: port or free_port() for name, port in asdict(wanted).items()}
    with contextlib.ExitStack() as held:  # all at once, so that no two are the same
        for name, port in chosen.items():
            probe = held.enter_context(socket.socket())
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError as error:
                raise EmulatorError(_why_not(name, port, error, state)) from None
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
    return output_of("ps", "-ww", "-p", str(pid), "-o", "command=")


def _point(link: Path, target: str) -> None:
    """Make the symbolic link name `target` in one step: it is never missing and never half written."""
    step = link.with_suffix(".new")
    step.unlink(missing_ok=True)
    step.symlink_to(target)
    step.replace(link)
