"""The convenient forms: settings from the environment, read at the first check and not at import."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, g
from scripted_service import ScriptedService, answer, not_found

from age_guard import (
    AgeVerificationRequired,
    UnableToVerifyAge,
    check_age,
    environment,
    require_age_verification,
)


@pytest.fixture(autouse=True)
def no_guards_yet(service: ScriptedService, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    assert service
    monkeypatch.delenv("AGE_VERIFICATION_URL", raising=False)
    monkeypatch.delenv("AGE_VERIFICATION_PAGE_URL", raising=False)
    monkeypatch.setattr(environment, "_guards", {})
    yield
    for guard in environment._guards.values():
        guard.close()


def test_the_address_may_be_set_after_the_view_was_decorated(
    service: ScriptedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = Flask("shop")

    @app.post("/orders")
    @require_age_verification
    def order() -> dict[str, Any]:
        return {"age": g.age_verification.age}

    service.plays(answer())
    monkeypatch.setenv("AGE_VERIFICATION_URL", service.url)
    response = app.test_client().post("/orders", json={"customerId": "c-1"})
    assert response.get_json() == {"age": 34}
    assert check_age("c-1").age == 34
    assert len(service.seen) == 1


@pytest.mark.parametrize("address", ["", "api.example.com"])
def test_without_an_address_nothing_goes_through(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, address: str
) -> None:
    monkeypatch.setenv("AGE_VERIFICATION_URL", address)
    with caplog.at_level(logging.ERROR), pytest.raises(UnableToVerifyAge) as failure:
        check_age("c-1")
    assert failure.value.reason == "not_configured"
    assert "AGE_VERIFICATION_URL" in caplog.text


def test_the_page_to_verify_on(service: ScriptedService, monkeypatch: pytest.MonkeyPatch) -> None:
    service.plays(not_found())
    monkeypatch.setenv("AGE_VERIFICATION_URL", service.url + "/")
    with pytest.raises(AgeVerificationRequired) as refusal:
        check_age("c-1")
    assert refusal.value.verification_url == f"{service.url}/age-verification"
    monkeypatch.setenv("AGE_VERIFICATION_PAGE_URL", "https://shop.example.com/verify")
    with pytest.raises(AgeVerificationRequired) as refusal:
        check_age("c-1")
    assert refusal.value.verification_url == "https://shop.example.com/verify"
