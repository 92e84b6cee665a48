"""infra/generated/openapi.json holds every route and every status that the functions can answer."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from marshmallow import Schema

from local.simulators.authorizenet_control import GatewayControl
from shared.notifications.preferences import Preferences
from shared.payments import signatures
from shared.platform.errors import Failure
from shared.platform.settings import Settings
from shared.pos.webhook import signature
from shared.runtime import instance
from shared.runtime.declare import SIGNED, Endpoint
from shared.runtime.manifest import Declared, declared_functions
from tests.factories.claims import verify_body
from tests.factories.tokens import bearer
from tools.generate import contents
from tools.openapi import ERRORS

REPOSITORY = Path(__file__).parents[2]
DOCUMENT = json.loads((REPOSITORY / "infra/generated/openapi.json").read_text())
ENDPOINTS = [f for f in declared_functions() if isinstance(f.declaration, Endpoint)]
ADMIN = bearer("admin", "a-1")
QUERIES = {"memberships_discount": "subtotal=150.00", "verification_policy": "state=TX"}
# What stands in the path's braces.
NAMES = {"customer_id": "c-1", "source": "lightspeed", "job_id": "job_1", "raffle_id": "RAFFLE_1"}
SIGNATURE_KEY = "made-up"
EVENT = json.dumps({"event_id": "e-1", "type": "payment.updated", "data": {"id": "payment-1"}}).encode()
NOTICE = json.dumps(
    {
        "notificationId": "n-1",
        "eventType": "net.authorize.payment.authcapture.created",
        "payload": {"entityName": "transaction", "id": "1"},
    }
).encode()


def documented(function: Declared) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][function.declaration.path][function.declaration.method.lower()]
    return found


def test_what_is_generated_is_up_to_date() -> None:
    for name, text in contents().items():
        assert (REPOSITORY / name).read_text(encoding="utf-8") == text, "Run: make generate"


def test_the_document_has_every_route_and_no_other() -> None:
    found = {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert found == {(f.declaration.method, f.declaration.path) for f in ENDPOINTS}


@pytest.mark.parametrize("function", ENDPOINTS, ids=lambda f: f.name)
def test_an_operation_says_who_may_call_what_it_takes_and_answers(function: Declared) -> None:
    declared, operation = function.declaration, documented(function)
    assert operation["operationId"] == function.name
    assert operation["security"] == ([{"bearer": []}] if declared.auth.roles else [])
    assert {int(status) for status in operation["responses"]} >= {*declared.responds, 400, 401, 405, 429, 500, 503}
    assert ("requestBody" in operation) == (declared.body is not None)
    taken = {(p["in"], p["name"]) for p in operation["parameters"]}
    assert {("query", name) for name in wire_names(declared.query)} <= taken
    assert {("header", name) for name in declared.headers} <= taken
    assert (("header", "Idempotency-Key") in taken) == declared.idempotent


def wire_names(schema: type[Schema] | None) -> Iterator[str]:
    return (field.data_key or name for name, field in (schema().fields if schema else {}).items())


def test_every_kind_of_failure_has_a_status_that_is_described() -> None:
    statuses = {kind.status for kind in descendants(Failure)}
    assert statuses - ERRORS.keys() == {402, 404}, "they belong to a route: they are described by what it declares"


def descendants(kind: type[Failure]) -> Iterator[type[Failure]]:
    for child in kind.__subclasses__():
        yield child
        yield from descendants(child)


class Caller:
    """Calls one endpoint well-formed but for what a test changes, and checks that the answer is documented."""

    def __init__(self, client: FlaskClient, function: Declared) -> None:
        self._client = client
        self.function = function
        # Good for one use.
        self._token = f"tok_visa_{uuid.uuid4().hex}"

    def status(self, **changes: Any) -> int:
        declared = self.function.declaration
        call = {
            "path": declared.path.format(**NAMES),
            "method": declared.method,
            "query_string": self._query(),
            **self._good(),
            **changes,
        }
        answer = self._client.open(**call)
        responses = documented(self.function)["responses"]
        assert str(answer.status_code) in responses
        for name, header in responses[str(answer.status_code)]["headers"].items():
            assert header.get("required") is False or name in answer.headers
        return int(answer.status_code)

    def _query(self) -> str:
        if self.function.domain == "notifications":
            # Signed: each link is good for one customer.
            return Preferences(instance.platform()).link("a" * 64).partition("?")[2]
        return QUERIES.get(self.function.name, "")

    def _good(self) -> dict[str, Any]:
        """Caller and body."""
        declared = self.function.declaration
        if self.function.name == "payments_webhook":
            signed = {"X-ANET-Signature": signatures.signature(Settings.load().authorize_net_signature_key, NOTICE)}
            return {"headers": signed, "data": NOTICE, "content_type": "application/json"}
        if declared.auth == SIGNED:
            url = f"{Settings.load().public_url}{declared.path}"
            signed = {"x-square-hmacsha256-signature": signature(SIGNATURE_KEY, url, EVENT)}
            return {"headers": signed, "data": EVENT, "content_type": "application/json"}
        return {"headers": ADMIN, "json": self.body() if declared.body else None}

    def body(self, *, other: bool = False) -> dict[str, Any]:
        if self.function.domain == "pos":
            return {"mode": "full" if other else "incremental"}
        if self.function.name == "memberships_subscribe":
            card = {"type": "card", "token": self._token}
            person = {"customerId": "c-2" if other else "c-1", "email": "member@example.com"}
            return {**person, "tier": "SILVER", "paymentMethod": card}
        if self.function.domain == "memberships":
            upgrades = self.function.name == "memberships_upgrade"
            return {"newTier": "SILVER" if other else "GOLD"} if upgrades else {"reason": "moving" if other else ""}
        if self.function.domain == "raffles":
            return self._of_raffles("c-2" if other else "c-1")
        return verify_body("c-2" if other else "c-1")

    def _of_raffles(self, text: str) -> dict[str, Any]:
        if self.function.name == "raffles_create":
            sold = {"ticketPrice": 50, "maxTickets": 5, "drawDate": "2099-03-31T17:00:00Z"}
            return {"name": text, "prize": "A year of tea", **sold}
        if self.function.name == "raffles_purchase":
            card = {"type": "card", "token": self._token}
            person = {"customerId": text, "customerEmail": "buyer@example.com", "customerName": "Ada Example"}
            return {**person, "numTickets": 1, "paymentMethod": card}
        return {"reason" if self.function.name == "raffles_cancel" else "description": text}


Calling = Callable[[Declared], Caller]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayControl]:
    with GatewayControl(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture
def calling(
    function: Callable[[str], FlaskClient],
    gateway: GatewayControl,
    tables_for: Callable[[Declared], None],
    monkeypatch: pytest.MonkeyPatch,
) -> Calling:
    for name, value in {"SQUARE_WEBHOOK_SIGNATURE_KEY": SIGNATURE_KEY, **gateway.environment()}.items():
        monkeypatch.setenv(name, value)

    def caller(declared: Declared) -> Caller:
        tables_for(declared)
        return Caller(function(declared.name), declared)

    return caller


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda f: f.name)
def test_good_answers_and_refusals_are_documented_with_their_headers(calling: Calling, endpoint: Declared) -> None:
    caller = calling(endpoint)
    assert caller.status() in ({200} if endpoint.declaration.page else endpoint.declaration.responds)
    assert caller.status(headers={"Authorization": "Bearer forged"}) == 401
    assert caller.status(query_string="nothing=1") == 400
    assert caller.status(method="PATCH") == 405
    forbidden = caller.status(headers=bearer("customer", "c-other")) == 403
    assert forbidden == ("403" in documented(endpoint)["responses"] and not is_for_each_own(endpoint))


def is_for_each_own(endpoint: Declared) -> bool:
    """Whether every customer may call it, because nobody's id is asked for."""
    return endpoint.declaration.owner is None and "customer" in endpoint.declaration.auth.roles


@pytest.mark.parametrize("endpoint", [f for f in ENDPOINTS if f.declaration.body], ids=lambda f: f.name)
def test_refusals_of_a_body_are_documented(calling: Calling, endpoint: Declared) -> None:
    caller = calling(endpoint)
    assert caller.status(json=verify_body(fullName="x" * 70_000)) == 413
    assert caller.status(json=None, data="{}", content_type="text/plain") == 415
    assert caller.status(json=None, data="{", content_type="application/json") == 400
    keyed = {**ADMIN, "Idempotency-Key": "key-1"}
    first, again = (caller.status(headers=keyed) for _ in range(2))
    assert first == again
    assert first in endpoint.declaration.responds
    if endpoint.declaration.idempotent:
        assert caller.status(headers=keyed, json=caller.body(other=True)) == 422
    if endpoint.domain == "verification":
        assert caller.status(json=verify_body("sandbox-unavailable")) == 503


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda f: f.name)
def test_a_limit_that_is_reached_is_documented(
    calling: Calling, endpoint: Declared, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tier in ("ANONYMOUS", "SIGNED_IN", "ADMIN", "HEALTH", "WEBHOOK"):
        monkeypatch.setenv(f"RATE_LIMIT_{tier}", "1")
    instance.forget()
    caller = calling(endpoint)
    assert caller.status() != 429
    assert caller.status() == 429
