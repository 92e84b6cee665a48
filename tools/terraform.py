"""Terraform on a copy of infra/: nothing is left behind in the repository, and no cloud is asked.

Two ways to see what would be deployed. `plan` is what `terraform plan` says, with values that only Google decides left
open. `rehearse` plans the same with Terraform's own mock providers, which make those values up, each of them once: in
it can be seen which account is granted what.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tools.cloud import INFRA, REPOSITORY
from tools.terraform_plan import Plan

# Which infra/web.tf uploads.
PAGES = REPOSITORY / "web"
PLUGINS = REPOSITORY / ".local" / "terraform-plugins"
REGISTRY = "https://registry.terraform.io/.well-known/terraform.json"
REGISTRY_SECONDS = 3.0
COMMAND_SECONDS = 600
# What the command line gives a real deploy. The archive is the hash of none.
EXAMPLE = {"project": "example-project", "region": "us-central1", "archive": f"{1:064x}"}
# What a developer has set for a deploy must not change what is checked, and no real credential is used.
FOREIGN = ("TF_VAR_", "TF_CLI_ARGS", "TF_WORKSPACE", "TF_DATA_DIR", "GOOGLE_", "CLOUDSDK_")
LEFT_OUT = shutil.ignore_patterns(".terraform", "*.tfstate*", "backend.tf", "backend_override.tf", "terraform.tfvars")


class NotHere(Exception):
    """Terraform or its providers cannot be had on this machine. The text says what to do."""


class Failed(Exception):
    """A command did not succeed: the sentence, and what the command itself printed."""

    def __init__(self, sentence: str, output: str) -> None:
        super().__init__(f"{sentence}\n{output}")
        self.sentence = sentence
        self.output = output


class Workplace:
    """A copy of infra/ in which Terraform is initialised. Its commands may run at the same time."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self._environment = environment

    def run(self, *arguments: str) -> str:
        """What the command printed. Raises `Failed`."""
        return command(["terraform", *arguments], self.folder, self._environment)

    def plan(self, environment: str, **variables: str) -> Plan:
        """The plan for environments/<environment>.tfvars in an empty project. Raises `Failed`."""
        with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".tfplan") as file:
            given = [f"-var={name}={value}" for name, value in {**EXAMPLE, **variables}.items()]
            tfvars = f"-var-file=environments/{environment}.tfvars"
            self.run("plan", "-input=false", "-lock=false", "-no-color", f"-out={file.name}", tfvars, *given)
            return Plan(json.loads(self.run("show", "-json", file.name)))

    def rehearse(self, plan: Plan, **changes: Any) -> Plan:
        """The plan with other variables, and made-up values for what only Google decides. Raises `Failed`.

        Left open is what is read from Google after something was made. What is made must be of the plan's types.
        """
        rehearsal = {"command": "plan", "variables": {**plan.variables, **changes}}
        document = {"mock_provider": _mocks(plan), "run": {"rehearsal": rehearsal}}
        with tempfile.NamedTemporaryFile("w", dir=self.folder / "tests", suffix=".tftest.json") as file:
            json.dump(document, file)
            file.flush()
            printed = self.run("test", "-json", "-verbose", f"-filter=tests/{Path(file.name).name}")
        (planned,) = (m["test_plan"] for m in map(json.loads, printed.splitlines()) if m["type"] == "test_plan")
        return Plan(planned)


def _mocks(plan: Plan) -> dict[str, Any]:
    """Provider → what it makes up already for a plan, said of each type: it does not follow from the first line."""
    found: dict[str, Any] = {}
    for resource in plan.resources:
        provider = resource["provider_name"].rpartition("/")[2]
        mock = found.setdefault(provider, {"override_during": "plan", "mock_resource": {}})
        mock["mock_resource"][resource["type"]] = {"defaults": {}}
    return found


@contextmanager
def workplace(environment: Mapping[str, str]) -> Iterator[Workplace]:
    """A copy that is gone afterwards. `environment`: of `terraform_environment`. Raises `Failed`."""
    with tempfile.TemporaryDirectory(prefix="livhana-infra-") as folder:
        copy = Path(folder) / "infra"
        shutil.copytree(INFRA, copy, ignore=LEFT_OUT)
        if PAGES.is_dir():
            shutil.copytree(PAGES, copy.parent / PAGES.name, ignore=shutil.ignore_patterns("node_modules"))
        if "TF_CLI_CONFIG_FILE" in environment:
            # Its hashes are those of the registry's providers.
            (copy / ".terraform.lock.hcl").unlink(missing_ok=True)
        place = Workplace(copy, environment)
        place.run("init", "-backend=false", "-input=false", "-no-color")
        yield place


def terraform_environment() -> dict[str, str]:
    """The environment of Terraform's commands, with a place that providers come from. Raises `NotHere`."""
    if shutil.which("terraform") is None:
        raise NotHere("terraform is not installed. Install Terraform 1.11 or later and run this again.")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    environment |= {
        # The provider wants one for a plan; nothing that is planned from an empty project asks Google.
        "GOOGLE_OAUTH_ACCESS_TOKEN": "example",
        "TF_IN_AUTOMATION": "1",
        "CHECKPOINT_DISABLE": "1",
    }
    configuration = environment.pop("TF_CLI_CONFIG_FILE", "")
    if configuration and Path(configuration).is_file():
        return {**environment, "TF_CLI_CONFIG_FILE": str(Path(configuration).resolve())}
    if not _reachable():
        raise NotHere(
            "Terraform's registry cannot be reached, so there are no providers. Connect to it, or set "
            "TF_CLI_CONFIG_FILE to a configuration with a mirror of hashicorp/google and hashicorp/google-beta."
        )
    PLUGINS.mkdir(parents=True, exist_ok=True)
    # The lock file that a cached provider might leave incomplete is thrown away with the copy.
    cache = {"TF_PLUGIN_CACHE_DIR": str(PLUGINS), "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE": "true"}
    return {**cache, **environment}


def command(arguments: list[str], folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """What it printed on its standard output. Raises `Failed`."""
    name = " ".join(arguments[:2])
    try:
        done = subprocess.run(
            arguments, cwd=folder, env=environment, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"{name} was ended because it took longer than {COMMAND_SECONDS} s.", "") from None
    if done.returncode != 0:
        raise Failed(f"{name} failed with exit code {done.returncode}.", f"{done.stdout}{done.stderr}".strip())
    return done.stdout


def _reachable() -> bool:
    try:
        with urllib.request.urlopen(REGISTRY, timeout=REGISTRY_SECONDS) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False
