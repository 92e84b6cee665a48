"""The check itself: when it is skipped, how it fails, what it leaves. A stand-in takes the place of both programs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.cloud import INFRA, REPOSITORY

# Prints an empty plan, notes its environment and arguments in $NOTES, fails at the command $FAILS, and leaves a lock
# file where it was initialised.
PROGRAM = """#!/bin/sh
name=$(basename "$0"); echo "$@" >> "$NOTES/$name.calls"; env >> "$NOTES/$name.environment"
case "$1" in "$FAILS") echo "what $1 says"; exit 3;; esac
case "$1" in
  init) touch .terraform.lock.hcl;;
  show) echo '{"variables": {}, "resource_changes": []}';;
esac
"""
STEPS = ("fmt", "init", "validate", "plan staging", "plan production", "compare plans", "test core", "checkov")


class Check:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("terraform", "checkov"):
            (folder / name).write_text(PROGRAM)
            (folder / name).chmod(0o755)
        (folder / "terraformrc").write_text("")

    def run(self, **changes: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "PATH": f"{self.folder}:/usr/bin:/bin",
            "TF_CLI_CONFIG_FILE": str(self.folder / "terraformrc"),
            "CHECKOV": str(self.folder / "checkov"),
            "NOTES": str(self.folder),
            "FAILS": "nothing",
            **changes,
        }
        arguments = [sys.executable, "-m", "tools.check_infra"]
        return subprocess.run(
            arguments, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    def noted(self, name: str) -> list[str]:
        return (self.folder / name).read_text().splitlines()


@pytest.fixture
def check(tmp_path: Path) -> Check:
    return Check(tmp_path)


def test_every_step_is_taken_and_told_with_its_seconds(check: Check) -> None:
    done = check.run()
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert lines[-1] == "check-infra: all good"
    for step in STEPS:
        assert [line for line in lines if line.startswith(f"check-infra: {step} ") and line.endswith(" s ok")], step


def test_both_environments_are_planned(check: Check) -> None:
    check.run()
    planned = [call for call in check.noted("terraform.calls") if call.startswith("plan ")]
    assert len(planned) == 2
    for environment in ("staging", "production"):
        assert any(f"-var-file=environments/{environment}.tfvars" in call for call in planned)


@pytest.mark.parametrize("command", ["fmt", "init", "validate", "plan", "test"])
def test_a_failure_shows_what_the_tool_says(check: Check, command: str) -> None:
    done = check.run(FAILS=command)
    assert done.returncode == 1
    assert f"terraform {command} failed with exit code 3." in done.stdout
    assert f"what {command} says" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("failed: see above.")


def test_checkov_counts(check: Check) -> None:
    done = check.run(FAILS="--directory")
    assert done.returncode == 1
    assert "what --directory says" in done.stdout


def test_without_checkov_it_fails_and_says_what_to_do(check: Check) -> None:
    done = check.run(CHECKOV=str(check.folder / "absent"))
    assert done.returncode == 1
    assert "`make check-infra` installs it." in done.stdout


def test_skipped_without_terraform(check: Check) -> None:
    (check.folder / "terraform").unlink()
    done = check.run(PATH=str(check.folder))
    assert done.returncode == 0
    assert done.stdout == (
        "check-infra: skipped: terraform is not installed. Install Terraform 1.11 or later and run this again.\n"
    )


def test_skipped_without_providers(check: Check) -> None:
    """The registry is asked over a proxy that is not there."""
    done = check.run(TF_CLI_CONFIG_FILE=str(check.folder / "absent"), https_proxy="http://127.0.0.1:9", no_proxy="")
    assert done.returncode == 0
    assert done.stdout.startswith("check-infra: skipped: Terraform's registry cannot be reached")
    assert "TF_CLI_CONFIG_FILE" in done.stdout


def test_no_credential_and_no_variable_of_the_developer_is_used(check: Check) -> None:
    check.run(
        GOOGLE_APPLICATION_CREDENTIALS="/real/key.json",
        TF_VAR_project="real-project",
        TF_CLI_ARGS_plan="-destroy",
        BC_API_KEY="real-key",
    )
    terraform, checkov = ("\n".join(check.noted(f"{name}.environment")) for name in ("terraform", "checkov"))
    assert "GOOGLE_OAUTH_ACCESS_TOKEN=example" in terraform
    for foreign in ("/real/key.json", "real-project", "-destroy"):
        assert foreign not in terraform
    assert "real-key" not in checkov


def test_nothing_is_left_in_the_repository(check: Check) -> None:
    before = sorted(INFRA.rglob("*"))
    assert check.run().returncode == 0
    assert sorted(INFRA.rglob("*")) == before
