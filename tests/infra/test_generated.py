"""What Terraform reads is what the code declares: a function that was not generated does not pass `make check`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.cloud import REPOSITORY

PROBE = '''"""GET /api/probe"""

from shared.runtime.declare import PUBLIC, endpoint
from shared.runtime.request import Answer, Request
from shared.verification.schemas import HealthAnswer


@endpoint("GET /api/probe", auth=PUBLIC, responds={200: HealthAnswer})
def handle(request: Request) -> Answer:
    """Whether this is a function."""
    return Answer(200, {})
'''


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The repository with one more function, functions/extra/probe.py."""
    for name in ("docs", "functions", "infra", "local", "shared", "tools"):
        ignored = shutil.ignore_patterns("__pycache__", ".terraform*")
        shutil.copytree(REPOSITORY / name, tmp_path / name, ignore=ignored)
    (tmp_path / "functions" / "extra").mkdir()
    (tmp_path / "functions" / "extra" / "__init__.py").write_text("")
    (tmp_path / "functions" / "extra" / "probe.py").write_text(PROBE)
    return tmp_path


def test_a_function_that_was_not_generated_is_named_by_the_check(copy: Path) -> None:
    checked = _generate(copy, "--check")
    assert checked.returncode == 1
    assert "infra/generated/functions.json is stale. Run: make generate" in checked.stdout


def test_generated_it_is_deployed(copy: Path) -> None:
    assert _generate(copy).returncode == 0
    functions = json.loads((copy / "infra" / "generated" / "functions.json").read_text())
    assert functions["extra-probe"]["entryPoint"] == "extra_probe"
    assert _generate(copy, "--check").returncode == 0


def _generate(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.generate", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
