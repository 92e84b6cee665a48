"""Every declared function in the deployment: as what it is declared, callable by those it is for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.runtime.manifest import declared_functions, entry
from tests.infra.deployment import FUNCTION, Deployment
from tools.infra import is_of
from tools.terraform import EXAMPLE, INFRA

pytestmark = [pytest.mark.xdist_group("infra"), pytest.mark.timeout(600)]

ENTRIES = {function.deployed_name: entry(function) for function in declared_functions()}
HTTP = {name: found for name, found in ENTRIES.items() if found["kind"] == "http"}
PUSHED = {name: found for name, found in ENTRIES.items() if found["kind"] != "http"}

every = pytest.mark.parametrize("declared", ENTRIES.values(), ids=ENTRIES)
every_http = pytest.mark.parametrize("declared", HTTP.values(), ids=HTTP)
every_pushed = pytest.mark.parametrize("declared", PUSHED.values(), ids=PUSHED)


def test_terraform_reads_what_the_code_declares() -> None:
    assert json.loads((INFRA / "generated" / "functions.json").read_text()) == ENTRIES, "Run: make generate"


def test_what_is_declared_is_deployed_and_nothing_else(deployment: Deployment) -> None:
    assert set(deployment.state.each(FUNCTION)) == set(ENTRIES)
    assert len(deployment.state.all("google_cloudfunctions2_function")) == len(ENTRIES)


@every
def test_built_from_the_archive(deployment: Deployment, declared: dict[str, Any]) -> None:
    (build,) = deployment.function(declared["name"])["build_config"]
    (source,) = build["source"]
    (archive,) = source["storage_source"]
    assert build["entry_point"] == declared["entryPoint"]
    assert build["runtime"] == "python311"
    assert archive["bucket"] == f"{EXAMPLE['project']}-archives"
    assert archive["object"] == f"functions/{EXAMPLE['archive']}.zip"
    assert deployment.account(build["service_account"]) == "function-build"


@every
def test_the_machine_it_declares(deployment: Deployment, declared: dict[str, Any]) -> None:
    service = deployment.service(declared["name"])
    least = declared["minInstances"] if deployment.variables["warm"] else 0
    assert service["available_memory"] == declared["memory"]
    assert service["available_cpu"] == declared["cpu"]
    assert service["max_instance_request_concurrency"] == declared["concurrency"]
    assert service["min_instance_count"] == least
    assert service["max_instance_count"] == declared["maxInstances"]
    assert service["timeout_seconds"] == declared["timeoutSeconds"]


@every
def test_as_many_threads_as_requests_at_once(deployment: Deployment, declared: dict[str, Any]) -> None:
    variables = deployment.service(declared["name"])["environment_variables"]
    assert variables["THREADS"] == str(declared["concurrency"])


@every
def test_runs_as_the_account_of_its_domain_and_kind(deployment: Deployment, declared: dict[str, Any]) -> None:
    email = deployment.service(declared["name"])["service_account_email"]
    assert deployment.account(email) == f"{declared['domain']}-{declared['kind']}"


def secrets_of(deployment: Deployment, declared: dict[str, Any]) -> set[str]:
    """Those it cannot do without, and those of the providers that the deployment names."""
    optional = {name for name in declared["optionalSecrets"] if is_of(name, deployment.variables["integrations"])}
    return optional.union(declared["secrets"])


@every
def test_gets_the_secrets_it_declares_and_no_other(deployment: Deployment, declared: dict[str, Any]) -> None:
    assert deployment.secrets(declared["name"]) == {name: name for name in secrets_of(deployment, declared)}
    plain = deployment.service(declared["name"])["environment_variables"]
    kinds = ("secrets", "optionalSecrets")
    assert not plain.keys() & {name for found in ENTRIES.values() for kind in kinds for name in found[kind]}


@every
def test_triggered_by_requests_only(deployment: Deployment, declared: dict[str, Any]) -> None:
    """Not by Eventarc, which has no dead letter of ours and no path that names the topic."""
    assert deployment.function(declared["name"])["event_trigger"] == []


@every_http
def test_an_endpoint_is_open_and_checks_its_caller_itself(deployment: Deployment, declared: dict[str, Any]) -> None:
    assert deployment.service(declared["name"])["ingress_settings"] == "ALLOW_ALL"
    assert _invokers(deployment, declared["name"]) == {"allUsers"}
    assert declared["auth"] in {"public", "signature", "signed_in", "customer_or_admin", "service", "admin"}


@every_pushed
def test_a_subscriber_is_called_by_pubsub_only(deployment: Deployment, declared: dict[str, Any]) -> None:
    assert deployment.service(declared["name"])["ingress_settings"] == "ALLOW_INTERNAL_ONLY"
    assert _invokers(deployment, declared["name"]) == {"pubsub-push"}


def test_the_list_holds_every_file_of_functions() -> None:
    files = {f"{f.parent.name}-{f.stem}".replace("_", "-") for f in (INFRA.parent / "functions").glob("*/[!_]*.py")}
    assert set(ENTRIES) == files


def _invokers(deployment: Deployment, name: str) -> set[str]:
    return {g.who for g in deployment.grants if g.role == "roles/run.invoker" and g.on == name}
