"""docs/adding-a-function.md, done: what it shows is applied to a copy of the repository, tested there and served."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from local.ports import free_port
from tests.e2e.stack import END_WITH_PARENT, eventually
from tests.factories.environment import environment

REPOSITORY = Path(__file__).parents[2]
LEAN = REPOSITORY / ".venv/functions/bin/python"
PAGE = (REPOSITORY / "docs/adding-a-function.md").read_text(encoding="utf-8")
SOURCE = ("docs", "functions", "infra", "local", "shared", "tests", "tools", "main.py", "pyproject.toml")
TESTS = (
    "tests/functions/verification/test_days_left.py",
    "tests/authorisation/test_matrix.py",
    "tests/docs/test_openapi_document.py",
    "tests/docs/test_documented.py",
)
NAME, ROUTE = "verification_days_left", "/api/age-verification/days-left/c-1"


def shown() -> list[tuple[str, str]]:
    """(where it goes, code) of every block of Python on the page."""
    return re.findall(r"^```python (.+)\n((?:.*\n)+?)```$", PAGE, re.MULTILINE)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the source, without what the page adds."""
    ignored = shutil.ignore_patterns("__pycache__", ".*")
    for name in SOURCE:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=ignored)
        else:
            shutil.copy(source, tmp_path / name)
    return tmp_path


def apply(copy: Path, place: str, code: str) -> None:
    if place.startswith("new "):
        path = copy / place.removeprefix("new ")
        assert not path.exists()
        path.write_text(code, encoding="utf-8")
        return
    found = re.fullmatch(r"at the end of class (\w+) in (\S+)", place)
    assert found, f"The page does not say where this goes: {place}"
    path = copy / found[2]
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    after = next(node for node in ast.parse("".join(lines)).body if getattr(node, "name", "") == found[1]).end_lineno
    path.write_text("".join([*lines[:after], "\n", code, *lines[after:]]), encoding="utf-8")


def run(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=copy, capture_output=True, text=True, check=False, env={**os.environ}
    )


def test_a_function_that_was_not_generated_fails_the_check(copy: Path) -> None:
    assert run(copy, "tools.generate", "--check").returncode == 0
    for place, code in shown():
        apply(copy, place, code)
    stale = run(copy, "tools.generate", "--check")
    assert stale.returncode == 1
    for name in ("infra/generated/functions.json", "infra/generated/openapi.json", "docs/api.md"):
        assert f"{name} is stale. Run: make generate" in stale.stdout


def test_the_three_files_of_the_page_are_all_that_an_endpoint_takes(copy: Path, project: str) -> None:
    assert len(shown()) == 3
    for place, code in shown():
        apply(copy, place, code)
    assert run(copy, "tools.generate").returncode == 0
    assert run(copy, "tools.generate", "--check").returncode == 0
    generated = json.loads((copy / "infra/generated/functions.json").read_text())
    assert generated["verification-days-left"]["path"] == "/api/age-verification/days-left/{customer_id}"
    touched = [place.split()[-1] for place, _ in shown()]
    for tool in (["check"], ["format", "--check"]):
        linted = run(copy, "ruff", *tool, "--no-cache", *touched)
        assert linted.returncode == 0, linted.stdout
    # Its own test, and what the tests that go by the declarations say about it.
    tested = run(copy, "pytest", "-p", "no:cacheprovider", *TESTS, "-k", "days_left", "-rA")
    assert tested.returncode == 0, tested.stdout
    for name in TESTS:
        assert f"PASSED {name}" in tested.stdout
    for url in served(copy, project):
        assert eventually(lambda url=url: asked(url)) == (401, "unauthenticated")


def served(copy: Path, project: str) -> Iterator[str]:
    """Where functions-framework serves it from the copy, as it would be deployed."""
    port = free_port()
    command = [LEAN, "-m", "functions_framework", "--target", NAME, "--port", str(port)]
    if sys.platform == "linux":
        command = [LEAN, "-c", END_WITH_PARENT, *command]
    process = subprocess.Popen(command, cwd=copy, env={"PATH": os.environ["PATH"], **environment(project)})
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=10)


def asked(url: str) -> tuple[int, str] | None:
    """Status and code of the endpoint's answer, None while nothing answers."""
    try:
        answer = requests.get(url + ROUTE, timeout=5)
    except requests.ConnectionError:
        return None
    return answer.status_code, answer.json()["code"]
