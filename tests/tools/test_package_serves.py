"""The packed archive by itself: unpacked, with an environment from its own lock, under the platform's own command."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from local.provision import PubSub, create_tables, warehouse
from tests.factories import processes
from tests.factories.claims import verify_body
from tests.factories.events import erasure
from tests.factories.messages import SECURITY_EVENTS, VERIFICATION_EVENTS, message_of, pulled
from tests.factories.processes import FunctionProcess, new_project
from tests.factories.tokens import bearer
from tests.factories.warehouse import Warehouse
from tools.package import build

ROOT = Path(__file__).parents[2]
# What Python 3.11 on the platform brings. Before 23.3, pip overlooked a pin when a dependency asked for an extra.
PIP = "pip==24.0"
OPTIONS = ("--upgrade", "--upgrade-strategy", "only-if-needed", "--force-reinstall", "--no-compile", "--require-hashes")
# The first test installs what functions require, which may have to be downloaded; one worker does it for all.
pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("archive")]


@dataclass(frozen=True)
class Unpacked:
    """An archive as the platform unpacks it, and an environment that has its requirements and nothing else."""

    folder: Path
    bin: Path


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Unpacked:
    place = tmp_path_factory.mktemp("deployed")
    folder, environment = place / "workspace", place / "environment"
    zipfile.ZipFile(io.BytesIO(build(ROOT))).extractall(folder)
    install(environment, folder / "requirements.txt")
    return Unpacked(folder, environment / "bin")


def install(environment: Path, requirements: Path) -> None:
    """As the platform's builder does, with its pip: uv, which all else here is installed with, accepts other locks."""
    python = str(environment / "bin" / "python")
    command([sys.executable, "-m", "venv", str(environment)])
    command([python, "-m", "pip", "install", "--quiet", PIP])
    command([python, "-m", "pip", "install", "--quiet", *OPTIONS, "--requirement", str(requirements)])
    command([python, "-m", "pip", "check"])


def command(arguments: list[str]) -> str:
    """Its standard output. It runs in no folder of ours."""
    done = subprocess.run(arguments, check=False, cwd="/", capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass(frozen=True)
class Deployed:
    """Three of the archive's functions, each a process of its own, on one project."""

    project: str
    verify: FunctionProcess
    status: FunctionProcess
    record_event: FunctionProcess

    @property
    def pubsub(self) -> PubSub:
        return PubSub(os.environ["PUBSUB_EMULATOR_HOST"], self.project)

    def push(self, message: dict[str, object], topic: str) -> int:
        """Deliver a message as Pub/Sub's push does, to the endpoint that Terraform gives it; the status."""
        path = f"projects/{self.project}/topics/{topic}"
        both_spellings = {"message_id": message["messageId"], "publish_time": message["publishTime"]}
        body = {
            "subscription": f"projects/{self.project}/subscriptions/audit-record-event.{topic}",
            "message": {**message, **both_spellings},
        }
        return requests.post(f"{self.record_event.url}/{path}", json=body, timeout=60).status_code


@pytest.fixture(scope="module")
def deployed(unpacked: Unpacked, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    project, logs = new_project(), tmp_path_factory.mktemp("logs")
    create_tables(warehouse(os.environ["BIGQUERY_EMULATOR_HOST"], project))
    with ExitStack() as started:
        # The processes are those of every other test, in the archive's folder and with its environment.
        elsewhere = started.enter_context(pytest.MonkeyPatch.context())
        elsewhere.setattr(processes, "ROOT", unpacked.folder)
        elsewhere.setattr(processes, "LEAN", unpacked.bin)
        names = ("verification_verify", "verification_status", "audit_record_event")
        functions = [FunctionProcess(name, project, logs / name) for name in names]
        for function in functions:
            started.callback(function.stop)
        yield Deployed(project, *(function.ready() for function in functions))


def test_nothing_of_the_repository_can_be_imported_there(unpacked: Unpacked) -> None:
    program = (
        "import importlib.util as u, sys; print(*sys.path, sep='\\n'); "
        "print([n for n in ('functions', 'local', 'main', 'shared', 'tests', 'tools') if u.find_spec(n)])"
    )
    *path, importable = command([str(unpacked.bin / "python"), "-I", "-c", program]).splitlines()
    assert importable == "[]"
    assert not [entry for entry in path if Path(entry).is_relative_to(ROOT)]
    # Whoever has run there has left its compiled modules.
    here = sorted(path.name for path in unpacked.folder.iterdir() if path.name != "__pycache__")
    assert here == ["functions", "infra", "main.py", "requirements.txt", "shared"]


def test_a_customer_is_verified_known_and_recorded(deployed: Deployed) -> None:
    routes, caller = "api/age-verification", bearer("customer", "c-1")
    verified = requests.post(f"{deployed.verify.url}/{routes}/verify", json=verify_body(), headers=caller, timeout=60)
    assert verified.status_code == 200, deployed.verify.output()
    assert (verified.json()["verified"], verified.json()["method"]) == (True, "full_verification")
    known = requests.get(f"{deployed.status.url}/{routes}/status/c-1", headers=caller, timeout=60)
    assert known.status_code == 200, deployed.status.output()
    verification = verified.json()["verificationId"]
    assert (known.json()["verified"], known.json()["verificationId"]) == (True, verification)

    messages = pulled(deployed.pubsub)
    assert {deployed.push(message, VERIFICATION_EVENTS) for message in messages} == {200}
    rows = Warehouse(deployed.project).rows("age_verifications")
    assert [row["verification_id"] for row in rows] == [verification], deployed.record_event.output()


def test_its_subscriber_takes_a_raw_push_of_either_topic(deployed: Deployed) -> None:
    event = {**erasure(event_id="evt_pushed"), "type": "security.forbidden"}
    assert deployed.push(message_of(event), SECURITY_EVENTS) == 200
    rows = Warehouse(deployed.project).rows("security_events")
    assert [row["event_id"] for row in rows] == ["evt_pushed"], deployed.record_event.output()


def test_its_endpoints_refuse_as_they_should(deployed: Deployed) -> None:
    path = f"{deployed.status.url}/api/age-verification/status/c-2"
    assert requests.get(path, timeout=60).json()["code"] == "unauthenticated"
    stranger = requests.get(path, headers=bearer("customer", "c-1"), timeout=60)
    assert (stranger.status_code, stranger.json()["code"]) == (403, "forbidden")
    minor = verify_body("c-3", dateOfBirth="2020-01-01")
    refused = requests.post(
        f"{deployed.verify.url}/api/age-verification/verify",
        json=minor,
        headers=bearer("customer", "c-3"),
        timeout=60,
    )
    assert (refused.status_code, refused.json()["verified"]) == (400, False)
