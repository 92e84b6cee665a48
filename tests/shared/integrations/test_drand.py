"""drand's client: what it believes, whom it asks, and when it gives up."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from local.simulators.drand import DrandProvider
from local.simulators.drand_chain import chain_hash
from local.simulators.process import Simulator
from shared.integrations.drand import LATE_SECONDS, QUICKNET, Drand, connect, parse_chain
from shared.integrations.drand_signature import is_signed
from shared.platform.context import Platform
from shared.platform.errors import Misconfigured
from shared.platform.ids import Ids
from shared.platform.settings import Settings
from shared.raffles.errors import BeaconUnavailable
from tests.factories.clock import TestClock
from tests.factories.drand import CHAIN, NEWEST, NOW, PATIENT, RANDOMNESS, REAL, beacon_at, drand_simulator, relays_of
from tests.factories.environment import environment
from tests.factories.provider import Provider, Reaction

LIES = ("signature_of_another_round", "another_round", "other_chain", "garbage")
# Nobody listens there.
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def running_drand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with drand_simulator(tmp_path_factory.mktemp("drand")) as simulator:
        yield simulator


@pytest.fixture
def drand(running_drand: Simulator) -> Simulator:
    running_drand.clear_traps()
    running_drand.reset_requests()
    return running_drand


@pytest.fixture
def clock() -> TestClock:
    return TestClock(NOW)


@pytest.fixture
def beacon(drand: Simulator, clock: TestClock) -> Drand:
    return beacon_at(relays_of(drand), clock)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider.running() as running:
        yield running


def real_round(number: int, **changes: Any) -> Reaction:
    return Reaction(200, json.dumps({"round": number, "signature": REAL[number], **changes}).encode())


def at(seconds: float) -> TestClock:
    return TestClock(datetime.fromtimestamp(seconds, UTC))


def quicknet_at(*relays: str) -> Drand:
    return Drand(QUICKNET, relays, TestClock(NOW), PATIENT)


# --- the pinned chain


def test_the_recorded_round_is_accepted_with_its_own_randomness(provider: Provider) -> None:
    provider.reactions = [real_round(657413, randomness="00" * 32)]
    found = quicknet_at(provider.url).round(657413)
    assert found is not None
    assert (found.round, found.signature, found.randomness) == (657413, REAL[657413], RANDOMNESS)
    assert [path for _, path, _, _ in provider.received] == [f"/{QUICKNET.hash}/public/657413"]


def test_its_signature_is_refused_for_the_next_round(provider: Provider) -> None:
    provider.reactions = [real_round(657413, round=657414)]
    with pytest.raises(BeaconUnavailable):
        quicknet_at(provider.url).round(657414)


def test_a_relay_with_a_key_of_its_own_is_refused(drand: Simulator, clock: TestClock) -> None:
    """It serves, under quicknet's hash, rounds that are signed as they should be, by somebody else."""
    elsewhere = Drand(replace(QUICKNET, hash=CHAIN.hash), relays_of(drand), clock, PATIENT)
    with pytest.raises(BeaconUnavailable):
        elsewhere.round(1000)


def test_pinned_is_what_the_chains_hash_stands_for() -> None:
    group = "f477d5c89f21a17c863a7f937c6a6d15859414d2be09cd448d4279af331c5d3e"
    made = chain_hash("quicknet", QUICKNET.period, QUICKNET.genesis_time, QUICKNET.public_key, group)
    assert made == QUICKNET.hash
    assert QUICKNET.time_of(27946612) == datetime(2026, 4, 20, tzinfo=UTC).timestamp()


def connected(**variables: str) -> Drand:
    clock = TestClock()
    return connect(Platform(Settings.load(environment("a-project", **variables)), clock, Ids(clock)))


def test_without_settings_it_is_quicknet() -> None:
    assert connected().chain == QUICKNET


def test_the_local_stack_names_its_chain(drand: Simulator) -> None:
    found = connected(**DrandProvider.environment(drand.url))
    assert found.chain == CHAIN
    assert found.round(7) is not None


@pytest.mark.parametrize(
    "text",
    [
        "quicknet",
        f"{CHAIN.hash}:{CHAIN.public_key}:1",
        f"{CHAIN.hash}:{CHAIN.public_key}:1:0",
        f"{CHAIN.hash}:{CHAIN.public_key}:now:1",
        f"{CHAIN.hash}:{CHAIN.public_key[:-2]}:1:1",
        f"{CHAIN.hash}:c0{'00' * 95}:1:1",
        f":{CHAIN.public_key}:1:1",
    ],
)
def test_what_is_no_chain_is_refused(text: str) -> None:
    with pytest.raises(Misconfigured, match="DRAND_CHAIN"):
        parse_chain(text)


# --- relays


def test_a_round_of_the_first_relay(beacon: Drand, drand: Simulator) -> None:
    found = beacon.round(NEWEST)
    assert found is not None
    assert found.randomness == sha256(bytes.fromhex(found.signature)).hexdigest()
    assert is_signed(bytes.fromhex(CHAIN.public_key), NEWEST, bytes.fromhex(found.signature))
    assert drand.requests()["total"] == 1


@pytest.mark.parametrize("trap", [*LIES, "down"])
def test_a_relay_that_lies_or_is_gone_is_passed_over(
    beacon: Drand, drand: Simulator, trap: str, caplog: pytest.LogCaptureFixture
) -> None:
    honest = beacon.round(1000)
    drand.trap(**{trap: 1})
    drand.reset_requests()
    with caplog.at_level(logging.WARNING, "shared.integrations.drand"):
        assert beacon.round(1000) == honest
    assert drand.requests()["total"] == 2
    (record,) = caplog.records
    assert (record.message, vars(record)["relay"]) == ("beacon_relay_passed_over", relays_of(drand)[0])


@pytest.mark.parametrize("trap", [*LIES, "down", "errors_5xx", "dropped", "not_found"])
def test_what_no_relay_has_is_never_accepted(beacon: Drand, drand: Simulator, trap: str) -> None:
    drand.trap(**{trap: 1, "all_relays": 1})
    with pytest.raises(BeaconUnavailable) as raised:
        beacon.round(1000)
    assert (raised.value.status, raised.value.code) == (503, "beacon_unavailable")
    assert raised.value.headers["Retry-After"]


@pytest.mark.parametrize("trap", ["wrong_randomness", "v2_shape"])
def test_the_randomness_is_computed_here(beacon: Drand, drand: Simulator, trap: str) -> None:
    honest = beacon.round(1000)
    drand.trap(**{trap: 1, "all_relays": 1})
    assert beacon.round(1000) == honest


def test_a_relay_that_is_late_is_passed_over(beacon: Drand, drand: Simulator) -> None:
    drand.trap(late=3600)
    assert beacon.round(NEWEST) is not None
    assert drand.requests()["total"] == 2


def test_a_relay_that_holds_the_request_costs_its_time_out(drand: Simulator, clock: TestClock) -> None:
    drand.trap(latency_ms=800)
    with pytest.raises(BeaconUnavailable):
        Drand(CHAIN, relays_of(drand)[:1], clock, (0.2, 0.2)).round(1000)
    # Counted when it is over: not while another test counts its own.
    while drand.requests()["total"] < 1:
        time.sleep(0.05)


def test_nobody_at_all(clock: TestClock) -> None:
    with pytest.raises(BeaconUnavailable):
        beacon_at([NOWHERE, "no address", ""], clock).round(1000)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'"' + b"x" * 100,
        b"[" * 4000,
        b" " * 5000 + b"{}",
        b'{"round": 42}',
        b'{"round": 42, "signature": null}',
        b'{"round": 42, "signature": ["00"]}',
        b'{"round": 42, "signature": "zz"}',
        b'{"round": 42, "signature": ""}',
        f'{{"signature": "{REAL[42]}"}}'.encode(),
        f'{{"round": "42", "signature": "{REAL[42]}"}}'.encode(),
        f'{{"round": 43, "signature": "{REAL[42]}"}}'.encode(),
        b"\xff\xfe",
    ],
)
def test_nonsense_is_passed_over(provider: Provider, body: bytes) -> None:
    provider.reactions = [Reaction(200, body), real_round(42)]
    found = quicknet_at(provider.url, provider.url).round(42)
    assert found is not None
    assert (found.signature, len(provider.received)) == (REAL[42], 2)


@pytest.mark.parametrize("status", [204, 301, 302, 400, 404, 425, 429, 500])
def test_only_200_is_an_answer(provider: Provider, status: int) -> None:
    there = {"Location": f"{provider.url}/elsewhere"}
    provider.reactions = [replace(real_round(42), status=status, headers=there), real_round(42)]
    assert quicknet_at(provider.url, provider.url).round(42) is not None
    assert "/elsewhere" not in [path for _, path, _, _ in provider.received]


# --- time


@pytest.mark.parametrize("number", [0, -1, 2**63])
def test_there_is_no_such_round(beacon: Drand, drand: Simulator, number: int) -> None:
    with pytest.raises(ValueError, match="no round"):
        beacon.round(number)
    assert drand.requests()["total"] == 0


def test_nobody_is_asked_before_a_rounds_time(drand: Simulator) -> None:
    ahead = NEWEST + 3600
    early = beacon_at(relays_of(drand), at(CHAIN.time_of(ahead) - 0.001))
    assert early.round(ahead) is None
    assert drand.requests()["total"] == 0


def test_a_round_that_does_not_come_is_not_yet_and_then_unavailable(drand: Simulator) -> None:
    """The relays' clock is an hour behind."""
    ahead = NEWEST + 3600
    due = CHAIN.time_of(ahead)
    assert beacon_at(relays_of(drand), at(due)).round(ahead) is None
    assert beacon_at(relays_of(drand), at(due + LATE_SECONDS - 1)).round(ahead) is None
    assert drand.requests()["total"] == 4
    with pytest.raises(BeaconUnavailable):
        beacon_at(relays_of(drand), at(due + LATE_SECONDS)).round(ahead)


def test_a_round_is_there_from_its_time_on(drand: Simulator) -> None:
    earlier = NOW - timedelta(seconds=1)
    beacon = beacon_at(relays_of(drand), TestClock(earlier))
    assert beacon.round(NEWEST) is None
    assert beacon.round(NEWEST - 1) is not None
