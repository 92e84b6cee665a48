"""The tiers, whose permits are spent, and what the caller is told. The counting is in platform/test_permits.py."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from shared.platform.context import Platform
from shared.platform.ids import Ids
from shared.platform.permits import Decision
from shared.platform.settings import Settings
from shared.runtime.declare import ADMIN, PUBLIC, SIGNED, SIGNED_IN
from shared.runtime.rate_limits import Tier, client_ip, headers, tier_for
from shared.runtime.request import ANONYMOUS, Principal
from tests.factories.environment import environment
from tests.factories.stepping_clock import SteppingClock
from tests.factories.throw_away import ThingRequest, client_of, who_calls
from tests.factories.tokens import bearer

NEVER = 4_102_444_800
LIMITS = {"RATE_LIMIT_ANONYMOUS": "2", "RATE_LIMIT_SIGNED_IN": "3", "RATE_LIMIT_ADMIN": "4", "RATE_LIMIT_HEALTH": "5"}
LIMITS |= {"RATE_LIMIT_WEBHOOK": "6"}


@pytest.fixture
def limited(project: str, pubsub: Any) -> Platform:
    clock = SteppingClock()
    return Platform(Settings.load(environment(project, **LIMITS)), clock, Ids(clock))


def get(client: Client, role: str = "", subject: str = "c-1", address: str = "192.0.2.1") -> TestResponse:
    caller = bearer(role, subject, exp=NEVER) if role else {}
    return client.get("/all", headers={**caller, "X-Forwarded-For": address})


def statuses(client: Client, times: int, **caller: str) -> list[int]:
    return [get(client, **caller).status_code for _ in range(times)]


@pytest.mark.parametrize(
    ("principal", "fixed", "tier"),
    [
        (ANONYMOUS, None, Tier("anonymous", 100)),
        (Principal("customer", "c-1"), None, Tier("signed_in", 300)),
        (Principal("service", "orders"), None, Tier("signed_in", 300)),
        (Principal("admin", "a-1"), None, Tier("admin", 1000)),
        (ANONYMOUS, "health", Tier("health", 300)),
        (Principal("admin", "a-1"), "health", Tier("health", 300)),
        (ANONYMOUS, "webhook", Tier("webhook", 3000)),
    ],
)
def test_tiers_and_their_defaults(principal: Principal, fixed: str | None, tier: Tier) -> None:
    assert tier_for(Settings.load(environment("a-project")), principal, fixed) == tier


@pytest.mark.parametrize(
    ("hops", "forwarded", "address"),
    [
        ("0", "198.51.100.7", "198.51.100.7"),
        ("0", "1.1.1.1, 198.51.100.7", "198.51.100.7"),
        ("0", "1.1.1.1,2.2.2.2 ,  198.51.100.7", "198.51.100.7"),
        ("0", "198.51.100.7, ,", "198.51.100.7"),
        ("0", "", "the peer"),
        ("1", "1.1.1.1, 198.51.100.7, 10.0.0.1", "198.51.100.7"),
        ("1", "198.51.100.7", "the peer"),
        ("2", "9.9.9.9, 198.51.100.7, 10.0.0.1, 10.0.0.2", "198.51.100.7"),
    ],
)
def test_the_address_is_the_right_most_hop_that_is_not_ours(hops: str, forwarded: str, address: str) -> None:
    settings = Settings.load(environment("a-project", TRUSTED_PROXY_HOPS=hops))
    assert client_ip(settings, forwarded, "the peer") == address


def test_headers_follow_the_draft() -> None:
    assert headers(Tier("signed_in", 300), Decision(True, 299, 60)) == {
        "RateLimit-Policy": '"signed_in";q=300;w=60',
        "RateLimit": '"signed_in";r=299;t=60',
    }


def test_a_refusal_says_how_long_to_wait(limited: Platform) -> None:
    client = client_of(limited, who_calls, "GET /api/things/all", auth=SIGNED_IN)
    assert statuses(client, 4, role="customer") == [200, 200, 200, 429]
    answer = get(client, role="customer")
    body = json.loads(answer.data)
    wait = answer.headers["Retry-After"]
    assert 1 <= int(wait) <= 70
    assert body.pop("requestId")
    assert body == {
        "success": False,
        "error": "Too many requests",
        "code": "rate_limited",
        "tier": "signed_in",
        "retryAfter": f"{wait}s",
        "message": f"At most 3 requests a minute. Try again in {wait} s.",
        "limit": 3,
    }
    assert answer.headers["RateLimit"] == f'"signed_in";r=0;t={wait}'
    limited.clock.sleep(int(wait))
    assert get(client, role="customer").status_code == 200


@pytest.mark.parametrize(
    ("role", "auth", "tier", "limit"),
    [
        ("", PUBLIC, None, 2),
        ("customer", PUBLIC, None, 3),
        ("service", SIGNED_IN, None, 3),
        ("admin", ADMIN, None, 4),
        ("", PUBLIC, "health", 5),
        ("customer", PUBLIC, "health", 5),
        ("", SIGNED, "webhook", 6),
        ("customer", SIGNED, "webhook", 6),
    ],
)
def test_each_tier_has_its_limit(limited: Platform, role: str, auth: Any, tier: str | None, limit: int) -> None:
    client = client_of(limited, who_calls, "GET /api/things/all", auth=auth, tier=tier)
    answers = [get(client, role=role) for _ in range(limit + 1)]
    assert [a.status_code for a in answers] == [200] * limit + [429]
    assert all(a.headers["RateLimit-Policy"].endswith(f";q={limit};w=60") for a in answers)


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"json": {"size": 1}}, 200),
        ({"json": {"size": "x"}}, 400),
        ({"json": {"size": 1}, "headers": {}}, 401),
        ({"json": {"size": 1}, "headers": bearer("service", "orders", exp=NEVER)}, 403),
        ({"data": b" " * 65_537, "content_type": "application/json"}, 413),
        ({"data": b"{}", "content_type": "text/plain"}, 415),
    ],
)
def test_every_answer_to_a_caller_says_what_is_left(limited: Platform, options: dict[str, Any], status: int) -> None:
    client = client_of(limited, who_calls, "POST /api/things/all", auth=ADMIN, body=ThingRequest)
    answer = client.post("/all", **{"headers": bearer("admin", "a-1", exp=NEVER), **options})
    assert answer.status_code == status
    assert re.fullmatch(r'"(anonymous|signed_in|admin)";r=\d+;t=\d+', answer.headers["RateLimit"])
    assert answer.headers["RateLimit-Policy"].endswith(";w=60")


def test_callers_do_not_spend_each_other_s_permits(limited: Platform) -> None:
    client = client_of(limited, who_calls, "GET /api/things/all", auth=PUBLIC)
    assert statuses(client, 3, role="customer", subject="c-1") == [200] * 3
    assert statuses(client, 3, role="customer", subject="c-2") == [200] * 3
    assert statuses(client, 2, address="192.0.2.1") == [200] * 2
    assert statuses(client, 2, address="192.0.2.2") == [200] * 2
    assert statuses(client, 1, address="192.0.2.1, 192.0.2.2") == [429]


def test_one_caller_has_one_limit_over_all_functions(limited: Platform) -> None:
    first = client_of(limited, who_calls, "GET /api/things/all", auth=SIGNED_IN)
    second = client_of(limited, who_calls, "GET /api/others/all", auth=SIGNED_IN)
    assert statuses(first, 2, role="customer") == [200, 200]
    assert statuses(second, 2, role="customer") == [200, 429]


def test_refused_callers_spend_their_address_s_permits(limited: Platform) -> None:
    client = client_of(limited, who_calls, "GET /api/things/all", auth=SIGNED_IN)
    refused = [client.get("/all", headers={"Authorization": "Bearer x.y.z"}).status_code for _ in range(3)]
    assert refused == [401, 401, 429]
    assert client.get("/all").status_code == 429
