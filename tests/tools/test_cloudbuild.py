"""cloudbuild.yaml: its steps call make targets that exist, in the right order, and hold no secret.

The scripts are run as they are, by bash, with a stand-in of `make` that writes down what it was called with.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "cloudbuild.yaml").read_text()
BUILD: dict[str, Any] = yaml.safe_load(TEXT)
SCRIPTS = {step["id"]: step["script"] for step in BUILD["steps"]}
MAKE = """#!/usr/bin/env bash
echo "$@" >> "$CALLS"
[ "$1" = "$FAILS" ] && exit 2
[ "$2" = package ] && echo "packing" && echo "0123abcd"
exit 0
"""


def run(folder: Path, *, fails: str = "", apply: str = "true") -> tuple[str, list[str]]:
    """(the step that failed or nothing, what make was called with)."""
    make = folder / "bin" / "make"
    make.parent.mkdir()
    make.write_text(MAKE)
    make.chmod(0o755)
    environment = {
        "PATH": f"{folder}/bin:/usr/bin:/bin",
        "CALLS": str(folder / "calls"),
        "FAILS": fails,
        "PROJECT_ID": "shop",
        **BUILD["substitutions"],
        "_APPLY": apply,
    }
    for name, script in SCRIPTS.items():
        if name == "toolbox":
            continue
        file = folder / name
        file.write_text(script if script.startswith("#!") else f"#!/bin/sh\n{script}")
        file.chmod(0o755)
        if subprocess.run([file], cwd=folder, env=environment, capture_output=True, check=False).returncode:
            return name, (folder / "calls").read_text().splitlines()
    return "", (folder / "calls").read_text().splitlines()


WHERE = "PROJECT=shop REGION=us-central1 ENVIRONMENT=staging"
BEFORE = ["check", "test", "--silent package", f"plan {WHERE} ARCHIVE=0123abcd"]
DEPLOY = f"deploy {WHERE} ARCHIVE=0123abcd YES=1 SMOKE=0"
SMOKE = f"smoke {WHERE}"


def test_a_push_to_main_is_checked_planned_deployed_and_asked(tmp_path: Path) -> None:
    assert run(tmp_path) == ("", [*BEFORE, DEPLOY, SMOKE])


def test_any_other_push_stops_after_the_plan(tmp_path: Path) -> None:
    assert run(tmp_path, apply="false") == ("", BEFORE)


def test_what_is_not_ready_is_rolled_back_and_the_build_fails(tmp_path: Path) -> None:
    assert run(tmp_path, fails="smoke") == ("smoke", [*BEFORE, DEPLOY, SMOKE, f"rollback {WHERE} YES=1"])


@pytest.mark.parametrize("target", ["check", "test", "plan", "deploy"])
def test_a_failure_ends_the_build(tmp_path: Path, target: str) -> None:
    failed, calls = run(tmp_path, fails=target)
    assert failed == {"deploy": "apply"}.get(target, target)
    assert calls[-1].split()[0] == target


def test_every_target_is_one_of_the_makefile() -> None:
    rules = re.findall(r"^([a-z -]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    targets = {target for rule in rules for target in rule.split()}
    called = {
        target
        for script in SCRIPTS.values()
        for target in re.findall(r"^make (?:--silent )?([a-z-]+)", script, re.MULTILINE)
    }
    assert called == {"check", "test", "package", "plan", "deploy", "smoke", "rollback"}
    assert called <= targets


def test_triggers_give_substitutions_that_the_file_declares() -> None:
    given = set(re.findall(r"\b(_[A-Z]+)\s*=", (ROOT / "infra" / "build.tf").read_text()))
    assert given == set(BUILD["substitutions"])


def test_no_secret_is_in_it() -> None:
    assert not {"availableSecrets", "secrets"} & BUILD.keys()
    assert not any("secretEnv" in step or "env" in step for step in BUILD["steps"])
    assert not re.search(r"PASSWORD|PRIVATE KEY|_KEY\b|TOKEN\b|_SECRET\b", TEXT)
    assert BUILD["options"] == {"automapSubstitutions": True, "logging": "CLOUD_LOGGING_ONLY"}


def test_steps_run_in_the_toolbox_that_the_first_one_makes() -> None:
    first, *others = BUILD["steps"]
    assert "docker build --tag toolbox" in first["script"]
    assert {step["name"] for step in others} == {"toolbox"}
