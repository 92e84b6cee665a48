"""Terraform over infra/ on a real project: state in the project's bucket, nothing but backend.tf left in infra/.

`tools/terraform.py` does the same on a copy, without a cloud, for checks and tests.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.cloud import INFRA, Refused, Target, run, run_aloud

PREFIX = "livhana"
BACKEND = """# Written by `make deploy`, which says on the command line where the state lies. Checks need no cloud.
terraform {
  backend "gcs" {}
}
"""
IMPORT = """import {{
  to = {}
  id = "projects/{}/secrets/{}"
}}
"""
# What cannot be made again once it is deleted.
DATA = (
    "google_bigquery_dataset",
    "google_bigquery_table",
    "google_firestore_database",
    "google_kms_crypto_key",
    "google_secret_manager_secret",
    "google_storage_bucket",
)
SECRET = "google_secret_manager_secret.secret"
STORES = ("google_storage_bucket.archives", SECRET)


@dataclass(frozen=True)
class Release:
    """One built state of the functions: SHA-256 of the archive, the archive, its functions.json."""

    archive: str
    zip: Path
    declarations: Path

    def secrets(self, integrations: set[str]) -> set[str]:
        """Names of every secret that its functions declare, with those of these providers."""
        return self._declared("secrets") | self._declared("optionalSecrets") - self.left_out(integrations)

    def left_out(self, integrations: set[str]) -> set[str]:
        """Names of the secrets of other providers, which nobody gets."""
        return {secret for secret in self._declared("optionalSecrets") if not is_of(secret, integrations)}

    def _declared(self, kind: str) -> set[str]:
        """An earlier archive's declarations do not know every kind."""
        functions = json.loads(self.declarations.read_text(encoding="utf-8"))
        return {secret for function in functions.values() for secret in function.get(kind, [])}


@dataclass(frozen=True)
class Changes:
    """What a plan would do: address → actions (`create`, `update`, `delete`)."""

    actions: dict[str, list[str]]

    def __str__(self) -> str:
        numbers = [f"{sum(action in done for done in self.actions.values())} to {action}" for action in _ACTIONS]
        return ", ".join(numbers)

    @property
    def lost(self) -> list[str]:
        """Addresses of data that would be deleted."""
        return [a for a, done in self.actions.items() if "delete" in done and a.split(".")[0] in DATA]


_ACTIONS = ("create", "update", "delete")


class Infra:
    """Commands of Terraform for one target. Every method raises `ProgramFailed`, `Refused`."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self.plan_file = target.folder / "plan.bin"
        self.plan_text = target.folder / "plan.txt"

    def init(self) -> None:
        self._write_backend()
        self._target.folder.mkdir(parents=True, exist_ok=True)
        place = (f"-backend-config=bucket={self._target.project}-state", f"-backend-config=prefix={PREFIX}")
        self._run("init", "-input=false", "-reconfigure", *place)

    def addresses(self) -> list[str]:
        """What the state holds; empty before the first deploy."""
        try:
            return self._run("state", "list").splitlines()
        except Refused as error:
            if "No state file was found" in str(error):
                return []
            raise

    def outputs(self) -> dict[str, Any]:
        """Name → value; empty before the first deploy."""
        return {name: output["value"] for name, output in json.loads(self._run("output", "-json") or "{}").items()}

    def plan(self, release: Release) -> Changes:
        """Kept in `plan_file`, in words in `plan_text`."""
        options = ("-input=false", "-lock-timeout=300s", f"-out={self.plan_file}")
        self._run("plan", *options, *self.variables(release))
        self.plan_text.write_text(self._run("show", str(self.plan_file)), encoding="utf-8")
        shown = json.loads(self._run("show", "-json", str(self.plan_file)))
        return Changes({r["address"]: r["change"]["actions"] for r in shown.get("resource_changes", [])})

    def apply_plan(self) -> None:
        run_aloud(self._command("apply", "-input=false", "-lock-timeout=300s", str(self.plan_file)), **self._place())

    def apply_only(self, release: Release, addresses: tuple[str, ...], *more: str) -> None:
        """Only these addresses and what they stand on."""
        targets = [f"-target={address}" for address in addresses]
        options = ("-input=false", "-auto-approve", "-lock-timeout=300s")
        run_aloud(self._command("apply", *options, *targets, *self.variables(release), *more), **self._place())

    def destroy(self, release: Release, *more: str) -> None:
        options = ("-input=false", "-auto-approve", "-lock-timeout=300s")
        run_aloud(self._command("destroy", *options, *self.variables(release), *more), **self._place())

    def make_stores(self, release: Release, found: list[str]) -> None:
        """The archives bucket and the empty secrets; secrets that are `found` in the project join the state."""
        # Not with `terraform import`, which wants to know everything of a deployment that is only half there.
        self._write_backend(*(IMPORT.format(secret(name), self._target.project, name) for name in found))
        try:
            self.apply_only(release, STORES)
        finally:
            self._write_backend()

    def forget(self, addresses: list[str]) -> None:
        """Take out of the state, and leave as it is in the cloud."""
        self._run("state", "rm", *addresses)

    def any(self, arguments: list[str]) -> None:
        """Whatever a person wants to run on this state."""
        run_aloud(["terraform", *arguments], **self._place())

    def variables(self, release: Release) -> list[str]:
        target = self._target
        values = {"project": target.project, "region": target.region, "archive": release.archive}
        given = [f"-var={name}={value}" for name, value in values.items()]
        return [f"-var-file={target.variables}", *given, f"-var=declarations={release.declarations}"]

    def _write_backend(self, *more: str) -> None:
        (INFRA / "backend.tf").write_text("\n".join((BACKEND, *more)), encoding="utf-8")

    def _run(self, *arguments: str) -> str:
        return run(self._command(*arguments), **self._place())

    def _command(self, verb: str, *arguments: str) -> list[str]:
        # `state` takes a second word before its options.
        return ["terraform", verb, *arguments] if verb == "state" else ["terraform", verb, "-no-color", *arguments]

    def _place(self) -> dict[str, Any]:
        names = {"TF_DATA_DIR": str(self._target.folder / "data"), "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
        return {"environment": names, "folder": INFRA}


def is_of(secret: str, providers: Collection[str]) -> bool:
    """Whether it is one of these providers': the secret's name begins with theirs. As in infra/locals.tf."""
    return any(secret.startswith(f"{name.upper()}_") for name in providers)


def secret(name: str) -> str:
    """The address of a secret."""
    return f'{SECRET}["{name}"]'


def secrets_in(addresses: list[str]) -> set[str]:
    """Names of the secrets among addresses."""
    found = (re.fullmatch(re.escape(SECRET) + r'\["(.+)"\]', address) for address in addresses)
    return {match[1] for match in found if match}
