"""A new key in place of one of ours: `make rotate PROJECT= SECRET=`.

`make restart PROJECT= SECRET=` makes functions read a version that was added by hand. As in tools/secrets.py, values
stay in memory and go to gcloud's standard input.
"""

from __future__ import annotations

import base64
import json
import os
import re
import sys
import time
from collections.abc import Callable, Mapping

from cryptography.hazmat.primitives import serialization

from local.environment import new_private_key
from shared.platform.clock import Clock
from shared.platform.crypto import Keyring
from shared.platform.errors import Misconfigured
from shared.platform.signing import SigningKeys
from tools.cloud import Refused, gcloud, project, step
from tools.secrets import OURS, add, by_hand, random_bytes, read

# A shop keeps the JWKS for five minutes.
JWKS_SECONDS = 300.0


def rotate(project_id: str, name: str, wait_seconds: float) -> None:
    """A new key that everybody knows before the first instance uses it. Raises `Refused`."""
    if name == "CUSTOMER_HASH_KEY":
        raise Refused(
            "CUSTOMER_HASH_KEY names every customer's document in Firestore, in the audit trail and in logs: with "
            "another key nobody would be found again. It is not rotated. See docs/security.md."
        )
    if name not in OURS:
        raise Refused(f"{name} is not one of our keys. Put a new value in with: {by_hand(project_id, name)}")
    steps = _rotation(name, "" if name == "JWT_SECRET" else read(project_id, name))
    for number, (what, value) in enumerate(steps):
        if number and name == "AGE_TOKEN_KEY" and wait_seconds:
            step("rotate", f"{name}: {wait_seconds:.0f} s until every shop has read the JWKS; both keys are good")
            time.sleep(wait_seconds)
        add(project_id, name, value)
        step("rotate", f"{name}: {what}")
        restart(project_id, name)
    print(_afterwards(project_id, name))


def _rotation(name: str, old: str) -> list[tuple[str, str]]:
    """(what it does, new value), one after another. The old key stays valid in each. Raises `Refused`."""
    if name == "JWT_SECRET":
        return [("new key; tokens of the old one end now", OURS[name]())]
    try:
        if name == "VERIFICATION_KEY":
            steps = _with_key(old)
            check: Callable[[str, str], object] = Keyring.parse
        else:
            steps = _with_signing_key(old)
            check = SigningKeys.parse
        for _, value in steps:
            check(name, value)
    except Misconfigured as error:
        raise Refused(f"The present value of {name} cannot be read, so it is left alone: {error}") from None
    return steps


def _with_key(old: str) -> list[tuple[str, str]]:
    ring = Keyring.parse("VERIFICATION_KEY", old)
    former = ",".join(f"{key_id}={base64.b64encode(key).decode()}" for key_id, key in ring.keys.items())
    new_id = f"k{Clock().now():%Y%m%d}"
    while new_id in ring.keys:
        new_id += "x"
    new = f"{new_id}={random_bytes(32)}"
    return [
        (f"key {new_id} announced: it unwraps", f"{former},{new}"),
        (f"key {new_id} wraps, the former still unwrap", f"{new},{former}"),
    ]


def _with_signing_key(old: str) -> list[tuple[str, str]]:
    former = SigningKeys.parse("AGE_TOKEN_KEY", old)
    public = "".join(
        key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
        for key in former.public.values()
    )
    new = new_private_key()
    # The announcement keeps the old private key first: it still signs.
    return [
        ("new key announced: it is in the JWKS", f"{old.strip()}\n{new}"),
        ("new key signs, the former are kept as public keys", f"{new}{public}"),
    ]


def restart(project_id: str, name: str) -> None:
    """A new revision of every service that reads the secret: an instance reads it once, when it starts."""
    services = json.loads(gcloud("run", "services", "list", f"--project={project_id}", "--format=json") or "[]")
    stamp = f"{Clock().now():%Y%m%d-%H%M%S}"
    reading = [service["metadata"] for service in services if name in _read_by(service)]
    for metadata in reading:
        region = metadata["labels"]["cloud.googleapis.com/location"]
        place = (f"--region={region}", f"--project={project_id}")
        gcloud("run", "services", "update", metadata["name"], *place, f"--update-labels=secrets-read={stamp}")
    step("restart", f"functions that read {name}: {len(reading)}")


def _read_by(service: Mapping[str, object]) -> set[str]:
    """Names of the secrets in a service's environment (Knative's shape)."""
    found = re.findall(r'"secretKeyRef": \{[^}]*"name": "([^"]+)"', json.dumps(service.get("spec", {})))
    return set(found)


def _afterwards(project_id: str, name: str) -> str:
    return (
        f"{name} is rotated. The versions before the newest are not read any more. Destroy them once you are sure "
        f"(each costs $0.06 a month): gcloud secrets versions list {name} --project={project_id}; "
        f"gcloud secrets versions destroy <number> --secret={name} --project={project_id}"
    )


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Rotates, or with `restart` only starts anew. 0: done, 1: refused."""
    try:
        project_id, name = project(environ), environ.get("SECRET", "")
        if arguments == ["restart"]:
            restart(project_id, name)
        else:
            rotate(project_id, name, float(environ.get("ROTATE_SECONDS") or JWKS_SECONDS))
    except Refused as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
