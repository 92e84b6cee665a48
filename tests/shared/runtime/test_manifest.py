"""What functions/ declares, as the list that Terraform, the gateway and these tests read."""

from __future__ import annotations

import json
import re

import pytest

from shared.platform.settings import Settings
from shared.runtime.declare import (
    DEAD_LETTERS,
    SIGNED,
    Endpoint,
    Job,
    Schedule,
    Subscriber,
    declaration_of,
    job,
    path_parameters,
    subscriber,
)
from shared.runtime.manifest import FUNCTIONS, Declared, declared_functions, entry, schedules, topics

ALL = declared_functions()
ENDPOINTS = [f for f in ALL if isinstance(f.declaration, Endpoint)]


def test_every_file_is_one_function() -> None:
    files = {f"{p.parent.name}_{p.stem}" for p in FUNCTIONS.glob("*/*.py") if p.stem != "__init__"}
    assert [f.name for f in ALL] == sorted(files)


def test_deployed_names_are_unique_and_fit_cloud_run() -> None:
    names = [f.deployed_name for f in ALL]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9-]{0,61}[a-z0-9]", name) for name in names)


def test_no_two_endpoints_share_a_route() -> None:
    def shape(function: Declared) -> tuple[str, str]:
        declared = function.declaration
        assert isinstance(declared, Endpoint)
        return declared.method, re.sub(r"{\w+}", "{}", declared.path)

    routes = [shape(f) for f in ENDPOINTS]
    assert len(set(routes)) == len(routes)


@pytest.mark.parametrize("function", ALL, ids=lambda f: f.name)
def test_an_entry_is_plain_json_with_everything_terraform_needs(function: Declared) -> None:
    found = entry(function)
    assert json.loads(json.dumps(found)) == found
    common = {"name", "entryPoint", "domain", "memory", "cpu", "concurrency", "minInstances", "maxInstances"}
    assert found.keys() >= common | {"timeoutSeconds", "secrets", "optionalSecrets", "stages", "kind"}
    push = {"topics", "schedules"}
    trigger = {"http": {"method", "path", "auth"}, "job": {"schedule", *push}, "subscriber": push}
    assert found.keys() >= trigger[found["kind"]]
    assert 1 <= found["timeoutSeconds"] <= 540


@pytest.mark.parametrize("function", ALL, ids=lambda f: f.name)
def test_every_declared_secret_is_a_secret_setting(function: Declared) -> None:
    metadata = [vars(Settings)["__dataclass_fields__"][name].metadata for name in Settings.__dataclass_fields__]
    secrets = {m["env"] for m in metadata if m["secret"]}
    assert {*entry(function)["secrets"], *entry(function)["optionalSecrets"]} <= secrets


@pytest.mark.parametrize("function", ENDPOINTS, ids=lambda f: f.name)
def test_an_endpoint_gets_what_the_runtime_needs(function: Declared) -> None:
    assert {"CUSTOMER_HASH_KEY", "JWT_SECRET"} <= set(entry(function)["secrets"])


@pytest.mark.parametrize("function", ENDPOINTS, ids=lambda f: f.name)
def test_what_creates_or_charges_takes_an_idempotency_key(function: Declared) -> None:
    declared = function.declaration
    assert isinstance(declared, Endpoint)
    # Providers and mail programs send no such key; what they send names itself.
    creates_or_charges = declared.method == "POST" or 402 in declared.responds
    assert declared.idempotent == (creates_or_charges and declared.auth != SIGNED and not declared.page)


@pytest.mark.parametrize("function", ENDPOINTS, ids=lambda f: f.name)
def test_a_word_of_another_route_is_no_parameter_of_this_one(function: Declared) -> None:
    """Each function has a URL of its own, where no other one stands before it."""
    declared = function.declaration
    assert isinstance(declared, Endpoint)
    folder, _, last = declared.path.rpartition("/")
    others = [f.declaration for f in ENDPOINTS if f is not function]
    words = {
        other.path.rpartition("/")[2]
        for other in others
        if isinstance(other, Endpoint) and other.method == declared.method and other.path.startswith(f"{folder}/")
        if other.path.count("/") == declared.path.count("/") and "{" not in other.path
    }
    assert declared.reserved == (words if last.startswith("{") else set())


@pytest.mark.parametrize("function", ENDPOINTS, ids=lambda f: f.name)
def test_personal_data_is_never_cached(function: Declared) -> None:
    declared = function.declaration
    assert isinstance(declared, Endpoint)
    personal = bool(declared.auth.roles) or "customer_id" in path_parameters(declared.path)
    # Cached figures: a browser alone keeps them, and asks each time.
    assert declared.cache_control == ("private, no-cache" if declared.cached else "no-store") or not personal


def test_every_topic_is_listed_once() -> None:
    assert topics(ALL) == [
        "alerts",
        "cache-refresh",
        "check-metrics",
        "dead-letter-orders",
        "dead-letters",
        "emails",
        "expire-verifications",
        "expiry-emails",
        "mail-events",
        "membership-events",
        "payment-events",
        "payment-notices",
        "raffle-events",
        "raffle-refunds",
        "reconcile-payments",
        "relay-outbox",
        "release-reservations",
        "renew-memberships",
        "retry-alerts",
        "security-events",
        "sync-events",
        "sync-requests",
        "verification-events",
    ]


def listening(verb: str, *found: Schedule) -> Declared:
    handler = subscriber("things", "others", schedules=found)(lambda delivery: None)
    return Declared("things", verb, declaration_of(handler), handler)


def test_jobs_and_schedules_are_published_by_their_names() -> None:
    handler = job("0 3 * * *", topic="tidy-things")(lambda delivery: None)
    tidy = Declared("things", "tidy", declaration_of(handler), handler)
    count = listening("count", Schedule("count_things", "0 4 * * 1", {"mode": "full"}))
    assert [(s.name, s.deployed_name, s.topic, s.cron, s.data) for s in schedules([tidy, count])] == [
        ("things_tidy", "things-tidy", "tidy-things", "0 3 * * *", {}),
        ("count_things", "count-things", "things", "0 4 * * 1", {"mode": "full"}),
    ]
    message = schedules([count])[0].message(mode="part")
    assert (json.loads(message.data), message.attributes) == ({"mode": "part"}, {"job": "count-things"})
    assert entry(count)["schedules"] == [{"name": "count_things", "schedule": "0 4 * * 1", "data": {"mode": "full"}}]
    assert (entry(tidy)["schedule"], entry(tidy)["schedules"]) == ("0 3 * * *", [])


def test_two_schedules_of_one_name_are_refused() -> None:
    found = [listening(verb, Schedule("count", "0 4 * * 1", {})) for verb in ("count", "count_again")]
    with pytest.raises(ValueError, match="Two schedules have the name count"):
        schedules(found)
    assert schedules(ALL)


def test_jobs_and_subscribers_can_be_delivered_again() -> None:
    listeners = [f.declaration for f in ALL if isinstance(f.declaration, Subscriber)]
    assert listeners
    for declared in listeners:
        # What others gave up is parked by somebody who never gives up.
        assert declared.max_delivery_attempts == 0 if DEAD_LETTERS in declared.topics else 5
        assert declared.ack_deadline_seconds >= declared.timeout_seconds
        assert not isinstance(declared, Job) or len(declared.schedule.split()) == 5
