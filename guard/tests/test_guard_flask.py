"""The decorator in a real Flask application: what the view gets and what everyone else is told."""

import inspect
from typing import Any

import pytest
from flask import Flask, g, request
from flask.testing import FlaskClient
from guard_maker import GuardMaker
from scripted_service import ScriptedService, answer, not_found

from age_guard import AgeGuard, VerifiedAge


def shop_of(guard: AgeGuard, sold: list[VerifiedAge]) -> Flask:
    app = Flask("shop")

    @app.post("/orders")
    @app.post("/customers/<customer_id>/orders")
    @app.post("/members/<int:customer_id>/orders")
    @guard.require_age_verification
    def order(customer_id: str | None = None) -> dict[str, Any]:
        """Sells."""
        sold.append(g.age_verification)
        return {"for": customer_id, **g.age_verification.as_json()}

    @app.post("/till")
    @guard.require_age_verification(customer_id=lambda asked: asked.headers.get("X-Customer"))
    def till() -> tuple[dict[str, Any], int]:
        return {"json": request.get_json(silent=True)}, 201

    @app.post("/async")  # type: ignore[type-var]
    @guard.require_age_verification()
    async def later() -> dict[str, Any]:
        return {"id": g.age_verification.verification_id}

    return app


@pytest.fixture
def sold() -> list[VerifiedAge]:
    return []


@pytest.fixture
def client(service: ScriptedService, make_guard: GuardMaker, sold: list[VerifiedAge]) -> FlaskClient:
    service.plays(answer())
    return shop_of(make_guard(), sold).test_client()


def test_the_view_gets_the_verification(client: FlaskClient, service: ScriptedService, sold: list[VerifiedAge]) -> None:
    headers = {"Authorization": "Bearer example-token", "X-Request-ID": "req-1"}
    response = client.post("/orders", json={"customerId": "c-1"}, headers=headers)
    assert response.status_code == 200
    assert response.get_json()["verificationId"] == "av_01example"
    assert (sold[0].customer_id, sold[0].age) == ("c-1", 34)
    assert service.seen[0].headers["authorization"] == "Bearer example-token"
    assert service.seen[0].headers["x-request-id"] == "req-1"


def test_the_view_keeps_its_name(client: FlaskClient) -> None:
    view = client.application.view_functions["order"]
    assert (view.__name__, view.__doc__) == ("order", "Sells.")
    assert inspect.signature(view).parameters.keys() == {"customer_id"}


@pytest.mark.parametrize(
    ("path", "body", "asked"),
    [
        ("/orders", {"customerId": "c-1"}, "c-1"),
        ("/customers/c-2/orders", {}, "c-2"),
        ("/customers/c-2/orders", {"customerId": None}, "c-2"),
        ("/customers/c-2/orders", {"customerId": "c-2"}, "c-2"),
        ("/members/7/orders", {"customerId": "7"}, "7"),
    ],
)
def test_where_the_customer_id_comes_from(
    client: FlaskClient, service: ScriptedService, path: str, body: dict[str, Any], asked: str
) -> None:
    assert client.post(path, json=body).status_code == 200
    assert service.seen[0].path.endswith(f"/status/{asked}")


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/orders", {}, "customer_id_required"),
        ("/orders", {"customerId": ""}, "customer_id_required"),
        ("/orders", ["c-1"], "customer_id_required"),
        ("/orders", {"customerId": 7}, "invalid_customer_id"),
        ("/orders", {"customerId": "a/b"}, "invalid_customer_id"),
        ("/customers/a%20b/orders", {}, "invalid_customer_id"),
        ("/customers/c-2/orders", {"customerId": ""}, "customer_id_required"),
        ("/customers/c-2/orders", {"customerId": "c-1"}, "customer_id_mismatch"),
    ],
)
def test_without_one_customer_id_it_is_a_400(
    client: FlaskClient, service: ScriptedService, path: str, body: Any, code: str
) -> None:
    response = client.post(path, json=body)
    answered = response.get_json()
    assert response.status_code == 400
    assert (answered["success"], answered["code"], answered["field"]) == (False, code, "customerId")
    assert answered["error"]
    assert answered["message"]
    assert service.seen == []


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_the_media_type_does_not_hide_another_customer(
    client: FlaskClient, sold: list[VerifiedAge], media_type: str
) -> None:
    body = '{"customerId": "c-1"}'
    response = client.post("/customers/c-2/orders", data=body, content_type=media_type)
    assert (response.status_code, sold) == (400, [])


@pytest.mark.parametrize("body", [b"", b"{not json", b"\xff", b"[" * 60_000])
def test_a_body_that_is_no_json_has_no_customer(client: FlaskClient, body: bytes) -> None:
    response = client.post("/orders", data=body, content_type="application/json")
    assert (response.status_code, response.get_json()["code"]) == (400, "customer_id_required")


def test_a_callable_is_the_only_source(client: FlaskClient, service: ScriptedService) -> None:
    response = client.post("/till", json={"customerId": "c-1"}, headers={"X-Customer": "c-9"})
    assert (response.status_code, response.get_json()) == (201, {"json": {"customerId": "c-1"}})
    assert service.seen[0].path.endswith("/status/c-9")
    assert client.post("/till", json={"customerId": "c-1"}).status_code == 400


def test_an_unverified_customer_is_told_where_to_verify(
    client: FlaskClient, service: ScriptedService, sold: list[VerifiedAge]
) -> None:
    service.plays(not_found())
    response = client.post("/orders", json={"customerId": "c-1"}, headers={"X-Request-ID": "req-1"})
    assert response.status_code == 403
    assert response.get_json() == {
        "success": False,
        "error": "Age verification required",
        "message": "Please verify your age, then place the order again.",
        "requiresVerification": True,
        "verificationUrl": "https://shop.example.com/verify",
        "code": "age_verification_required",
        "requestId": "req-1",
    }
    assert response.headers["X-Request-ID"] == "req-1"
    assert response.headers["Cache-Control"] == "no-store"
    assert sold == []


def test_a_failure_does_not_let_the_order_through(
    client: FlaskClient, service: ScriptedService, sold: list[VerifiedAge]
) -> None:
    service.plays(answer(500))
    response = client.post("/orders", json={"customerId": "c-1"}, headers={"X-Request-ID": "not safe"})
    answered = response.get_json()
    assert response.status_code == 500
    assert answered.pop("message").endswith("Please try again in a minute.")
    assert answered.pop("requestId") == service.seen[0].headers["x-request-id"] != "not safe"
    assert answered == {"success": False, "error": "Unable to verify age", "code": "unable_to_verify_age"}
    assert sold == []


def test_an_async_view(client: FlaskClient) -> None:
    assert client.post("/async", json={"customerId": "c-1"}).get_json() == {"id": "av_01example"}
