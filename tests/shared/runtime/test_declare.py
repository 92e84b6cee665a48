"""A declaration records; and a route with a customer id that nobody checks cannot be declared."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import Schema, fields

from shared.platform.wire import customer_id_field
from shared.runtime.declare import (
    ADMIN,
    CUSTOMER_OR_ADMIN,
    PUBLIC,
    SERVICE,
    SIGNED,
    SIGNED_IN,
    Auth,
    Endpoint,
    Job,
    Owner,
    Schedule,
    Subscriber,
    declaration_of,
    endpoint,
    in_body,
    in_path,
    job,
    path_parameters,
    subscriber,
)


class WithCustomer(Schema):
    customer_id = customer_id_field()


class WithWireName(Schema):
    buyer = fields.String(data_key="customerId")


class WithNested(Schema):
    order = fields.Nested(WithCustomer)


class WithMany(Schema):
    orders = fields.List(fields.Nested(WithCustomer))


class Plain(Schema):
    size = fields.Integer()


def declare(route: str, auth: Auth, **options: Any) -> Endpoint:
    declared = declaration_of(endpoint(route, auth=auth, responds={}, **options)(lambda request: None))
    assert isinstance(declared, Endpoint)
    return declared


@pytest.mark.parametrize("auth", [SIGNED_IN, CUSTOMER_OR_ADMIN, PUBLIC, SIGNED])
@pytest.mark.parametrize(
    ("route", "options"),
    [
        ("GET /api/things/{customer_id}", {}),
        ("GET /api/things/{customerId}/parts", {}),
        ("POST /api/things", {"body": WithCustomer}),
        ("POST /api/things", {"body": WithWireName}),
        ("POST /api/things", {"body": WithNested}),
        ("POST /api/things", {"body": WithMany}),
        ("GET /api/things", {"query": WithCustomer}),
        ("POST /api/things/{customer_id}", {"body": WithCustomer, "owner": in_path("customer_id")}),
        ("POST /api/things/{customer_id}", {"body": WithCustomer, "owner": in_body("customer_id")}),
    ],
)
def test_a_customer_s_route_with_an_unchecked_customer_id_is_refused(
    auth: Auth, route: str, options: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="takes a customer id"):
        declare(route, auth, **options)


@pytest.mark.parametrize("auth", [SERVICE, ADMIN])
def test_back_ends_and_admins_may_name_any_customer(auth: Auth) -> None:
    assert declare("POST /api/things/{customer_id}", auth, body=WithCustomer).owner is None


@pytest.mark.parametrize(
    ("route", "options", "owner"),
    [
        ("GET /api/things/{customer_id}", {"owner": in_path("customer_id")}, Owner("path", "customer_id")),
        (
            "POST /api/things",
            {"body": WithCustomer, "owner": in_body("customer_id")},
            Owner("body", "customer_id"),
        ),
        ("POST /api/things", {"body": WithWireName, "owner": in_body("buyer")}, Owner("body", "buyer")),
        ("POST /api/things", {"body": Plain}, None),
    ],
)
def test_a_route_whose_customer_id_is_checked_is_recorded(
    route: str, options: dict[str, Any], owner: Owner | None
) -> None:
    assert declare(route, SIGNED_IN, **options).owner == owner


@pytest.mark.parametrize(
    ("route", "options"),
    [
        ("GET /api/things", {"owner": in_path("customer_id")}),
        ("POST /api/things", {"owner": in_body("customer_id")}),
        ("POST /api/things", {"owner": in_body("customer_id"), "body": Plain}),
        ("GET /api/things/{thing_id}", {"owner": in_path("customer_id")}),
    ],
)
def test_an_owner_must_be_among_what_the_request_carries(route: str, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="has no customer_id in its"):
        declare(route, SIGNED_IN, **options)


@pytest.mark.parametrize("route", ["", "GET", "GET things", "FETCH /things", "/things", "get /things", "GET  /things"])
def test_a_route_is_a_method_and_a_path(route: str) -> None:
    with pytest.raises(ValueError, match="A route is written"):
        declare(route, ADMIN)


def test_the_handler_stays_the_plain_function() -> None:
    def handle(request: Any) -> None: ...

    assert endpoint("GET /api/things", auth=ADMIN, responds={})(handle) is handle


def test_defaults_are_careful() -> None:
    declared = declare("GET /api/things", ADMIN)
    assert (declared.cache_control, declared.idempotent, declared.tier) == ("no-store", False, None)


def test_subscribers_and_jobs_are_recorded_with_their_topics() -> None:
    listens = declaration_of(subscriber("a-topic", "b-topic", concurrency=1)(lambda delivery: None))
    assert isinstance(listens, Subscriber)
    assert (listens.topics, listens.concurrency) == (("a-topic", "b-topic"), 1)
    runs = declaration_of(job("*/5 * * * *", topic="a-job")(lambda delivery: None))
    assert isinstance(runs, Job)
    assert (runs.schedule, runs.topics, runs.schedules) == ("*/5 * * * *", ("a-job",), ())


def test_a_subscriber_may_be_scheduled_several_times() -> None:
    schedules = (Schedule("sync_one", "*/15 * * * *", {"source": "one"}), Schedule("sync_two", "0 4 * * 1", {}))
    listens = declaration_of(subscriber("a-topic", schedules=schedules)(lambda delivery: None))
    assert isinstance(listens, Subscriber)
    assert not isinstance(listens, Job)
    assert listens.schedules == schedules


def test_an_undeclared_function_has_no_declaration() -> None:
    with pytest.raises(AttributeError):
        declaration_of(lambda request: None)


def test_path_parameters_are_named_in_their_order() -> None:
    assert path_parameters("/api/{a}/b/{c_d}") == ("a", "c_d")
