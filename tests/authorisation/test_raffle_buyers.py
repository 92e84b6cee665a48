"""Who has bought tickets: the buyer, admins, and nobody else, in a raffle that is there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.factories.club import NEVER, a_customer
from tests.factories.raffle_fixtures import running, tombola, topics
from tests.factories.raffles import RAFFLES, Tombola
from tests.factories.tokens import bearer

__all__ = ["running", "tombola", "topics"]


def as_(role: str, subject: str) -> dict[str, str]:
    return bearer(role, subject, exp=NEVER) if role != "anonymous" else {"Authorization": ""}


def refusal(answer: TestResponse) -> tuple[int, dict[str, Any]]:
    return answer.status_code, {name: value for name, value in (answer.json or {}).items() if name != "requestId"}


def test_another_s_tickets_are_as_if_there_were_none(tombola: Tombola) -> None:
    raffle_id, ada, eve = tombola.active(), a_customer(), a_customer()
    tombola.verify(ada)
    assert tombola.buy(raffle_id, ada, 2).status_code == 201

    def tickets(customer: str, role: str, subject: str) -> TestResponse:
        path = f"{RAFFLES}/{raffle_id}/tickets/{customer}"
        return tombola.call("raffles_tickets", "GET", path, headers=as_(role, subject))

    assert tickets(ada, "customer", ada).json["count"] == 2
    assert tickets(ada, "admin", "boss").json["count"] == 2
    for role, status in (("customer", 403), ("service", 403), ("anonymous", 401)):
        assert tickets(ada, role, eve).status_code == status
        assert refusal(tickets(ada, role, eve)) == refusal(tickets(a_customer(), role, eve))


def test_nobody_buys_in_another_s_name(tombola: Tombola) -> None:
    raffle_id, ada, eve = tombola.active(), a_customer(), a_customer()
    tombola.verify(ada, eve)
    refused = tombola.buy(raffle_id, ada, headers=as_("customer", eve))
    assert (refused.status_code, refused.json["code"]) == (403, "forbidden")
    assert tombola.purchases(raffle_id) == []
    assert tombola.kept_cents(raffle_id) == 0
    assert tombola.buy(raffle_id, eve, headers=as_("customer", eve)).status_code == 201


@pytest.mark.parametrize("role", ["anonymous", "customer", "service"])
def test_who_has_won_is_shown_to_admins_only(tombola: Tombola, role: str) -> None:
    raffle_id, ada, bob = tombola.active(), a_customer(), a_customer()
    tombola.verify(ada, bob)
    for customer in (ada, bob):
        assert tombola.buy(raffle_id, customer, 3).status_code == 201
    assert tombola.draw(raffle_id).status_code == 200
    told = tombola.admin("raffles_get", "GET", f"{RAFFLES}/{raffle_id}").json["raffle"]
    assert {pick["customerId"] for pick in (told["winner"], *told["runnerUps"])} == {ada, bob}
    hashes = [tombola.platform.customer_hash(customer) for customer in (ada, bob)]
    for what in ("", "progress", "audit", "audit?ledger=true&ticket=1"):
        shown = tombola.show(raffle_id, what, headers=as_(role, "somebody"))
        assert shown.status_code == 200
        text = json.dumps(shown.json)
        assert not [secret for secret in (ada, bob, *hashes, "Ada Example", "@example.com") if secret in text], what
