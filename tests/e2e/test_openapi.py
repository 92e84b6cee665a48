"""The generated API document against the running API: Schemathesis, as schemathesis.toml configures it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.e2e.stack import REPOSITORY, RunningStack

pytestmark = pytest.mark.xdist_group("stack")
SCHEMATHESIS = REPOSITORY / ".venv/tools/bin/st"
DOCUMENT = REPOSITORY / "infra/generated/openapi.json"
PHASES = ("examples", "coverage", "fuzzing", "stateful")


@pytest.mark.timeout(300)
def test_the_api_is_as_its_document_says(signed_stack: RunningStack, tmp_path: Path) -> None:
    signed_stack.post("/_local/reset")
    report = tmp_path / "report.json"
    reporting = ["--no-color", "--report", "json", "--report-json-path", report]
    done = subprocess.run(
        [SCHEMATHESIS, "run", DOCUMENT, "--url", signed_stack.url, *reporting],
        cwd=REPOSITORY,
        # A test person, so that an admin has a status of their own to ask for.
        env={**os.environ, "TOKEN": signed_stack.token("admin", "sandbox-verified")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    found = json.loads(report.read_text())
    assert {phase: found["phases"][phase]["status"] for phase in PHASES} == dict.fromkeys(PHASES, "success")
    operations = [operation for path in json.loads(DOCUMENT.read_text())["paths"].values() for operation in path]
    assert found["operations"]["tested"] == len(operations)
    assert (found["test_cases"]["with_failures"], found["test_cases"]["errored"]) == (0, 0)
