"""What a process refuses to start with, and what it imports when it does start. Real processes, lean environment."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.provision import create_tables, warehouse
from local.simulators.authorizenet_control import GatewayControl
from shared.runtime.declare import Endpoint
from shared.runtime.manifest import declared_functions
from tests.factories.environment import environment
from tests.factories.processes import LEAN, ROOT, FunctionProcess, new_project

IMPORTED = Path(__file__).parents[1] / "factories" / "imported.py"
ALL = declared_functions()
# It makes the cached answers of every domain, in the shapes of their endpoints.
REFRESHES = "analytics_refresh_cache"
# Memberships and raffles take money through payments; what follows payments up lets it have its effect in both.
MONEY = {"memberships": {"payments"}, "payments": {"memberships", "raffles"}, "raffles": {"payments"}}
# Tickets are sold to who is verified, and members get bonus entries; reminders are queued from verifications, and not
# sent any more when theirs is gone; the cache's statistics are part of what all functions measure; health says what the
# syncs have left, and a check of the rules looks at syncs and members. Read from their own stores, not over HTTP.
READS = {
    "analytics_cache_stats": {"monitoring"},
    "monitoring_check_metrics": {"memberships", "payments", "pos"},
    "monitoring_health": {"pos"},
    "notifications_expiry_emails": {"verification"},
    "notifications_send_email": {"verification"},
    "raffles_purchase": {"memberships", "verification"},
}
# One worker asks for all what they import, which takes a minute beside other tests.
pytestmark = [pytest.mark.xdist_group("start"), pytest.mark.timeout(400)]


@pytest.mark.parametrize("name", ["verification_verify", "audit_record_event"])
@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"AUTH_MODE": "disabled", "K_SERVICE": "verify"}, "AUTH_MODE=disabled makes every caller an admin"),
        ({"AUTH_MODE": "disabled", "FIRESTORE_EMULATOR_HOST": ""}, "AUTH_MODE=disabled makes every caller an admin"),
        ({"CLOCK_FILE": "/tmp/clock.json", "K_SERVICE": "verify"}, "CLOCK_FILE moves the clock"),
    ],
)
def test_what_is_local_only_does_not_start_elsewhere(
    tmp_path: Path, name: str, variables: dict[str, str], said: str
) -> None:
    process = FunctionProcess(name, "a-project", tmp_path / "log", **variables)
    assert process.exit_code() != 0
    last = process.output().strip().splitlines()[-1]
    assert last.startswith(f"shared.platform.errors.Misconfigured: {said}; it is refused")


@pytest.mark.parametrize("variable", ["VERIFICATION_KEY", "AGE_TOKEN_KEY", "CUSTOMER_HASH_KEY", "JWT_SECRET"])
def test_a_missing_secret_is_named_at_the_start(tmp_path: Path, variable: str) -> None:
    process = FunctionProcess("verification_verify", "a-project", tmp_path / "log", **{variable: ""})
    assert process.exit_code() != 0
    assert variable in process.output().strip().splitlines()[-1]


@pytest.mark.parametrize("variable", ["VERIFICATION_KEY", "AGE_TOKEN_KEY"])
def test_a_malformed_key_ends_the_start_and_is_not_shown(tmp_path: Path, variable: str) -> None:
    process = FunctionProcess("verification_verify", "a-project", tmp_path / "log", **{variable: "made-up"})
    assert process.exit_code() != 0
    last = process.output().strip().splitlines()[-1]
    assert last.startswith("shared.platform.errors.Misconfigured: ")
    assert variable in last
    assert "made-up" not in process.output()


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, set[str]]]:
    """Function → {"loaded": modules when it is ready, "served": modules after a request}."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    project = new_project()
    create_tables(warehouse(os.environ["BIGQUERY_EMULATOR_HOST"], project))
    with GatewayControl(tmp_path_factory.mktemp("gateway")) as gateway:
        providers = {"SQUARE_WEBHOOK_SIGNATURE_KEY": "made-up", **gateway.environment()}
        done = subprocess.run(
            [LEAN / "python", IMPORTED, *(f.name for f in ALL)],
            cwd=ROOT,
            env={**kept, **environment(project, **providers)},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {name: {when: set(modules) for when, modules in times.items()} for name, times in found.items()}


@pytest.mark.parametrize("name", [f.name for f in ALL])
def test_no_client_library_is_imported_before_it_is_used(imported: Any, name: str) -> None:
    heavy = {"google.cloud.firestore", "google.cloud.bigquery", "google.cloud.pubsub_v1", "grpc", "requests", "jwt"}
    assert not heavy & imported[name]["loaded"]


@pytest.mark.parametrize("name", [f.name for f in ALL])
def test_nothing_of_another_environment_is_ever_imported(imported: Any, name: str) -> None:
    never = {
        "pyarrow",
        "numpy",
        "pandas",
        "google.cloud.pubsub_v1",
        "google.cloud.bigquery_storage",
        "pytest",
        "apispec",
    }
    assert not never & imported[name]["served"]


@pytest.mark.parametrize("function", ALL, ids=lambda f: f.name)
def test_a_function_imports_no_other_domain(imported: Any, function: Any) -> None:
    allowed = {function.domain, *MONEY.get(function.domain, ()), *READS.get(function.name, ())}
    others = {f.domain for f in ALL} - allowed
    domains = others if function.name != REFRESHES else set()
    modules = imported[function.name]["served"]
    foreign = {f"{root}.{domain}" for root in ("shared", "functions") for domain in domains}
    assert not foreign & modules
    assert not {m for m in modules if m.split(".")[0] in ("local", "tools", "tests")}
    assert not {f"functions.{f.domain}.{f.verb}" for f in ALL if f is not function} & modules


def test_the_gateway_s_webhook_is_taken_without_knowing_what_is_paid(imported: Any) -> None:
    assert not {
        m for m in imported["payments_webhook"]["served"] if m.startswith(("shared.memberships", "shared.raffles"))
    }


@pytest.mark.parametrize("name", [f.name for f in ALL if not isinstance(f.declaration, Endpoint)])
def test_a_listener_imports_nothing_of_http(imported: Any, name: str) -> None:
    shapes = {"marshmallow"} if name != REFRESHES else set()
    assert not {*shapes, "shared.runtime.http", "shared.runtime.auth"} & imported[name]["served"]


@pytest.mark.parametrize("function", ALL, ids=lambda f: f.name)
def test_only_who_declares_the_age_token_key_imports_what_parses_it(imported: Any, function: Any) -> None:
    parser = {"shared.platform.signing", "cryptography.hazmat.primitives.asymmetric.ec"}
    assert bool(parser & imported[function.name]["loaded"]) == ("AGE_TOKEN_KEY" in function.declaration.secrets)


@pytest.mark.parametrize("name", ["verification_verify", "verification_status", "verification_erase"])
def test_what_decides_a_request_never_imports_bigquery(imported: Any, name: str) -> None:
    # The request went all the way to the store.
    assert "shared.verification.repository" in imported[name]["served"]
    assert "google.cloud.bigquery" not in imported[name]["served"]


def test_public_keys_are_served_without_the_personal_part(imported: Any) -> None:
    assert not {"shared.verification.service", "shared.verification.vault"} & imported["verification_jwks"]["served"]
