"""A rehearsed plan, asked as the tests ask: by a function's name, an account's name, a topic's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tools.terraform_plan import Plan, Values

FUNCTION = "google_cloudfunctions2_function.function"
# Where the resource that a grant is on stands, in the order in which they are looked for.
GRANTED_ON = (
    "crypto_key_id",
    "secret_id",
    "topic",
    "subscription",
    "table_id",
    "dataset_id",
    "service_account_id",
    "bucket",
)


@dataclass(frozen=True)
class Grant:
    """`who`: an account's name, `agent:<service>`, or the member as it stands. `on`: a name, or the project."""

    address: str
    who: str
    role: str
    on: str


class Deployment:
    def __init__(self, state: Plan, variables: Mapping[str, Any]) -> None:
        self.state = state
        self.variables = variables
        self.project = str(variables["project"])

    def function(self, name: str) -> Values:
        return self.state.each(FUNCTION)[name]

    def service(self, name: str) -> Values:
        """The one service_config of a function."""
        (config,) = self.function(name)["service_config"]
        found: Values = config
        return found

    def account(self, email: str) -> str:
        return self._accounts[email]

    def secrets(self, name: str) -> dict[str, str]:
        """Variable → secret."""
        return {s["key"]: s["secret"] for s in self.service(name)["secret_environment_variables"]}

    def subscriptions(self) -> dict[str, Values]:
        """Name → values, the topic's name in place of its id."""
        found = self.state.all("google_pubsub_subscription").values()
        return {s["name"]: {**s, "topic": self.topic(s["topic"])} for s in found}

    def topics(self) -> set[str]:
        return {t["name"] for t in self.state.all("google_pubsub_topic").values()}

    def topic(self, reference: str) -> str:
        """The name of a topic that is referred to by its id or its name. Raises KeyError for one that is not made."""
        names = {t[way]: t["name"] for t in self.state.all("google_pubsub_topic").values() for way in ("id", "name")}
        found: str = names[reference]
        return found

    @cached_property
    def grants(self) -> list[Grant]:
        """Every `*_iam_member` of the deployment."""
        members = self.state.all("google_*_iam_member").items()
        return [Grant(address, self._who(v["member"]), v["role"], self._on(address, v)) for address, v in members]

    def granted(self, kind: str) -> set[tuple[str, str, str]]:
        """(who, role, on) of the grants of one resource type."""
        return {(g.who, g.role, g.on) for g in self.grants if g.address.startswith(f"{kind}.")}

    @cached_property
    def _accounts(self) -> dict[str, str]:
        """Every way to refer to a service account → its name."""
        found = {}
        for account in self.state.all("google_service_account").values():
            ways = (account["email"], account["member"], account["name"], account["id"])
            found |= dict.fromkeys((*ways, f"serviceAccount:{account['email']}"), account["account_id"])
        return found

    @cached_property
    def _agents(self) -> dict[str, str]:
        found = {}
        for agent in self.state.all("google_project_service_identity").values():
            name = "agent:" + agent["service"].partition(".")[0]
            found |= dict.fromkeys((agent["member"], f"serviceAccount:{agent['email']}"), name)
        # BigQuery's is asked for, not made: of all that is rehearsed, it alone is left open (test_plan_grants.py).
        found[self.state.data("google_bigquery_default_service_account.agent")["member"]] = "agent:bigquery"
        return found

    def _who(self, member: str) -> str:
        return self._accounts.get(member) or self._agents.get(member) or member

    def _on(self, address: str, values: Values) -> str:
        if address.startswith("google_project_iam_member."):
            return "project"
        named = next((values[way] for way in GRANTED_ON if values.get(way)), values.get("name"))
        if values.get("table_id"):
            return f"{values['dataset_id']}.{named}"
        return self._accounts.get(str(named), str(named))
