"""What functions/ declares, as the list that Terraform, the gateway and these tests read."""

from __future__ import annotations

import json
import re

import pytest

from shared.platform.settings import Settings
from shared.runtime.declare import Endpoint, Job, Subscriber, path_parameters
from shared.runtime.manifest import FUNCTIONS, Declared, declared_functions, entry, topics

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
    assert found.keys() >= common | {"timeoutSeconds", "secrets", "kind"}
    trigger = {"http": {"method", "path", "auth"}, "job": {"schedule", "topics"}, "subscriber": {"topics"}}
    assert found.keys() >= trigger[found["kind"]]
    assert 1 <= found["timeoutSeconds"] <= 540


@pytest.mark.parametrize("function", ALL, ids=lambda f: f.name)
def test_every_declared_secret_is_a_secret_setting(function: Declared) -> None:
    metadata = [vars(Settings)["__dataclass_fields__"][name].metadata for name in Settings.__dataclass_fields__]
    secrets = {m["env"] for m in metadata if m["secret"]}
    assert set(entry(function)["secrets"]) <= secrets


@pytest.mark.parametrize("function", ENDPOINTS, ids=lambda f: f.name)
def test_an_endpoint_gets_what_the_runtime_needs(function: Declared) -> None:
    assert {"CUSTOMER_HASH_KEY", "JWT_SECRET"} <= set(entry(function)["secrets"])


@pytest.mark.parametrize("function", ENDPOINTS, ids=lambda f: f.name)
def test_a_post_that_creates_takes_an_idempotency_key(function: Declared) -> None:
    declared = function.declaration
    assert isinstance(declared, Endpoint)
    assert declared.idempotent == (declared.method == "POST")


@pytest.mark.parametrize("function", ENDPOINTS, ids=lambda f: f.name)
def test_personal_data_is_never_cached(function: Declared) -> None:
    declared = function.declaration
    assert isinstance(declared, Endpoint)
    personal = bool(declared.auth.roles) or "customer_id" in path_parameters(declared.path)
    assert declared.cache_control == "no-store" or not personal


def test_every_topic_somebody_listens_to_is_listed_once() -> None:
    assert topics(ALL) == ["relay-outbox", "security-events", "verification-events"]


def test_jobs_and_subscribers_can_be_delivered_again() -> None:
    listeners = [f.declaration for f in ALL if isinstance(f.declaration, Subscriber)]
    assert listeners
    for declared in listeners:
        assert declared.max_delivery_attempts >= 5
        assert declared.ack_deadline_seconds >= declared.timeout_seconds
        assert not isinstance(declared, Job) or len(declared.schedule.split()) == 5
