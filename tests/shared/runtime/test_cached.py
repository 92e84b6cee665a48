"""From a cached value to an answer: ETag and 304, Age, Cache-Status, in every state."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client, TestResponse

from shared.platform.cache.models import Found, Head, State
from shared.platform.context import Platform
from shared.runtime import cached
from shared.runtime.declare import SERVICE
from shared.runtime.request import Answer, Request
from tests.factories.severable import SeverableClient, severable
from tests.factories.source import SENTENCE, Source
from tests.factories.stepping_clock import SteppingClock
from tests.factories.throw_away import client_of
from tests.factories.tokens import bearer

CALLER = bearer("service", "s-1", exp=4_102_444_800)
# A coarse check; bench/ measures.
P95_SECONDS = 0.05


@pytest.fixture
def topics() -> list[str]:
    return ["cache-refresh", "security-events"]


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def source(clock: SteppingClock) -> Source:
    return Source(clock)


@pytest.fixture
def firestore(platform: Platform) -> SeverableClient:
    return severable(platform)


@pytest.fixture
def http(firestore: SeverableClient, platform: Platform, source: Source) -> Client:
    """An endpoint of a view."""
    view = source.view()

    def handle(request: Request) -> Answer:
        found = cached.look_up(request, view, {})
        about = {"mode": found.mode, "cached": found.cached, "error": found.error or None}
        return cached.answer(request, found, about)

    return client_of(platform, handle, "GET /api/things/all", auth=SERVICE, cached=True)


def get(http: Client, if_none_match: str | None = None) -> TestResponse:
    sent = {} if if_none_match is None else {"If-None-Match": if_none_match}
    return http.get("/all", headers={**CALLER, **sent})


# --- states


def hit(http: Client, clock: SteppingClock, source: Source, firestore: SeverableClient) -> None:
    get(http)
    clock.advance(seconds=12)


def stale(http: Client, clock: SteppingClock, source: Source, firestore: SeverableClient) -> None:
    get(http)
    clock.advance(seconds=42.9)


def miss(http: Client, clock: SteppingClock, source: Source, firestore: SeverableClient) -> None:
    """Nothing is there yet."""


def degraded(http: Client, clock: SteppingClock, source: Source, firestore: SeverableClient) -> None:
    get(http)
    clock.advance(seconds=542)
    source.down = True


def remembered(http: Client, clock: SteppingClock, source: Source, firestore: SeverableClient) -> None:
    get(http)
    clock.advance(seconds=12)
    firestore.down = True


def loaded_alone(http: Client, clock: SteppingClock, source: Source, firestore: SeverableClient) -> None:
    firestore.down = True


def degraded_alone(http: Client, clock: SteppingClock, source: Source, firestore: SeverableClient) -> None:
    degraded(http, clock, source, firestore)
    firestore.down = True


Prepare = Callable[[Client, SteppingClock, Source, SeverableClient], None]
STATES: dict[Prepare, tuple[str, str, str, bool]] = {
    # What happened before → Cache-Status, Age, mode and cached of the answer.
    hit: ("hit; ttl=18", "12", "live", True),
    stale: ("hit; ttl=-12; detail=stale", "42", "live", True),
    miss: ("fwd=miss; stored", "0", "live", False),
    degraded: ("fwd=stale; fwd-status=503; ttl=-512; detail=degraded", "542", "degraded", True),
    remembered: ("hit; ttl=18; detail=memory", "12", "live", True),
    loaded_alone: ("fwd=miss; detail=memory", "0", "live", False),
    degraded_alone: ("fwd=stale; fwd-status=503; ttl=-512; detail=degraded", "542", "degraded", True),
}


@pytest.mark.parametrize("prepare", STATES, ids=lambda prepare: prepare.__name__)
def test_headers_and_body_of_each_state(
    http: Client, clock: SteppingClock, source: Source, firestore: SeverableClient, prepare: Prepare
) -> None:
    """On a 304 as on a 200."""
    status, age, mode, was_cached = STATES[prepare]
    prepare(http, clock, source, firestore)
    answer = get(http)
    assert answer.status_code == 200
    assert (answer.headers["Cache-Status"], answer.headers["Age"]) == (f"livhana; {status}", age)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json == {
        "load": 1,
        "text": "",
        "mode": mode,
        "cached": was_cached,
        "error": SENTENCE if mode == "degraded" else None,
    }
    tag = answer.headers["ETag"]
    again = get(http, tag)
    assert (again.status_code, again.data) == (304, b"")
    assert (again.headers["ETag"], again.headers["Age"]) == (tag, age)
    now_there = {"fwd=miss; stored": "hit; ttl=30", "fwd=miss; detail=memory": "hit; ttl=30; detail=memory"}
    assert again.headers["Cache-Status"] == f"livhana; {now_there.get(status, status)}"
    assert "Content-Type" not in again.headers
    for name in ("X-Request-ID", "Cache-Control", "RateLimit", "Strict-Transport-Security"):
        assert name in again.headers


def found(state: State, *, stored: bool = True) -> Found:
    head = Head(view="v", etag="e", mode="mock")
    return Found(value=b"{}", head=head, state=state, age=7, ttl=23, stored=stored)


def test_a_collapsed_one_says_so() -> None:
    assert cached.status(found(State.COLLAPSED)) == "livhana; fwd=miss; collapsed"
    assert cached.status(found(State.COLLAPSED, stored=False)) == "livhana; fwd=miss; collapsed; detail=memory"
    assert [found(state).cached for state in State] == [state not in (State.MISS, State.COLLAPSED) for state in State]


def test_every_status_is_a_structured_field_with_one_detail() -> None:
    """RFC 9211: one member, a token, whose parameters are separated by semicolons; none of them twice."""
    for state in State:
        for stored in (True, False):
            name, *parameters = cached.status(found(state, stored=stored)).split("; ")
            keys = [parameter.partition("=")[0] for parameter in parameters]
            assert name == "livhana"
            assert len(keys) == len(set(keys))
            assert {"hit", "fwd"} & set(keys)
            assert not {"hit", "fwd"} <= set(keys), "either from the cache or forwarded"


def test_a_lookup_that_fails_has_the_failure_s_answer(http: Client, source: Source) -> None:
    source.down = True
    answer = get(http, "*")
    assert (answer.status_code, answer.json["code"], answer.json["error"]) == (503, "temporarily_unavailable", SENTENCE)
    assert not {"ETag", "Age", "Cache-Status"} & set(answer.headers.keys())
    assert answer.headers["Cache-Control"] == "no-store"


# --- tags


def test_the_tag_is_weak_and_that_of_the_value(http: Client, clock: SteppingClock, source: Source) -> None:
    tag = get(http).headers["ETag"]
    assert tag.startswith('W/"')
    assert get(http).headers["ETag"] == tag
    clock.advance(seconds=91)
    assert get(http).headers["ETag"] != tag, "the source has given something else"


def test_a_load_that_gives_the_same_leaves_the_tag(http: Client, clock: SteppingClock, source: Source) -> None:
    """Who polls is told that nothing is new, though it was made anew."""
    tag = get(http).headers["ETag"]
    clock.advance(seconds=91)
    source.at.clear()
    again = get(http, tag)
    assert (source.loads, again.status_code, again.headers["Cache-Status"]) == (1, 304, "livhana; fwd=miss; stored")


@pytest.mark.parametrize(
    "form",
    [
        "W/{tag}",
        "{tag}",  # a strong one compares as a weak one
        '"other", W/{tag}',
        'W/{tag},"other"',
        '"a,b" , {tag}, W/"c"',
        " W/{tag} ",
        "*",
        " * ",
    ],
)
def test_who_has_it_is_not_sent_it(http: Client, form: str) -> None:
    tag = get(http).headers["ETag"].removeprefix("W/")
    assert get(http, form.format(tag=tag)).status_code == 304


@pytest.mark.parametrize(
    "form",
    [
        "",
        '"other"',
        'W/"other"',
        "{bare}",
        "W/{bare}",
        '"{bare}x"',
        '"x{bare}"',
        '""',
        '"',
        'W/"',
        "**",
        '"*"',
        "w/{bare}",
    ],
)
def test_who_has_not_is(http: Client, form: str) -> None:
    bare = get(http).headers["ETag"].removeprefix('W/"').removesuffix('"')
    answer = get(http, form.format(bare=bare))
    assert answer.status_code == 200
    assert answer.json["load"] == 1


# --- bodies

JSON = st.dictionaries(st.text(max_size=5), st.none() | st.booleans() | st.integers() | st.text(max_size=8), max_size=4)


@given(value=JSON, about=JSON)
def test_two_objects_become_one(value: dict[str, object], about: dict[str, object]) -> None:
    request = Request(platform=None, principal=None, request_id="r")  # type: ignore[arg-type]
    text = json.dumps(value, ensure_ascii=False).encode()
    answer = cached.answer(request, Found(value=text, head=Head(view="v"), state=State.HIT), about)
    joined = json.loads(answer.value.text, object_pairs_hook=list) or []
    assert sorted(joined, key=repr) == sorted([*about.items(), *value.items()], key=repr)


def test_a_cached_answer_takes_no_time(http: Client, source: Source) -> None:
    source.text = "figures " * 3000
    get(http)
    took = []
    for _ in range(60):
        started = time.perf_counter()
        assert get(http).status_code == 200
        took.append(time.perf_counter() - started)
    assert sorted(took)[56] < P95_SECONDS
    assert source.loads == 1
