"""What Terraform would deploy. Every module that needs it is marked `xdist_group("infra")`: it is made once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests.infra.deployment import Deployment
from tools.terraform import NotHere, Workplace, terraform_environment, workplace
from tools.terraform_plan import Plan

BALANCED = {"edge": "load_balancer", "domain": "api.shop.example"}
# Name → environment of the tfvars, and further variables.
VARIANTS: dict[str, tuple[str, dict[str, str]]] = {
    "staging": ("staging", {}),
    "production": ("production", {}),
    "load_balancer": ("production", BALANCED),
}
INTEGRATIONS = ["square", "lightspeed", "authorize_net", "smtp", "slack", "pagerduty"]


@dataclass(frozen=True)
class Infra:
    plans: dict[str, Plan]
    deployment: Deployment


@pytest.fixture(scope="session")
def infra() -> Infra:
    try:
        environment = terraform_environment()
    except NotHere as reason:
        pytest.skip(str(reason))
    with workplace(environment) as place:
        plans = _plans(place)
        production, changes = plans["production"], {"integrations": INTEGRATIONS}
        return Infra(plans, Deployment(place.rehearse(production, **changes), {**production.variables, **changes}))


@pytest.fixture(scope="session")
def plans(infra: Infra) -> dict[str, Plan]:
    """`terraform plan` of each variant: staging, production, load_balancer."""
    return infra.plans


@pytest.fixture(scope="session")
def deployment(infra: Infra) -> Deployment:
    """What is planned for production with every provider. Ids that Google gives are made up, each once.

    Staging and the load balancer are not rehearsed: their plans are compared with production's
    (test_plan_environments.py).
    """
    return infra.deployment


def _plans(place: Workplace) -> dict[str, Plan]:
    with ThreadPoolExecutor(2) as pool:
        made = {
            name: pool.submit(place.plan, environment, **variables)
            for name, (environment, variables) in VARIANTS.items()
        }
        return {name: future.result() for name, future in made.items()}
