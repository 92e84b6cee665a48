"""The example order service, run against the scripted service, so that it keeps working."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from scripted_service import ScriptedService, answer, not_found

from age_guard import environment

APP = Path(__file__).resolve().parents[2] / "examples" / "order_service" / "app.py"
ITEMS = [{"sku": "gummies-10", "quantity": 2}]


@pytest.fixture
def client(service: ScriptedService, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    monkeypatch.setenv("AGE_VERIFICATION_URL", service.url)
    monkeypatch.setattr(environment, "_guards", {})
    spec = importlib.util.spec_from_file_location("example_order_service", APP)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module.app.test_client()
    for guard in environment._guards.values():
        guard.close()


def test_an_order_of_a_verified_customer(client: FlaskClient, service: ScriptedService) -> None:
    service.plays(answer())
    response = client.post("/orders", json={"customerId": "c-1", "items": ITEMS})
    order = response.get_json()["order"]
    assert response.status_code == 201
    assert (order["customerId"], order["items"]) == ("c-1", ITEMS)
    assert order["ageVerification"]["verificationId"] == "av_01example"


def test_an_order_of_an_unverified_customer(client: FlaskClient, service: ScriptedService) -> None:
    service.plays(not_found())
    response = client.post("/orders", json={"customerId": "c-1", "items": ITEMS})
    assert response.status_code == 403
    assert response.get_json()["verificationUrl"] == f"{service.url}/age-verification"


@pytest.mark.parametrize("items", [None, [], {}, [1], [{"sku": "x", "quantity": True}], [{"sku": "", "quantity": 1}]])
def test_items_that_cannot_be_sold(client: FlaskClient, service: ScriptedService, items: Any) -> None:
    service.plays(answer())
    response = client.post("/orders", json={"customerId": "c-1", "items": items})
    assert (response.status_code, response.get_json()["code"]) == (400, "invalid_items")


def test_health_needs_no_age(client: FlaskClient, service: ScriptedService) -> None:
    assert client.get("/health").get_json() == {"status": "healthy", "service": "orders"}
    assert service.seen == []
