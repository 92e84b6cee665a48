"""Which pages of other origins may read our answers."""

from __future__ import annotations

import pytest
from werkzeug.test import Client

from shared.platform.context import Platform
from shared.platform.settings import Settings
from shared.runtime import cors
from shared.runtime.declare import PUBLIC
from tests.factories.environment import environment
from tests.factories.throw_away import client_of, who_calls

LISTED = "http://localhost:5173"


@pytest.fixture
def client(platform: Platform) -> Client:
    return client_of(platform, who_calls, "GET /api/things/{thing_id}", auth=PUBLIC)


def test_a_listed_origin_may_read_with_credentials(client: Client) -> None:
    headers = client.get("/api/things/1", headers={"Origin": LISTED}).headers
    assert headers["Access-Control-Allow-Origin"] == LISTED
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert {"RateLimit", "Retry-After", "X-Request-ID", "Idempotent-Replayed"} <= set(
        headers["Access-Control-Expose-Headers"].split(", ")
    )


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:3000",
        "https://localhost:5173",
        "http://localhost:51730",
        "http://localhost:5173.example.com",
        "http://LOCALHOST:5173",
        "null",
        "*",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/api/things/1", "/no/where"])
def test_no_other_origin_may(client: Client, origin: str, path: str) -> None:
    headers = client.get(path, headers={"Origin": origin}).headers
    assert not [name for name in dict(headers) if name.startswith("Access-Control-")]
    assert headers["Vary"] == "Origin"


def test_errors_can_be_read_by_the_page_too(client: Client) -> None:
    answer = client.get("/no/where", headers={"Origin": LISTED})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (404, LISTED)


def test_a_preflight_is_answered_without_a_token(client: Client) -> None:
    asked = {
        "Origin": LISTED,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    answer = client.options("/api/things/1", headers=asked)
    assert (answer.status_code, answer.data) == (204, b"")
    headers = answer.headers
    assert headers["Access-Control-Allow-Origin"] == LISTED
    assert headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"
    assert {"Authorization", "Content-Type", "Idempotency-Key", "X-Age-Verification"} <= set(
        headers["Access-Control-Allow-Headers"].split(", ")
    )
    assert int(headers["Access-Control-Max-Age"]) > 0
    assert headers["Vary"] == "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


def test_a_preflight_from_elsewhere_allows_nothing(client: Client) -> None:
    asked = {"Origin": "https://elsewhere.example.com", "Access-Control-Request-Method": "GET"}
    assert "Access-Control-Allow-Origin" not in client.options("/api/things/1", headers=asked).headers


@pytest.mark.parametrize("listed", ["*", "*, http://localhost:5173"])
def test_a_star_in_the_list_is_no_wildcard(listed: str) -> None:
    settings = Settings.load(environment("a-project", CORS_ORIGINS=listed))
    assert "Access-Control-Allow-Origin" not in cors.headers(settings, "https://elsewhere.example.com")
    assert cors.headers(settings, "") == {"Vary": "Origin"}


def test_the_list_forgives_spaces_and_final_slashes() -> None:
    settings = Settings.load(environment("a-project", CORS_ORIGINS=" https://a.example.com/ , ,https://b.example.com"))
    assert settings.allowed_origins == ("https://a.example.com", "https://b.example.com")
