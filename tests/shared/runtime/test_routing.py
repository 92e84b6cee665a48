"""Which paths are an endpoint's own."""

from __future__ import annotations

import re

import pytest

from shared.platform.errors import MethodNotAllowed, NotFound
from shared.runtime.declare import ADMIN, Endpoint, declaration_of, endpoint
from shared.runtime.routing import Route, own_paths, public_pattern


def route(written: str) -> Route:
    declared = declaration_of(endpoint(written, auth=ADMIN, responds={})(lambda request: None))
    assert isinstance(declared, Endpoint)
    return Route(declared)


@pytest.mark.parametrize(
    ("path", "forms"),
    [
        (
            "/api/age-verification/status/{customer_id}",
            ("/api/age-verification/status/{customer_id}", "/status/{customer_id}"),
        ),
        ("/api/age-verification/{customer_id}", ("/api/age-verification/{customer_id}", "/{customer_id}")),
        ("/api/age-verification/verify", ("/api/age-verification/verify", "/verify", "/")),
        ("/api/raffles", ("/api/raffles", "/")),
        ("/health/age-verification", ("/health/age-verification", "/")),
        ("/.well-known/jwks.json", ("/.well-known/jwks.json", "/")),
    ],
)
def test_the_function_url_needs_no_prefix(path: str, forms: tuple[str, ...]) -> None:
    assert own_paths(path) == forms


@pytest.mark.parametrize("path", ["/status/c-1", "/api/age-verification/status/c-1", "/status/c-1/"])
def test_parameters_are_found_in_every_form(path: str) -> None:
    assert route("GET /api/age-verification/status/{customer_id}").match("GET", path) == {"customer_id": "c-1"}


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/status",
        "/status/",
        "/status/a/b",
        "/api/age-verification/status",
        "/api/status/c-1",
        "/Status/c-1",
        "/api/age-verification/status/c-1//",
        "/x/status/c-1",
    ],
)
def test_every_other_path_is_unknown(path: str) -> None:
    with pytest.raises(NotFound) as refused:
        route("GET /api/age-verification/status/{customer_id}").match("GET", path)
    assert refused.value.code == "unknown_path"


def test_a_dot_in_a_path_is_a_dot() -> None:
    assert not public_pattern("/.well-known/jwks.json").fullmatch("/xwell-known/jwksxjson")


@pytest.mark.parametrize(
    ("written", "method", "allow"),
    [
        ("GET /api/things/all", "POST", "GET, HEAD, OPTIONS"),
        ("POST /api/things/all", "GET", "POST, OPTIONS"),
        ("POST /api/things/all", "HEAD", "POST, OPTIONS"),
        ("DELETE /api/things/{thing_id}", "GET", "DELETE, OPTIONS"),
    ],
)
def test_another_method_is_told_which_are_allowed(written: str, method: str, allow: str) -> None:
    path = re.sub(r"{\w+}", "1", written.partition(" ")[2])
    with pytest.raises(MethodNotAllowed) as refused:
        route(written).match(method, path)
    assert refused.value.headers == {"Allow": allow}


def test_head_is_answered_where_get_is() -> None:
    assert route("GET /api/things/all").match("HEAD", "/all") == {}
