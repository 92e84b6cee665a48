"""Stand-ins of the programs `gcloud` and `terraform`, over a cloud that is a folder of this machine.

They refuse what the real ones refuse: a function before its archive or before its secrets have a version, a secret or
a key ring that is there already, a command against a bucket that is not. Every call is written down.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import signal
from pathlib import Path
from typing import Any

from tests.factories.program_server import Call

TIME = "2026-11-{day:02}T12:00:00+00:00"
Cloud = dict[str, Any]


class Error(Exception):
    """What the program writes to its standard error."""


class Programs:
    """The call of number `fails_at` fails before it does anything; after that of number `kills_at` has had its effect,
    its caller is killed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.fails_at = self.kills_at = 0

    def answer(self, call: Call) -> tuple[int, str]:
        """(exit code, what it writes)."""
        log = self._folder / "calls.jsonl"
        number = len(log.read_text().splitlines()) + 1 if log.exists() else 1
        with log.open("a") as file:
            file.write(json.dumps({"program": call.program, "arguments": call.arguments, "stdin": call.stdin}) + "\n")
        if number == self.fails_at:
            return 1, "ERROR: the network is down\n"
        cloud: Cloud = json.loads((self._folder / "cloud.json").read_text())
        try:
            output = (gcloud if call.program == "gcloud" else terraform)(cloud, call)
        except Error as error:
            return 1, f"ERROR: {error}\n"
        finally:
            # What was done before an error stays done.
            (self._folder / "cloud.json").write_text(json.dumps(cloud, indent=1))
        if number == self.kills_at:
            os.kill(call.caller, signal.SIGKILL)
        return 0, output


def options(arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    """(words, {option: value}): `--a=b` and `-a=b`, the last of each; every -var under its own name."""
    given = [a for a in arguments if a.startswith("-") and a != "-"]
    pairs = [a.lstrip("-").removeprefix("var=").partition("=") for a in given]
    return [a for a in arguments if a not in given], {name: value for name, _, value in pairs}


# --- gcloud


def gcloud(cloud: Cloud, call: Call) -> str:
    words, given = options(call.arguments)
    for length in (3, 2):
        handler = GCLOUD.get(" ".join(words[:length]))
        if handler:
            return handler(cloud, words[length:], given, call.stdin)
    raise Error(f"Invalid choice: {call.arguments}")


def describe_project(cloud: Cloud, words: list[str], *_: Any) -> str:
    if words[0] not in cloud["projects"]:
        raise Error(f"does not have permission to access projects instance [{words[0]}] (or it may not exist)")
    return json.dumps({"projectId": words[0], "lifecycleState": cloud["projects"][words[0]]["state"]})


def describe_billing(cloud: Cloud, words: list[str], *_: Any) -> str:
    return str(cloud["projects"][words[0]]["billing"])


def enable(cloud: Cloud, words: list[str], *_: Any) -> str:
    cloud["services"] = sorted({*cloud["services"], *words})
    return ""


def bucket(cloud: Cloud, url: str) -> Cloud:
    name = url.removeprefix("gs://").split("/")[0]
    if name not in cloud["buckets"]:
        raise Error(f"gs://{name} not found: 404.")
    found: Cloud = cloud["buckets"][name]
    return found


def describe_bucket(cloud: Cloud, words: list[str], *_: Any) -> str:
    return json.dumps({**bucket(cloud, words[0]), "objects": None})


def create_bucket(cloud: Cloud, words: list[str], given: dict[str, str], _: str) -> str:
    name = words[0].removeprefix("gs://")
    if name in cloud["buckets"]:
        raise Error("HTTPError 409: Your previous request to create the named bucket succeeded and you already own it.")
    cloud["buckets"][name] = {
        "location": given["location"].upper(),
        "uniform": "uniform-bucket-level-access" in given,
        "private": "public-access-prevention" in given,
        "objects": {},
    }
    return ""


def update_bucket(cloud: Cloud, words: list[str], given: dict[str, str], _: str) -> str:
    bucket(cloud, words[0])["versioning"] = "versioning" in given
    return ""


def list_objects(cloud: Cloud, words: list[str], *_: Any) -> str:
    objects = bucket(cloud, words[0])["objects"]
    if not objects:
        raise Error("One or more URLs matched no objects.")
    rows = [{"type": "cloud_object", "metadata": {"name": n, "timeCreated": o["at"]}} for n, o in objects.items()]
    return json.dumps(rows)


def copy(cloud: Cloud, words: list[str], _: dict[str, str], stdin: str) -> str:
    source, aim = words
    if source.startswith("gs://"):
        name = source.removeprefix("gs://").partition("/")[2]
        Path(aim).write_bytes(bytes.fromhex(bucket(cloud, source)["objects"][name]["content"]))
        return ""
    cloud["day"] += 1
    content = stdin.encode() if source == "-" else Path(source).read_bytes()
    name = aim.removeprefix("gs://").partition("/")[2]
    bucket(cloud, aim)["objects"][name] = {"content": content.hex(), "at": TIME.format(day=cloud["day"])}
    return ""


def list_secrets(cloud: Cloud, *_: Any) -> str:
    return "".join(f"{name}\n" for name in cloud["secrets"])


def secret(cloud: Cloud, name: str) -> list[Cloud]:
    if name not in cloud["secrets"]:
        raise Error(f"NOT_FOUND: Secret [{name}] not found.")
    versions: list[Cloud] = cloud["secrets"][name]
    return versions


def list_versions(cloud: Cloud, words: list[str], *_: Any) -> str:
    return json.dumps([{"state": version["state"]} for version in reversed(secret(cloud, words[0]))])


def add_version(cloud: Cloud, words: list[str], given: dict[str, str], stdin: str) -> str:
    if given["data-file"] != "-" or not stdin:
        raise Error("there is no value")
    secret(cloud, words[0]).append({"state": "ENABLED", "value": stdin})
    return ""


def access_version(cloud: Cloud, _: list[str], given: dict[str, str], __: str) -> str:
    if given["format"] != "get(payload.data)":
        raise Error("with a line end that is not the value's")
    return base64.urlsafe_b64encode(secret(cloud, given["secret"])[-1]["value"].encode()).decode() + "\n"


def describe_key_ring(cloud: Cloud, words: list[str], *_: Any) -> str:
    if words[0] not in cloud["key_rings"]:
        raise Error(f"NOT_FOUND: KeyRing {words[0]} not found.")
    return words[0]


def list_services(cloud: Cloud, *_: Any) -> str:
    def row(name: str, secrets: list[str]) -> Cloud:
        variables = [{"name": s, "valueFrom": {"secretKeyRef": {"key": "latest", "name": s}}} for s in secrets]
        metadata = {"name": name, "labels": {"cloud.googleapis.com/location": "us-central1"}}
        return {"metadata": metadata, "spec": {"template": {"spec": {"containers": [{"env": variables}]}}}}

    return json.dumps([row(name, function["secrets"]) for name, function in cloud["functions"].items()])


def update_service(cloud: Cloud, words: list[str], *_: Any) -> str:
    cloud["functions"][words[0]]["started"] += 1
    return ""


GCLOUD = {
    "auth list": lambda cloud, *_: json.dumps(cloud["accounts"]),
    "auth application-default print-access-token": lambda *_: "a-token\n",
    "projects describe": describe_project,
    "billing projects describe": describe_billing,
    "services enable": enable,
    "storage buckets describe": describe_bucket,
    "storage buckets create": create_bucket,
    "storage buckets update": update_bucket,
    "storage ls": list_objects,
    "storage cp": copy,
    "secrets list": list_secrets,
    "secrets versions list": list_versions,
    "secrets versions add": add_version,
    "secrets versions access": access_version,
    "kms keyrings describe": describe_key_ring,
    "run services list": list_services,
    "run services update": update_service,
}


# --- terraform


def terraform(cloud: Cloud, call: Call) -> str:
    words, given = options(call.arguments)
    verb = " ".join(words[:2]) if words[0] == "state" else words[0]
    if verb == "init":
        return initialise(cloud, given, call)
    if not (call.data / "backend").exists():
        raise Error("Backend initialization required, please run terraform init")
    return TERRAFORM[verb](cloud, words, given, call)


def initialise(cloud: Cloud, given: dict[str, str], call: Call) -> str:
    if not (call.folder / "backend.tf").exists():
        raise Error("Missing backend configuration")
    call.data.mkdir(parents=True, exist_ok=True)
    if "backend-config" not in given or not any(name.endswith("-state") for name in cloud["buckets"]):
        raise Error("the state bucket doesn't exist")
    (call.data / "backend").touch()
    return ""


def wanted(given: dict[str, str]) -> dict[str, Any]:
    """Address → what it needs, as infra/ would have it for these variables."""
    declared = json.loads(Path(given["declarations"]).read_text())
    named = re.search(r"integrations\s*=\s*\[(.*)\]", Path(given["var-file"]).read_text())
    used = named[1] if named else ""
    functions = {
        name: {
            "secrets": function["secrets"] + [s for s in function["optionalSecrets"] if s.split("_")[0].lower() in used]
        }
        for name, function in declared.items()
    }
    secrets = {name for function in functions.values() for name in function["secrets"]}
    return {
        "google_kms_key_ring.ring": None,
        "google_storage_bucket.archives": None,
        'google_firestore_index.index["a: b ASCENDING, c DESCENDING"]': None,
        **{f'google_secret_manager_secret.secret["{name}"]': None for name in sorted(secrets)},
        **{f'google_cloudfunctions2_function.function["{n}"]': f["secrets"] for n, f in functions.items()},
    }


def key(address: str) -> str:
    return address.split('"')[1]


def make(cloud: Cloud, address: str, needs: Any, given: dict[str, str]) -> None:
    state = cloud["state"]
    new = address not in state["addresses"]
    if address.startswith("google_storage_bucket"):
        cloud["buckets"].setdefault(f"{given['project']}-archives", {"location": "US-CENTRAL1", "objects": {}})
    elif address.startswith("google_kms_key_ring") and new:
        if "livhana" in cloud["key_rings"]:
            raise Error("Error 409: KeyRing already exists")
        cloud["key_rings"].append("livhana")
    elif address.startswith("google_secret") and new:
        if key(address) in cloud["secrets"]:
            raise Error(f"Error 409: Secret {key(address)} already exists")
        cloud["secrets"][key(address)] = []
    elif address.startswith("google_cloudfunctions2"):
        make_function(cloud, key(address), needs, given)
    if new:
        state["addresses"].append(address)


def make_function(cloud: Cloud, name: str, secrets: list[str], given: dict[str, str]) -> None:
    archive = cloud["buckets"][f"{given['project']}-archives"]["objects"].get(f"functions/{given['archive']}.zip")
    if archive is None or hashlib.sha256(bytes.fromhex(archive["content"])).hexdigest() != given["archive"]:
        raise Error(f"Error 400: the source archive of {name} does not exist")
    empty = [s for s in secrets if not cloud["secrets"].get(s)]
    if empty:
        raise Error(f"Error 400: Secret {empty[0]}/versions/latest was not found")
    started = cloud["functions"].get(name, {}).get("started", 0)
    cloud["functions"][name] = {"archive": given["archive"], "secrets": secrets, "started": started + 1}


def remove(cloud: Cloud, address: str, given: dict[str, str]) -> None:
    if address.startswith("google_secret"):
        if cloud["protected"] and given.get("deletion_protection") != "false":
            raise Error(f"{address} has deletion_protection")
        cloud["secrets"].pop(key(address), None)
    if address.startswith("google_cloudfunctions2"):
        cloud["functions"].pop(key(address), None)
    if address.startswith("google_storage_bucket"):
        cloud["buckets"].pop(f"{given['project']}-archives", None)
    cloud["state"]["addresses"].remove(address)


def changes(cloud: Cloud, given: dict[str, str]) -> list[Cloud]:
    have, want = cloud["state"]["addresses"], wanted(given)
    rows = [(address, ["update"] if address in have else ["create"]) for address in want]
    rows += [(address, ["delete"]) for address in have if address not in want]
    return [{"address": address, "change": {"actions": actions}} for address, actions in rows]


def plan(cloud: Cloud, _: list[str], given: dict[str, str], __: Call) -> str:
    Path(given["out"]).write_text(json.dumps({"given": given, "resource_changes": changes(cloud, given)}))
    return ""


def show(_: Cloud, words: list[str], given: dict[str, str], __: Call) -> str:
    document = json.loads(Path(words[1]).read_text())
    if "json" in given:
        return json.dumps(document)
    return "".join(f"  # {row['address']} {row['change']['actions']}\n" for row in document["resource_changes"])


def apply(cloud: Cloud, words: list[str], given: dict[str, str], call: Call) -> str:
    targets = [a.removeprefix("-target=") for a in call.arguments if a.startswith("-target=")]
    if len(words) > 1:
        given = json.loads(Path(words[1]).read_text())["given"]
    if given.get("deletion_protection") == "false":
        cloud["protected"] = False
    adopt(cloud, call.folder / "backend.tf")
    want = wanted(given)
    chosen = [a for a in want if not targets or a.startswith((*targets, "google_kms_key_ring"))]
    for address in chosen:
        make(cloud, address, want[address], given)
    if not targets:
        for address in [a for a in cloud["state"]["addresses"] if a not in want]:
            remove(cloud, address, given)
        routes = {"GET /health/ready": cloud["ready_url"]}
        cloud["state"]["outputs"] = {"archive": {"value": given["archive"]}, "route_urls": {"value": routes}}
    return "Apply complete!\n"


def destroy(cloud: Cloud, _: list[str], given: dict[str, str], __: Call) -> str:
    for address in list(cloud["state"]["addresses"]):
        remove(cloud, address, given)
    cloud["state"]["outputs"] = {}
    return "Destroy complete!\n"


def adopt(cloud: Cloud, backend: Path) -> None:
    """Its import blocks."""
    blocks = re.findall(r'import \{\n  to = (.+)\n  id = "projects/.+/secrets/(.+)"\n\}', backend.read_text())
    for address, name in blocks:
        if key(address) != name or name not in cloud["secrets"]:
            raise Error("Cannot import non-existent remote object")
        if address not in cloud["state"]["addresses"]:
            cloud["state"]["addresses"].append(address)


def list_state(cloud: Cloud, *_: Any) -> str:
    if not cloud["state"]["addresses"]:
        raise Error("No state file was found!")
    return "".join(f"{address}\n" for address in cloud["state"]["addresses"])


def forget(cloud: Cloud, words: list[str], *_: Any) -> str:
    for address in words[2:]:
        cloud["state"]["addresses"].remove(address)
    return ""


TERRAFORM = {
    "apply": apply,
    "destroy": destroy,
    "output": lambda cloud, *_: json.dumps(cloud["state"]["outputs"]),
    "plan": plan,
    "show": show,
    "state list": list_state,
    "state rm": forget,
}
