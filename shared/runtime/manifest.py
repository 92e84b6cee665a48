"""What `functions/` declares, as a list: read by tools/generate, by the local gateway and by tests."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.platform.pubsub import Message
from shared.runtime.declare import DEAD_LETTERS, Declaration, Endpoint, Job, Subscriber, declaration_of

FUNCTIONS = Path(__file__).parents[2] / "functions"
# What the runtime itself needs to know who calls and to name customers in logs.
ENDPOINT_SECRETS = ("CUSTOMER_HASH_KEY", "JWT_SECRET")
# Who was refused goes to the audit trail from every endpoint.
ENDPOINT_PUBLISHES = ("security-events",)


@dataclass(frozen=True)
class Declared:
    """One function: `name` is its entry point (`verification_verify`), `handler` the plain function."""

    domain: str
    verb: str
    declaration: Declaration
    handler: Callable[..., Any]

    @property
    def name(self) -> str:
        return f"{self.domain}_{self.verb}"

    @property
    def deployed_name(self) -> str:
        return self.name.replace("_", "-")


@dataclass(frozen=True)
class Scheduled:
    """A message that the Cloud Scheduler publishes: of a job (named as it is), or one of a subscriber's schedules."""

    name: str
    function: Declared
    topic: str
    cron: str
    data: Mapping[str, Any]

    @property
    def deployed_name(self) -> str:
        return self.name.replace("_", "-")

    def message(self, **more: Any) -> Message:
        return Message(json.dumps({**self.data, **more}), {"job": self.deployed_name})


def declared_functions() -> list[Declared]:
    """Every function, by name. Raises AttributeError for a file in functions/ that declares none."""
    files = sorted(FUNCTIONS.glob("*/*.py"))
    return [_declared(file.parent.name, file.stem) for file in files if file.stem != "__init__"]


def entry(function: Declared) -> dict[str, Any]:
    """The function as Terraform's for_each reads it: plain JSON values."""
    declared = function.declaration
    common = {
        "name": function.deployed_name,
        "entryPoint": function.name,
        "domain": function.domain,
        "memory": declared.memory,
        "cpu": declared.cpu,
        "concurrency": declared.concurrency,
        "minInstances": declared.min_instances,
        "maxInstances": declared.max_instances,
        "timeoutSeconds": declared.timeout_seconds,
        "secrets": _with(declared, declared.secrets, ENDPOINT_SECRETS),
        "optionalSecrets": sorted(declared.optional_secrets),
        "publishes": _with(declared, (*declared.publishes, *_republished(declared)), ENDPOINT_PUBLISHES),
        "reads": sorted(declared.reads),
        "writes": sorted(declared.writes),
        "queries": declared.queries or bool(declared.reads or declared.writes or declared.stages),
        "stages": declared.stages,
    }
    return {**common, **_trigger(declared)}


def _trigger(declared: Declaration) -> dict[str, Any]:
    if isinstance(declared, Endpoint):
        return {"kind": "http", "method": declared.method, "path": declared.path, "auth": declared.auth.name}
    push = {
        "topics": list(declared.topics),
        "ackDeadlineSeconds": declared.ack_deadline_seconds,
        "minimumBackoffSeconds": declared.minimum_backoff_seconds,
        "maximumBackoffSeconds": declared.maximum_backoff_seconds,
        "maxDeliveryAttempts": declared.max_delivery_attempts,
        "ordered": declared.ordered,
        "schedules": [{"name": s.name, "schedule": s.cron, "data": dict(s.data)} for s in declared.schedules],
    }
    if isinstance(declared, Job):
        return {"kind": "job", "schedule": declared.schedule, **push}
    return {"kind": "subscriber", **push}


def _with(declared: Declaration, own: tuple[str, ...], of_every_endpoint: tuple[str, ...]) -> list[str]:
    return sorted({*own, *(of_every_endpoint if isinstance(declared, Endpoint) else ())})


def _republished(declared: Declaration) -> tuple[str, ...]:
    if not (isinstance(declared, Subscriber) and declared.republishes):
        return ()
    return tuple(sorted(heard(declared_functions()) - {DEAD_LETTERS}))


def _declared(domain: str, verb: str) -> Declared:
    handler = importlib.import_module(f"functions.{domain}.{verb}").handle
    return Declared(domain, verb, declaration_of(handler), handler)


def schedules(functions: list[Declared]) -> list[Scheduled]:
    """Everything that runs by the clock. Raises ValueError for a name that is given twice."""
    found = [scheduled for function in functions for scheduled in _scheduled(function)]
    names = [scheduled.name for scheduled in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"Two schedules have the name {', '.join(sorted(twice))}.")
    return found


def _scheduled(function: Declared) -> Iterator[Scheduled]:
    declared = function.declaration
    if not isinstance(declared, Subscriber):
        return
    if isinstance(declared, Job):
        yield Scheduled(function.name, function, declared.topics[0], declared.schedule, {})
    for each in declared.schedules:
        yield Scheduled(each.name, function, declared.topics[0], each.cron, each.data)


def topics(functions: list[Declared]) -> list[str]:
    """Every topic somebody listens to or publishes to."""
    return sorted(heard(functions).union(*(f.declaration.publishes for f in functions)))


def heard(functions: list[Declared]) -> set[str]:
    """Every topic somebody listens to."""
    return {t for f in functions if isinstance(f.declaration, Subscriber) for t in f.declaration.topics}
