"""`AUTH_MODE=jwt make run`, and the tokens that `make token` prints for it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e.stack import PYTHON, REPOSITORY, RunningStack
from tests.factories.claims import verify_body

pytestmark = pytest.mark.xdist_group("stack")
VERIFY, STATUS = "/api/age-verification/verify", "/api/age-verification/status"


@pytest.fixture
def clock_back(signed_stack: RunningStack) -> Iterator[None]:
    yield
    signed_stack.post("/_local/clock", json={"reset": True})


def test_without_a_token_nothing_but_the_public_routes_answers(signed_stack: RunningStack) -> None:
    refused = signed_stack.post(VERIFY, json=verify_body())
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    for path in ("/health/age-verification", "/.well-known/jwks.json"):
        assert signed_stack.get(path).status_code == 200


def test_a_customer_s_token_is_good_for_that_customer(signed_stack: RunningStack) -> None:
    mine = signed_stack.bearer("customer", "c-mine")
    assert signed_stack.post(VERIFY, json=verify_body("c-mine"), headers=mine).status_code == 200
    assert signed_stack.post(VERIFY, json=verify_body("c-other"), headers=mine).status_code == 403
    assert signed_stack.get(STATUS, headers=mine).json()["verified"] is True
    assert signed_stack.get("/api/age-verification/statistics", headers=mine).status_code == 403


@pytest.mark.usefixtures("clock_back")
def test_a_token_lives_by_the_clock_of_the_stack(signed_stack: RunningStack) -> None:
    early = signed_stack.bearer("service", "orders")
    assert signed_stack.get(f"{STATUS}/c-none", headers=early).status_code == 404
    signed_stack.post("/_local/clock", json={"advance": "P1D"})
    late = signed_stack.get(f"{STATUS}/c-none", headers=early)
    assert (late.status_code, late.json()["code"]) == (401, "token_expired")
    fresh = signed_stack.bearer("service", "orders")
    assert signed_stack.get(f"{STATUS}/c-none", headers=fresh).status_code == 404


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (["--role", "admin", "--sub", "a-1", "--email", "a-1@example.com"], {}),
        ([], {"ROLE": "admin", "SUB": "a-1", "EMAIL": "a-1@example.com"}),
    ],
)
def test_arguments_and_variables_print_nothing_but_a_token(
    signed_stack: RunningStack, arguments: list[str], variables: dict[str, str]
) -> None:
    printed = print_token(signed_stack, *arguments, **variables)
    assert (printed.returncode, printed.stderr) == (0, "")
    headers = {"Authorization": f"Bearer {printed.stdout.strip()}"}
    assert signed_stack.get("/api/age-verification/statistics", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [([], "Say whose token it is: make token ROLE=customer SUB=c-1"), (["--role", "owner", "--sub", "c-1"], "owner")],
)
def test_what_is_missing_or_unknown_is_said(signed_stack: RunningStack, arguments: list[str], sentence: str) -> None:
    printed = print_token(signed_stack, *arguments)
    assert (printed.returncode, printed.stdout) == (2, "")
    assert sentence in printed.stderr


def print_token(stack: RunningStack, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    # As make passes variables that were not given.
    empty = {"ROLE": "", "SUB": "", "EMAIL": ""}
    return subprocess.run(
        [PYTHON, "-m", "tools.token", *arguments],
        cwd=REPOSITORY,
        env={**stack.environment, **empty, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
