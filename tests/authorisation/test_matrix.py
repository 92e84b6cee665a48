"""Every declared route × role × own or foreign id, on existing and unknown objects. A new route is in it by itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from flask.testing import FlaskClient
from marshmallow import Schema
from werkzeug.test import TestResponse

from local.simulators.authorizenet_control import GatewayControl
from shared.runtime.declare import SIGNED, Endpoint
from shared.runtime.manifest import Declared, declared_functions
from tests.factories.claims import verify_body
from tests.factories.tokens import bearer

OWN, EXISTING, UNKNOWN = "c-own", "c-existing", "c-unknown"
ROUTES = [f for f in declared_functions() if isinstance(f.declaration, Endpoint)]
Call = Callable[["Case"], TestResponse]


@dataclass(frozen=True)
class Case:
    """One caller at one route, about one customer."""

    function: Declared
    role: str
    customer_id: str

    @property
    def declared(self) -> Endpoint:
        assert isinstance(self.function.declaration, Endpoint)
        return self.function.declaration

    @property
    def caller(self) -> dict[str, str]:
        return {} if self.role == "anonymous" else bearer(self.role, OWN)

    @property
    def code(self) -> str:
        return (
            "bad_signature"
            if self.declared.auth == SIGNED
            else {401: "unauthenticated", 403: "forbidden"}[self.expected]
        )

    @property
    def expected(self) -> int | None:
        """The status of a refusal, or None: allowed. No token takes the place of a provider's signature."""
        declared = self.declared
        if declared.auth == SIGNED:
            return 401
        if declared.auth.roles and self.role == "anonymous":
            return 401
        if declared.auth.roles and self.role not in declared.auth.roles:
            return 403
        foreign = declared.owner is not None and self.customer_id != OWN
        return 403 if foreign and self.role == "customer" else None

    def __str__(self) -> str:
        return f"{self.declared.method} {self.declared.path} {self.role} {self.customer_id}"


def cases() -> Iterator[Case]:
    for function in ROUTES:
        for role in ("anonymous", "customer", "service", "admin"):
            for customer_id in (OWN, EXISTING, UNKNOWN):
                yield Case(function, role, customer_id)


def example(schema: type[Schema] | None, customer_id: str) -> dict[str, Any]:
    """The required fields as their examples in the API document show them, about this customer."""
    if schema is None:
        return {}
    wanted = {f.data_key or n: f for n, f in schema._declared_fields.items() if f.required}
    assert all("example" in f.metadata for f in wanted.values()), f"each required field of {schema} needs an example"
    shown = {name: found.metadata["example"] for name, found in wanted.items()}
    return {**shown, "customerId": customer_id} if "customerId" in shown else shown


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayControl]:
    with GatewayControl(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture
def call(
    function: Callable[[str], FlaskClient],
    gateway: GatewayControl,
    tables_for: Callable[[Declared], None],
    monkeypatch: pytest.MonkeyPatch,
) -> Call:
    """Calls with one object there for the customers `c-own` and `c-existing`; every provider is set up or made up."""
    secrets = {name for route in ROUTES for name in route.declaration.optional_secrets} - {"SQUARE_ACCESS_TOKEN"}
    for name, value in {**dict.fromkeys(secrets, "made-up"), **gateway.environment()}.items():
        monkeypatch.setenv(name, value)
    verify = function("verification_verify")
    for customer_id in (OWN, EXISTING):
        made = verify.post("/verify", json=verify_body(customer_id), headers=bearer("service", "orders"))
        assert made.status_code == 200

    client = cache(function)

    def send(case: Case) -> TestResponse:
        declared = case.declared
        tables_for(case.function)
        path = re.sub(r"{(\w+)}", lambda m: case.customer_id if m[1] == "customer_id" else "x-1", declared.path)
        body = {"json": example(declared.body, case.customer_id)} if declared.body else {}
        query = example(declared.query, case.customer_id)
        return client(case.function.name).open(
            path, method=declared.method, headers=case.caller, query_string=query, **body
        )

    return send


@pytest.mark.parametrize("route", ROUTES, ids=lambda f: f.name)
def test_each_caller_gets_what_the_declaration_says(call: Call, route: Declared) -> None:
    for case in (found for found in cases() if found.function is route):
        answer = call(case)
        if case.expected is None:
            assert answer.status_code not in (401, 403), case
            assert answer.status_code < 500, case
        else:
            assert answer.status_code == case.expected, case
            assert answer.json["code"] == case.code, case


@pytest.mark.parametrize("route", ROUTES, ids=lambda f: f.name)
def test_a_refusal_does_not_tell_whether_the_object_exists(call: Call, route: Declared) -> None:
    for role in ("anonymous", "customer", "service", "admin"):
        existing, unknown = Case(route, role, EXISTING), Case(route, role, UNKNOWN)
        if existing.expected is None:
            continue
        assert shown(call(existing)) == shown(call(unknown)), existing
    status = next(f for f in ROUTES if f.name == "verification_status")
    assert call(Case(status, "admin", EXISTING)).status_code == 200, "a refused call changed the object"
    assert call(Case(status, "admin", UNKNOWN)).status_code == 404, "a refused call made an object"


def shown(answer: TestResponse) -> tuple[int, dict[str, Any], dict[str, str]]:
    """All that the caller can see but the request's id and what is left of the rate limit."""
    body = {name: value for name, value in answer.json.items() if name != "requestId"}
    counted = {"X-Request-ID", "RateLimit", "Date"}
    return answer.status_code, body, {name: value for name, value in answer.headers.items() if name not in counted}


def test_the_matrix_holds_every_kind_of_case() -> None:
    """A matrix that stopped generating would pass as well."""
    expected = {(case.role, case.expected) for case in cases()}
    assert expected >= {("anonymous", 401), ("customer", 403), ("service", 403), ("admin", None), ("customer", None)}
    assert ("admin", 403) not in expected
    assert len(list(cases())) == len(ROUTES) * 12


def test_routes_without_a_token_are_exactly_these() -> None:
    open_to = {f.name: f.declaration.auth.name for f in ROUTES if not f.declaration.auth.roles}
    assert open_to == {
        "monitoring_health": "public",
        "monitoring_ready": "public",
        "notifications_unsubscribe": "public",
        "notifications_unsubscribe_page": "public",
        "payments_webhook": "signature",
        "pos_square_webhook": "signature",
        "raffles_audit": "public",
        "raffles_get": "public",
        "raffles_list": "public",
        "raffles_progress": "public",
        "verification_health": "public",
        "verification_jwks": "public",
    }


def test_the_order_service_reaches_no_admin_route() -> None:
    for function in ROUTES:
        declared = function.declaration
        assert isinstance(declared, Endpoint)
        if declared.auth.roles == {"admin"}:
            assert Case(function, "service", OWN).expected == 403


@pytest.mark.parametrize("customer_id", [EXISTING, UNKNOWN])
def test_another_s_age_token_does_not_open_the_own_status(
    call: Call, function: Callable[[str], FlaskClient], customer_id: str
) -> None:
    verify, erase = function("verification_verify"), function("verification_erase")
    service, admin = bearer("service", "orders"), bearer("admin", "a-1")
    token = verify.post("/verify", json=verify_body(customer_id), headers=service).json["ageToken"]
    if customer_id == UNKNOWN:
        assert erase.delete(f"/{customer_id}", headers=admin).status_code == 200
    headers = {**bearer("customer", OWN), "X-Age-Verification": token}
    answer = function("verification_own_status").get("/status", headers=headers)
    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    assert answer.json["error"] == "This age token is another customer's."
