"""Secrets in Secret Manager: `make secrets PROJECT=` gives each its first version.

A value goes from memory to gcloud's standard input: never into an argument, a file, a log or Terraform's state. Only
our own keys are made here; a provider's credential comes from its owner.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import sys
from collections.abc import Callable, Iterable, Mapping

from local.environment import new_private_key
from tools.cloud import ProgramFailed, Refused, gcloud, project, step


def random_bytes(size: int) -> str:
    """In base64."""
    return base64.b64encode(secrets.token_bytes(size)).decode()


# Name → first value.
OURS: dict[str, Callable[[], str]] = {
    "AGE_TOKEN_KEY": new_private_key,
    "CUSTOMER_HASH_KEY": lambda: random_bytes(32),
    "JWT_SECRET": lambda: random_bytes(48),
    "VERIFICATION_KEY": lambda: f"k1={random_bytes(32)}",
}


def existing(project_id: str) -> set[str]:
    """Names of the project's secrets, with or without a version."""
    try:
        return set(gcloud("secrets", "list", f"--project={project_id}", "--format=value(name.basename())").split())
    except ProgramFailed as error:
        if re.search(r"SERVICE_DISABLED|has not been used|not enabled", error.output):
            return set()
        raise


def give_first_versions(project_id: str, names: Iterable[str]) -> None:
    """A version for each secret that never had one. Raises `Refused` for those that only their owner can give."""
    made, waiting = [], []
    for name in sorted(names):
        states = [version["state"] for version in _versions(project_id, name)]
        if "ENABLED" in states:
            continue
        if states:
            raise Refused(
                f"Secret {name} of {project_id} has versions, and none is enabled. A new value would make what the "
                f"old one sealed unreadable, so none is made. Look at: gcloud secrets versions list {name} "
                f"--project={project_id}; then: gcloud secrets versions enable <number> --secret={name} "
                f"--project={project_id}"
            )
        if name in OURS:
            add(project_id, name, OURS[name]())
            made.append(name)
        else:
            waiting.append(name)
    step("secrets", f"first version made: {', '.join(made)}" if made else "every one of our own has a version")
    if waiting:
        raise Refused(
            "These secrets come from a provider and have no value yet. Put each in with its command, which reads the "
            "value from the keyboard (paste it, Enter, Ctrl-D), then run this again:\n"
            + "\n".join(f"  tr -d '\\n' | {by_hand(project_id, name)}" for name in waiting)
        )


def read(project_id: str, name: str) -> str:
    """The latest value, to the byte. It must stay in memory. Raises `Refused`."""
    place = (f"--secret={name}", f"--project={project_id}")
    coded = gcloud("secrets", "versions", "access", "latest", *place, "--format=get(payload.data)").strip()
    return base64.urlsafe_b64decode(coded).decode()


def _versions(project_id: str, name: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(
        gcloud("secrets", "versions", "list", name, f"--project={project_id}", "--format=json") or "[]"
    )
    return found


def add(project_id: str, name: str, value: str) -> None:
    gcloud("secrets", "versions", "add", name, f"--project={project_id}", "--data-file=-", stdin=value)


def by_hand(project_id: str, name: str) -> str:
    return f"gcloud secrets versions add {name} --project={project_id} --data-file=-"


def main(environ: Mapping[str, str]) -> int:
    """0: every secret of the project has a version, 1: refused."""
    try:
        project_id = project(environ)
        give_first_versions(project_id, existing(project_id))
    except Refused as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
