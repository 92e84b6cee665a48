"""The environment, checked before anything runs with it."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest

from shared.platform.errors import Misconfigured
from shared.platform.settings import Settings

GOOD = {"GOOGLE_CLOUD_PROJECT": "a-project", "JWT_SECRET": "x" * 32}
EMULATORS = {"FIRESTORE_EMULATOR_HOST": "localhost:1", "PUBSUB_EMULATOR_HOST": "localhost:2"}


def load(**changes: str) -> Settings:
    return Settings.load({**GOOD, **changes})


def test_an_empty_environment_gets_the_careful_defaults() -> None:
    settings = load()
    assert (settings.environment, settings.auth_mode, settings.sandbox, settings.deployed) == (
        "production",
        "jwt",
        False,
        False,
    )
    limits = (settings.rate_anonymous, settings.rate_signed_in, settings.rate_admin, settings.rate_health)
    assert limits == (100, 300, 1000, 300)
    assert settings.allowed_origins == ()


@pytest.mark.parametrize(
    ("changes", "variable"),
    [
        ({"GOOGLE_CLOUD_PROJECT": ""}, "GOOGLE_CLOUD_PROJECT"),
        ({"GOOGLE_CLOUD_PROJECT": " "}, "GOOGLE_CLOUD_PROJECT"),
        ({"AUTH_MODE": "off"}, "AUTH_MODE"),
        ({"AUTH_MODE": "JWT"}, "AUTH_MODE"),
        ({"ENVIRONMENT": "prod"}, "ENVIRONMENT"),
        ({"JWT_SECRET": "x" * 31}, "JWT_SECRET"),
        ({"TRUSTED_PROXY_HOPS": "one"}, "TRUSTED_PROXY_HOPS"),
        ({"TRUSTED_PROXY_HOPS": "-1"}, "TRUSTED_PROXY_HOPS"),
        ({"RATE_LIMIT_ADMIN": "-5"}, "RATE_LIMIT_ADMIN"),
        ({"RATE_LIMIT_ADMIN": "1.5"}, "RATE_LIMIT_ADMIN"),
        ({"AUTH_MODE": "disabled"}, "AUTH_MODE=disabled"),
        ({"AUTH_MODE": "disabled", "FIRESTORE_EMULATOR_HOST": "localhost:1"}, "AUTH_MODE=disabled"),
        ({"AUTH_MODE": "disabled", "PUBSUB_EMULATOR_HOST": "localhost:2"}, "AUTH_MODE=disabled"),
        ({"AUTH_MODE": "disabled", "K_SERVICE": "verify", **EMULATORS}, "K_SERVICE"),
        ({"CLOCK_FILE": "/tmp/clock.json"}, "CLOCK_FILE"),
        ({"CLOCK_FILE": "/tmp/clock.json", "K_SERVICE": "verify", **EMULATORS}, "K_SERVICE"),
        ({"DRAW_ENTROPY": "dice"}, "DRAW_ENTROPY"),
        ({"DRAND_CHAIN": "00:00:1:1"}, "DRAND_CHAIN"),
        ({"DRAND_CHAIN": "00:00:1:1", "K_SERVICE": "draw", **EMULATORS}, "K_SERVICE"),
    ],
)
def test_what_cannot_be_run_with_is_refused_by_the_name_of_the_variable(changes: dict[str, str], variable: str) -> None:
    with pytest.raises(Misconfigured, match=variable):
        load(**changes)


@pytest.mark.parametrize("changes", [{"AUTH_MODE": "disabled"}, {"CLOCK_FILE": "/tmp/clock.json"}])
def test_what_is_local_only_is_allowed_on_emulators(changes: dict[str, str]) -> None:
    assert load(**changes, **EMULATORS)


def test_a_refusal_never_shows_a_secret() -> None:
    with pytest.raises(Misconfigured) as refused:
        load(JWT_SECRET="made-up-secret")
    assert "made-up-secret" not in str(refused.value)


def test_numbers_are_numbers() -> None:
    settings = load(TRUSTED_PROXY_HOPS=" 1 ", RATE_LIMIT_HEALTH="0")
    assert (settings.trusted_proxy_hops, settings.rate_health) == (1, 0)


def test_a_required_secret_is_there_or_named() -> None:
    assert load(VERIFICATION_KEY="k").require("VERIFICATION_KEY") == "k"
    with pytest.raises(Misconfigured, match="AGE_TOKEN_KEY is not set"):
        load().require("AGE_TOKEN_KEY")


@pytest.mark.parametrize("env", ["CUSTOMER_HASH_KEY", "VERIFICATION_KEY", "AGE_TOKEN_KEY"])
def test_a_secret_with_a_form_is_checked_where_it_is_declared(env: str) -> None:
    settings = load(**{env: "made-up"})
    assert settings.require(env) == "made-up"
    with pytest.raises(Misconfigured, match=env) as refused:
        settings.check_secret(env)
    assert "made-up" not in str(refused.value)


def test_a_checked_secret_is_a_required_one() -> None:
    with pytest.raises(Misconfigured, match="AGE_TOKEN_KEY is not set"):
        load().check_secret("AGE_TOKEN_KEY")


def test_a_right_secret_passes_the_check() -> None:
    key = f"{'A' * 43}="
    load(VERIFICATION_KEY=f"b={key},a={key}").check_secret("VERIFICATION_KEY")
    load().check_secret("JWT_SECRET")


def test_a_snapshot_does_not_change() -> None:
    settings: Any = load()
    with pytest.raises(FrozenInstanceError):
        settings.auth_mode = "disabled"


def test_every_setting_is_declared_with_its_meaning_once() -> None:
    names = [f.metadata["env"] for f in fields(Settings)]
    assert len(set(names)) == len(names)
    assert all(f.metadata["doc"].endswith(".") for f in fields(Settings))


@pytest.mark.parametrize("name", ["KEY", "SECRET"])
def test_keys_are_marked_as_secrets(name: str) -> None:
    for found in fields(Settings):
        env = found.metadata["env"]
        assert found.metadata["secret"] == (name in env) or name not in env, env
