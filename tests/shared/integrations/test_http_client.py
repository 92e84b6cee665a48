"""How providers are called, against a server that answers as it is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.integrations import http_client
from shared.integrations.http_client import FIRST_PAUSE_SECONDS, HALVED_SECONDS, Pace, ProviderSession
from shared.platform.errors import SourceUnavailable
from shared.platform.ids import Ids
from tests.factories.black_hole import BlackHole
from tests.factories.provider import Provider, Reaction
from tests.factories.silence import Silence, closed_port
from tests.factories.stepping_clock import SteppingClock

HEADERS = {"Authorization": "Bearer made-up"}
FINE = Reaction(200, b'{"payments": []}')
BUSY = Reaction(429, b'{"errors": []}')
TRIES = 4
MOST_JITTER, LEAST_JITTER = b"\xff", b"\x00"


class NotingClock(SteppingClock):
    """Sleeping only moves it; `slept` are the lengths."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        super().sleep(seconds)


class StandingClock(NotingClock):
    """Sleeping does not even move it: who waits for a turn says how long."""

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))


@pytest.fixture
def clock() -> NotingClock:
    return NotingClock()


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider.running() as running:
        yield running


def session_of(clock: NotingClock, jitter: bytes = MOST_JITTER, per_second: float = 1000) -> ProviderSession:
    return ProviderSession("square", clock, Ids(clock, lambda count: jitter * count), per_second, 4)


def get(session: ProviderSession, provider: Provider) -> http_client.Reply:
    return session.send("GET", f"{provider.url}/v2/payments", headers=HEADERS, params={"limit": 100, "cursor": "a b"})


# --- answers


def test_an_answer_and_what_was_asked(clock: NotingClock, provider: Provider) -> None:
    provider.reactions = [Reaction(200, b'{"payments": [1]}', {"X-Limit": "7"})]
    session = session_of(clock)
    reply = get(session, provider)
    assert (reply.status, reply.body, reply.headers["x-limit"], reply.retries) == (200, {"payments": [1]}, "7", 0)
    (method, path, headers, body) = provider.received[0]
    assert (method, path, body) == ("GET", "/v2/payments?limit=100&cursor=a+b", None)
    assert headers["authorization"] == "Bearer made-up"
    assert (session.sent, session.retries) == (1, 0)


def test_a_body_is_sent_as_json(clock: NotingClock, provider: Provider) -> None:
    session_of(clock).send("POST", f"{provider.url}/v2/orders/search", headers=HEADERS, json={"limit": 500})
    assert provider.received[0][3] == {"limit": 500}


@pytest.mark.parametrize("status", [201, 204, 301, 400, 401, 403, 404, 409, 422])
def test_every_other_answer_is_the_caller_s_at_once(clock: NotingClock, provider: Provider, status: int) -> None:
    provider.reactions = [Reaction(status, b'{"errors": []}' if status != 204 else b"", {"Location": "/elsewhere"})]
    reply = get(session_of(clock), provider)
    assert (reply.status, reply.body) == (status, {"errors": []} if status != 204 else None)
    assert len(provider.received) == 1
    assert clock.slept == []


def test_an_error_s_body_need_not_be_json(clock: NotingClock, provider: Provider) -> None:
    provider.reactions = [Reaction(403, b"<html>Forbidden</html>")]
    assert get(session_of(clock), provider).body is None


def test_a_netrc_file_does_not_replace_the_token(
    clock: NotingClock, provider: Provider, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "netrc"
    file.write_text("default login somebody password else\n")
    monkeypatch.setenv("NETRC", str(file))
    get(session_of(clock), provider)
    assert provider.received[0][2]["authorization"] == "Bearer made-up"


# --- tries


FAILING = [
    pytest.param(Reaction(408), id="408"),
    pytest.param(BUSY, id="429"),
    pytest.param(Reaction(500), id="500"),
    pytest.param(Reaction(502, b"<html>"), id="502"),
    pytest.param(Reaction(503), id="503"),
    pytest.param(Reaction(504), id="504"),
    pytest.param(Reaction(dropped=True), id="dropped"),
    pytest.param(Reaction(200, b'{"payments": [', missing=20), id="cut"),
    pytest.param(Reaction(200, b'{"payments": ['), id="half"),
    pytest.param(Reaction(200, b"<html>Maintenance</html>"), id="html"),
    pytest.param(Reaction(200, b"\xff\xfe"), id="no text"),
    pytest.param(Reaction(200, b""), id="empty"),
]


@pytest.mark.parametrize("failing", FAILING)
@pytest.mark.parametrize("failures", [1, 3])
def test_up_to_three_failures_are_tried_again(
    clock: NotingClock, provider: Provider, failing: Reaction, failures: int
) -> None:
    provider.reactions = [failing] * failures + [FINE]
    session = session_of(clock)
    reply = get(session, provider)
    assert (reply.status, reply.retries) == (200, failures)
    assert (session.sent, session.retries) == (failures + 1, failures)
    assert len({path for _, path, _, _ in provider.received}) == 1


@pytest.mark.parametrize("failing", FAILING)
def test_four_failures_are_given_up(clock: NotingClock, provider: Provider, failing: Reaction) -> None:
    provider.reactions = [failing]
    with pytest.raises(SourceUnavailable) as raised:
        get(session_of(clock), provider)
    assert len(provider.received) == TRIES
    assert raised.value.sentence.startswith("Square ")
    assert "made-up" not in raised.value.sentence


@pytest.mark.parametrize(("jitter", "share"), [(MOST_JITTER, 1), (LEAST_JITTER, 0.5)])
def test_it_waits_longer_each_time(clock: NotingClock, provider: Provider, jitter: bytes, share: float) -> None:
    provider.reactions = [Reaction(500)]
    with pytest.raises(SourceUnavailable):
        get(session_of(clock, jitter), provider)
    assert clock.slept == [FIRST_PAUSE_SECONDS * share * factor for factor in (1, 2, 4)]


@pytest.mark.parametrize("where", [Silence, BlackHole])
def test_a_server_that_says_nothing_is_tried_again(
    clock: NotingClock, monkeypatch: pytest.MonkeyPatch, where: type[Silence] | type[BlackHole]
) -> None:
    monkeypatch.setattr(http_client, "TIMEOUT_SECONDS", (0.1, 0.1))
    session = session_of(clock)
    with where() as server, pytest.raises(SourceUnavailable, match="Timeout"):
        session.send("GET", f"http://{server.address}/", headers=HEADERS)
    assert session.sent == TRIES


def test_a_server_that_is_not_there_is_tried_again(clock: NotingClock) -> None:
    session = session_of(clock)
    with pytest.raises(SourceUnavailable):
        session.send("GET", f"http://{closed_port()}/", headers=HEADERS)
    assert session.sent == TRIES


# --- Retry-After


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("asked", "waited"), [("7", 7), ("60", 60), ("1.5", 1.5), ("Wed, 01 Jul 2026 17:00:30 GMT", 30)]
)
def test_the_wait_that_is_asked_for_is_waited(
    clock: NotingClock, provider: Provider, status: int, asked: str, waited: float
) -> None:
    provider.reactions = [Reaction(status, headers={"Retry-After": asked}), FINE]
    before = clock.monotonic()
    assert get(session_of(clock), provider).status == 200
    # A date is as of when it is read.
    assert waited - 0.1 <= clock.monotonic() - before < waited + 0.1


@pytest.mark.parametrize("asked", ["0", "-5", "soon", "", "Wed, 01 Jul 2026 16:59:30 GMT", "Wed, 99 Jul", "nan"])
def test_any_other_text_is_the_usual_wait(clock: NotingClock, provider: Provider, asked: str) -> None:
    provider.reactions = [Reaction(503, headers={"Retry-After": asked}), FINE]
    get(session_of(clock), provider)
    assert clock.slept == [FIRST_PAUSE_SECONDS]


@pytest.mark.parametrize("asked", ["61", "3600", "inf"])
def test_a_longer_wait_is_left_to_the_message(clock: NotingClock, provider: Provider, asked: str) -> None:
    provider.reactions = [Reaction(429, headers={"Retry-After": asked}), FINE]
    with pytest.raises(SourceUnavailable):
        get(session_of(clock), provider)
    assert len(provider.received) == 1
    assert clock.slept == []


def test_all_threads_wait_for_what_one_was_asked_to(provider: Provider) -> None:
    clock = StandingClock()
    session = session_of(clock)
    provider.reactions = [Reaction(503, headers={"Retry-After": "9"}), FINE]
    get(session, provider)
    clock.slept.clear()
    get(session, provider)
    assert clock.slept
    assert min(clock.slept) >= 9


# --- pace


def turns(pace: Pace, clock: NotingClock, count: int) -> list[float]:
    """How long each of so many waits, all beginning now."""
    clock.slept.clear()
    for _ in range(count):
        pace.wait()
    return clock.slept


def test_requests_are_evenly_spaced() -> None:
    clock = StandingClock()
    assert turns(Pace(clock, 10), clock, 4) == [0.1, 0.2, 0.3]


def test_threads_keep_it_together() -> None:
    clock = StandingClock()
    pace, start = Pace(clock, 10), threading.Barrier(8)

    def work(_: int) -> None:
        start.wait()
        for _ in range(5):
            pace.wait()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert sorted(clock.slept) == [round(n / 10, 3) for n in range(1, 40)]


def test_what_was_not_used_is_not_saved_up() -> None:
    clock = StandingClock()
    pace = Pace(clock, 10)
    pace.wait()
    clock.advance(seconds=60)
    assert turns(pace, clock, 3) == [0.1, 0.2]


def test_a_429_halves_the_pace_and_it_recovers(provider: Provider) -> None:
    clock = StandingClock()
    session = session_of(clock, per_second=10)
    provider.reactions = [BUSY, FINE]
    get(session, provider)
    clock.advance(seconds=10)
    first = turns(session.pace, clock, 2)
    assert 0.1 < first[0] <= 0.2
    clock.advance(seconds=300)
    turns(session.pace, clock, 1)
    clock.advance(seconds=60)
    assert turns(session.pace, clock, 2) == [0.1]


def test_refusals_of_one_moment_halve_it_once() -> None:
    clock = StandingClock()
    pace = Pace(clock, 16)
    for _ in range(5):
        pace.halve()
    assert turns(pace, clock, 2) == [0.125]


def test_it_never_stops_quite() -> None:
    clock = StandingClock()
    pace = Pace(clock, 16)
    for _ in range(20):
        clock.advance(seconds=HALVED_SECONDS)
        pace.halve()
    assert turns(pace, clock, 2) == [1.0]


def test_a_hold_is_never_shortened() -> None:
    clock = StandingClock()
    pace = Pace(clock, 10)
    pace.hold(9)
    pace.hold(3)
    assert turns(pace, clock, 2) == [9.0, 9.1]
