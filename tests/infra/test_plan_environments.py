"""Staging is production in small, and the load balancer comes in front of the same functions: plans are compared."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest

from tools.check_infra import ENVIRONMENTS, compare
from tools.terraform import INFRA, Failed
from tools.terraform_plan import Plan, differences, unexplained

pytestmark = [pytest.mark.xdist_group("infra"), pytest.mark.timeout(600)]

FUNCTION = 'google_cloudfunctions2_function.function["verification-verify"]'
FUNCTIONS = "google_cloudfunctions2_function.function"
# What the load balancer changes, as in SHOWS_IN of tools/check_infra.py.
BALANCED = {
    "domain": (),
    "edge": (
        (FUNCTIONS, "service_config.environment_variables.PUBLIC_URL"),
        (FUNCTIONS, "service_config.environment_variables.TRUSTED_PROXY_HOPS"),
        (FUNCTIONS, "service_config.ingress_settings"),
        ("google_compute_*", "*"),
        ("google_monitoring_uptime_check_config.ready", "monitored_resource.labels.host"),
        ("google_project_service.service", "*"),
        ("google_storage_bucket_object.config", "content"),
    ),
}


def test_both_set_the_same_variables() -> None:
    staging, production = (_variables(name) for name in ENVIRONMENTS)
    assert staging == production


def test_they_differ_in_what_their_tfvars_say(plans: dict[str, Plan]) -> None:
    compare(plans["staging"], plans["production"])
    assert differences(plans["staging"], plans["production"])


def test_they_have_the_same_resources(plans: dict[str, Plan]) -> None:
    staging, production = ({r["address"] for r in plans[name].resources} for name in ENVIRONMENTS)
    assert staging == production


def test_the_load_balancer_changes_how_functions_are_reached_and_nothing_else(plans: dict[str, Plan]) -> None:
    assert unexplained(plans["production"], plans["load_balancer"], BALANCED) == ([], set())


def test_the_load_balancer_takes_nothing_away(plans: dict[str, Plan]) -> None:
    without, balanced = ({r["address"] for r in plans[name].resources} for name in ("production", "load_balancer"))
    assert without < balanced


def test_a_plan_is_no_different_from_itself(plans: dict[str, Plan]) -> None:
    assert differences(plans["staging"], plans["staging"]) == []


def _more_memory(document: dict[str, Any]) -> None:
    _change(document, FUNCTION)["after"]["service_config"][0]["available_memory"] = "16Gi"


def _one_function_less(document: dict[str, Any]) -> None:
    document["resource_changes"] = [c for c in document["resource_changes"] if c["address"] != FUNCTION]


def _only_known_after_apply(document: dict[str, Any]) -> None:
    change = _change(document, FUNCTION)
    del change["after"]["description"]
    change["after_unknown"]["description"] = True


def _another_text(document: dict[str, Any]) -> None:
    variables = _change(document, FUNCTION)["after"]["service_config"][0]["environment_variables"]
    variables["ENVIRONMENT"] = "another"


def _another_variable(document: dict[str, Any]) -> None:
    document["variables"]["enabled"] = {"value": True}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_more_memory, f"{FUNCTION} service_config[0].available_memory: '256Mi' / '16Gi'"),
        (_one_function_less, f"{FUNCTION}: 'planned' / '(absent)'"),
        (_only_known_after_apply, "'(known after apply)'"),
        (_another_text, "'staging' / 'another'"),
        (_another_variable, "variable enabled"),
    ],
)
def test_anything_else_is_found(plans: dict[str, Plan], change: Callable[[dict[str, Any]], None], named: str) -> None:
    document = copy.deepcopy(dict(plans["production"].document))
    change(document)
    with pytest.raises(Failed, match=re.escape(named)):
        compare(plans["staging"], Plan(document))


def _change(document: dict[str, Any], address: str) -> dict[str, Any]:
    (found,) = (c["change"] for c in document["resource_changes"] if c["address"] == address)
    change: dict[str, Any] = found
    return change


def _variables(environment: str) -> list[str]:
    text = (INFRA / "environments" / f"{environment}.tfvars").read_text()
    return re.findall(r"(?m)^(\w+)\s*=", text)
