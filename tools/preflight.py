"""What must hold before a deploy, and what Terraform itself stands on: enabled services and the state bucket."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping

from tools.cloud import REPOSITORY, ProgramFailed, Refused, Target, gcloud, missing, step

# Terraform enables the others; without these it cannot ask for anything.
FIRST_SERVICES = ("serviceusage", "cloudresourcemanager", "storage", "iam")
DEFAULT_KEY_RING = "livhana"
# Made by commands of ours, none of it goes into the archive.
NOT_SOURCE = (":!dist", ":!infra/backend.tf", ":!infra/.terraform.lock.hcl")


def check(target: Target, environ: Mapping[str, str], *, deploys: bool = True) -> None:
    """Programs, credentials, project, billing; for a production deploy also the work tree. Raises `Refused`."""
    for program in ("gcloud", "terraform"):
        if shutil.which(program) is None:
            raise missing(program)
    account = _account()
    _check_project(target)
    if deploys and target.production and environ.get("ALLOW_DIRTY") != "1":
        _check_work_tree()
    step("preflight", f"{target.project} ({target.environment}, {target.region}) as {account}")


def bootstrap(target: Target) -> None:
    """The first services and the state bucket, made when they are missing. Raises `Refused`."""
    gcloud("services", "enable", *(f"{s}.googleapis.com" for s in FIRST_SERVICES), f"--project={target.project}")
    bucket = f"gs://{target.project}-state"
    found = _bucket(bucket)
    if not found:
        gcloud(
            "storage",
            "buckets",
            "create",
            bucket,
            f"--project={target.project}",
            f"--location={target.region}",
            "--uniform-bucket-level-access",
            "--public-access-prevention",
        )
    elif str(found.get("location", target.region)).lower() != target.region:
        raise Refused(
            f"{bucket} lies in {str(found['location']).lower()}, REGION is {target.region}. A deployment cannot move: "
            f"give REGION={str(found['location']).lower()}, or take another project."
        )
    # Again each time: whoever was stopped between the two commands has a bucket without versions.
    gcloud("storage", "buckets", "update", bucket, "--versioning")
    step("bootstrap", f"state in {bucket} ({'found' if found else 'made'}, versioned)")


def check_key_ring(target: Target, addresses: list[str]) -> None:
    """A key ring is for ever: one that a former deployment left cannot be used again. Raises `Refused`."""
    if "google_kms_key_ring.ring" in addresses:
        return
    named = re.search(r'^\s*kms_key_ring\s*=\s*"([^"]+)"', target.variables.read_text(encoding="utf-8"), re.MULTILINE)
    ring = named[1] if named else DEFAULT_KEY_RING
    try:
        gcloud("kms", "keyrings", "describe", ring, f"--location={target.region}", f"--project={target.project}")
    except ProgramFailed as error:
        # Not there, or the service was never enabled: the name is free.
        if re.search(r"NOT_FOUND|SERVICE_DISABLED|has not been used|not enabled", error.output):
            return
        raise
    raise Refused(
        f"Key ring '{ring}' exists in {target.region} and is not in Terraform's state: an earlier deployment left it, "
        "and a key ring can never be deleted. Choose a new name in "
        f'{target.variables.relative_to(REPOSITORY)}: kms_key_ring = "{ring}-2"'
    )


def _account() -> str:
    """Who gcloud acts as; that Terraform has credentials too. Raises `Refused`."""
    accounts = json.loads(gcloud("auth", "list", "--format=json") or "[]")
    active = [a["account"] for a in accounts if a.get("status") == "ACTIVE"]
    if not active:
        raise Refused("gcloud has no account. Sign in: gcloud auth login")
    account = str(active[0])
    # A service account's come from the machine, as in Cloud Build, and Terraform finds them by itself.
    if not account.endswith("gserviceaccount.com"):
        try:
            gcloud("auth", "application-default", "print-access-token")
        except ProgramFailed:
            raise Refused("Terraform has no credentials. Sign in: gcloud auth application-default login") from None
    return account


def _check_project(target: Target) -> None:
    name = target.project
    try:
        found = json.loads(gcloud("projects", "describe", name, "--format=json"))
    except ProgramFailed as error:
        raise Refused(
            f"Project '{name}' does not exist, or this account may not see it. Make it with: "
            f"gcloud projects create {name}\n{error}"
        ) from None
    if found.get("lifecycleState") != "ACTIVE":
        raise Refused(f"Project '{name}' is being deleted. Restore it with: gcloud projects undelete {name}")
    try:
        billing = gcloud("billing", "projects", "describe", name, "--format=value(billingEnabled)").strip()
    except ProgramFailed:
        # A deployer of Cloud Build may not ask; then an API says it in the middle of the apply.
        step("preflight", "whether billing is on could not be asked: going on")
        return
    if billing.lower() != "true":
        raise Refused(
            f"Project '{name}' has no billing account. Link one with: "
            f"gcloud billing projects link {name} --billing-account=<id from: gcloud billing accounts list>"
        )


def _check_work_tree() -> None:
    """Production runs what is in git, so that anybody can find it again. Raises `Refused`."""
    changed = _git("status", "--porcelain", "--", ".", *NOT_SOURCE)
    if changed is None:
        return
    if changed:
        raise Refused(
            "The work tree has changes that are not committed, and production runs only what is in git. Commit them, "
            f"or set ALLOW_DIRTY=1:\n{changed}"
        )
    # Without an upstream (a detached checkout in Cloud Build) there is nothing to compare with.
    ahead = _git("rev-list", "--count", "@{upstream}..HEAD")
    if ahead and ahead != "0":
        raise Refused(f"{ahead} commits are not pushed, and production runs only what is. git push, or ALLOW_DIRTY=1.")


def _git(*arguments: str) -> str | None:
    """None where git cannot say."""
    try:
        done = subprocess.run(["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _bucket(url: str) -> dict[str, object]:
    """Empty when there is none. Raises `Refused` for one of somebody else."""
    try:
        found: dict[str, object] = json.loads(gcloud("storage", "buckets", "describe", url, "--format=json"))
    except ProgramFailed as error:
        if "404" in error.output:
            return {}
        raise Refused(f"{url} cannot be read. Bucket names are global: it may be another project's.\n{error}") from None
    return found
