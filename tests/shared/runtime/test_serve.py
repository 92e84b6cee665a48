"""From the name of an entry point to the function that is served."""

from __future__ import annotations

import types

import pytest

from shared.platform.errors import Misconfigured
from shared.platform.settings import Settings
from shared.runtime import instance, serve
from tests.factories.environment import environment


@pytest.mark.parametrize(
    ("entry_point", "module"),
    [
        ("verification_verify", "functions.verification.verify"),
        ("verification_own_status", "functions.verification.own_status"),
        ("audit_record_event", "functions.audit.record_event"),
    ],
)
def test_the_path_is_the_name(entry_point: str, module: str) -> None:
    assert serve.module_name(entry_point) == module


@pytest.mark.parametrize(
    "entry_point",
    [
        "",
        "verification",
        "_verify",
        "verification_",
        "Verification_verify",
        "verification_no_such",
        "nowhere_verify",
        "verification___init__",
        "__path__",
        "os.path_join",
        "verification_verify.handle",
    ],
)
def test_what_is_no_function_is_an_attribute_error(project: str, entry_point: str) -> None:
    with pytest.raises(AttributeError):
        serve.load(entry_point)


def test_a_function_is_a_plain_one_with_its_own_name(project: str) -> None:
    function = serve.load("verification_status")
    assert isinstance(function, types.FunctionType)
    assert function.__name__ == "verification_status"


@pytest.mark.parametrize(
    ("entry_point", "variable", "value"),
    [
        ("verification_verify", "VERIFICATION_KEY", ""),
        ("verification_verify", "AGE_TOKEN_KEY", ""),
        ("verification_verify", "CUSTOMER_HASH_KEY", ""),
        ("verification_verify", "VERIFICATION_KEY", "made-up but no base64"),
        ("verification_resubmit", "VERIFICATION_KEY", f"a={'A' * 43}=,a={'B' * 43}="),
        ("verification_verify", "AGE_TOKEN_KEY", "made-up but no PEM"),
        ("verification_status", "AGE_TOKEN_KEY", "-----BEGIN PRIVATE KEY-----"),
        ("verification_own_status", "AGE_TOKEN_KEY", "made-up but no PEM"),
        ("verification_jwks", "AGE_TOKEN_KEY", "made-up but no PEM"),
        ("verification_health", "CUSTOMER_HASH_KEY", ""),
        ("verification_health", "CUSTOMER_HASH_KEY", "made-up but no base64"),
        ("verification_health", "JWT_SECRET", ""),
        ("verification_health", "JWT_SECRET", "made-up and too short"),
        ("audit_record_event", "GOOGLE_CLOUD_PROJECT", ""),
        ("audit_record_event", "AUTH_MODE", "off"),
    ],
)
def test_a_function_that_could_not_work_does_not_start(
    project: str, monkeypatch: pytest.MonkeyPatch, entry_point: str, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(Misconfigured, match=variable) as refused:
        serve.load(entry_point)
    assert "made-up" not in str(refused.value)


def test_an_optional_secret_may_be_missing_but_not_malformed() -> None:
    Settings.load(environment("a-project", VERIFICATION_KEY="")).check_secret("VERIFICATION_KEY", optional=True)
    malformed = Settings.load(environment("a-project", VERIFICATION_KEY="made-up but no base64"))
    with pytest.raises(Misconfigured, match="VERIFICATION_KEY"):
        malformed.check_secret("VERIFICATION_KEY", optional=True)


def test_a_function_starts_without_its_optional_secrets(project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("SQUARE_ACCESS_TOKEN", "SQUARE_WEBHOOK_SIGNATURE_KEY", "LIGHTSPEED_CLIENT_SECRET"):
        monkeypatch.delenv(variable, raising=False)
    assert serve.load("pos_sync")
    assert serve.load("pos_square_webhook")


def test_a_function_asks_only_for_the_secrets_it_declares(project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("VERIFICATION_KEY", "AGE_TOKEN_KEY"):
        monkeypatch.setenv(variable, "made-up and malformed")
    assert serve.load("verification_policy")
    for variable in ("VERIFICATION_KEY", "AGE_TOKEN_KEY"):
        monkeypatch.delenv(variable)
    instance.forget()
    assert serve.load("verification_policy")
    monkeypatch.delenv("CUSTOMER_HASH_KEY")
    assert serve.load("audit_record_event")
