"""Programs of the cloud (gcloud, terraform), run from a terminal: where they act, and errors a person can act on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
INFRA = REPOSITORY / "infra"
ENVIRONMENTS = ("staging", "production")
PROJECT_ID = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
REGION_NAME = re.compile(r"[a-z]+-[a-z]+[0-9]{1,2}")
LINES_KEPT = 40
# What the programs say → what to do about it.
HINTS = (
    ("could not find default credentials", "Sign in for Terraform: gcloud auth application-default login"),
    ("do not currently have an active account", "Sign in: gcloud auth login"),
    (r"invalid_grant|[Rr]eauthentication", "Sign in again: gcloud auth login; gcloud auth application-default login"),
    (
        r"Error acquiring the state lock",
        "Another deploy runs. If none does: make terraform PROJECT= REGION= ARGS='force-unlock -force <the ID above>'",
    ),
    (r"PERMISSION_DENIED|does not have permission|Error 403|HTTPError 403", "Ask the project's owner for the role."),
    (r"has not been used in project|SERVICE_DISABLED", "A service was enabled just now: wait 2 minutes, run it again."),
)


class Refused(Exception):
    """Something is in the way. The text says what, which thing, and what to do next."""


class ProgramFailed(Refused):
    """A program ended with an error. `output` is the end of what it said."""

    def __init__(self, arguments: list[str], output: str) -> None:
        hint = next((hint for pattern, hint in HINTS if re.search(pattern, output)), "")
        shown = " ".join(arguments)
        super().__init__("\n".join(part for part in (f"This command failed: {shown}", output.strip(), hint) if part))
        self.output = output


@dataclass(frozen=True)
class Target:
    """Where a command acts: project id, region, `staging` or `production`."""

    project: str
    region: str
    environment: str

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Target:
        """From PROJECT, REGION, ENVIRONMENT. Raises `Refused`."""
        target = cls(project(environ), environ.get("REGION", ""), environ.get("ENVIRONMENT") or "staging")
        if not REGION_NAME.fullmatch(target.region):
            raise Refused(f"REGION is '{target.region}'. Give one region, for example REGION=us-central1.")
        if target.environment not in ENVIRONMENTS:
            raise Refused(f"ENVIRONMENT is '{target.environment}'. Use staging or production.")
        return target

    @property
    def production(self) -> bool:
        return self.environment == "production"

    @property
    def variables(self) -> Path:
        """The environment's file of Terraform variables."""
        return INFRA / "environments" / f"{self.environment}.tfvars"

    @property
    def integrations(self) -> set[str]:
        """Providers whose secrets the functions get, by the same file."""
        text = self.variables.read_text(encoding="utf-8")
        named = re.search(r"^\s*integrations\s*=\s*\[([^]]*)\]", text, re.MULTILINE)
        return set(re.findall(r'"([^"]*)"', named[1] if named else ""))

    @property
    def folder(self) -> Path:
        """What commands keep about this project on this machine. Ignored by git; may be deleted at any time."""
        return REPOSITORY / ".local" / "terraform" / self.project

    def command(self, goal: str) -> str:
        """A command to paste."""
        return f"make {goal} PROJECT={self.project} REGION={self.region} ENVIRONMENT={self.environment}"


def project(environ: Mapping[str, str]) -> str:
    """PROJECT. Raises `Refused`."""
    name = environ.get("PROJECT", "")
    if not PROJECT_ID.fullmatch(name):
        raise Refused(
            f"PROJECT is '{name}'. Give the id of the Google Cloud project, for example PROJECT=shop-staging: "
            "6 to 30 lower-case letters, digits and hyphens, beginning with a letter."
        )
    return name


def step(name: str, text: str) -> None:
    """One line for one step."""
    print(f"{name:<12} {text}", flush=True)


def run(
    arguments: list[str], *, stdin: str = "", environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> str:
    """What the program wrote to its standard output. Raises `ProgramFailed`, `Refused`."""
    try:
        done = subprocess.run(
            arguments,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            env={**os.environ, **(environment or {})},
        )
    except FileNotFoundError:
        raise missing(arguments[0]) from None
    if done.returncode != 0:
        # Only what went to standard error is shown: standard output may be a value that was read.
        raise ProgramFailed(arguments, done.stderr)
    return done.stdout


def run_aloud(arguments: list[str], *, environment: Mapping[str, str], folder: Path) -> None:
    """Run a program that takes minutes, with its lines shown as they come. Raises `ProgramFailed`, `Refused`."""
    if shutil.which(arguments[0]) is None:
        raise missing(arguments[0])
    last: deque[str] = deque(maxlen=LINES_KEPT)
    with subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env={**os.environ, **environment},
    ) as process:
        for line in process.stdout or ():
            last.append(line)
            print(f"  {line}", end="", flush=True)
    if process.returncode != 0:
        raise ProgramFailed(arguments, "".join(last))


def gcloud(*arguments: str, stdin: str = "") -> str:
    """Raises `ProgramFailed`, `Refused`. A value that is secret goes through `stdin`, never through the arguments."""
    # Without a question: an answer that nobody gives would wait for ever.
    return run(["gcloud", *arguments], stdin=stdin, environment={"CLOUDSDK_CORE_DISABLE_PROMPTS": "1"})


def missing(program: str) -> Refused:
    pages = {
        "gcloud": "https://cloud.google.com/sdk/docs/install",
        "terraform": "https://developer.hashicorp.com/terraform/install (1.9 or later)",
    }
    return Refused(f"{program} is not installed. Install it: {pages.get(program, 'see docs/deployment.md')}")
