"""What docs/costs.md assumes of the deployment is what Terraform deploys."""

from __future__ import annotations

import pytest

from tools.prices import read
from tools.terraform_plan import Plan

pytestmark = [pytest.mark.xdist_group("infra"), pytest.mark.timeout(600)]


@pytest.fixture
def balanced(plans: dict[str, Plan]) -> Plan:
    """Production behind the load balancer: everything that can cost is there."""
    return plans["load_balancer"]


def test_the_uptime_check_runs_as_often_as_it_is_paid_for(balanced: Plan) -> None:
    checks = balanced.all("google_monitoring_uptime_check_config").values()
    assert len(checks) == read().assumed["uptime_checks"]
    assert {check["period"] for check in checks} == {f"{60 * read().assumed['uptime_minutes']}s"}


def test_alerts_are_counted(balanced: Plan) -> None:
    assert len(balanced.all("google_monitoring_alert_policy")) == read().assumed["alert_conditions"]


def test_the_rules_of_cloud_armor_are_counted(balanced: Plan) -> None:
    (policy,) = balanced.all("google_compute_security_policy").values()
    assert len(policy["rule"]) == read().assumed["armor_rules"]
