"""drand's simulator: the paths of real relays, what they answer, and the traps that tell them apart."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import requests

from local.control import move_clock
from local.environment import PASSED_ON, State
from local.simulators.drand import DrandProvider
from local.simulators.process import Simulator, SimulatorFailed
from shared.integrations.drand_signature import is_signed
from tests.factories.drand import CHAIN, NEWEST, NOW, drand_simulator

KEY = bytes.fromhex(CHAIN.public_key)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("drand")


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[Simulator]:
    with drand_simulator(folder) as simulator:
        yield simulator


@pytest.fixture
def drand(running: Simulator, folder: Path) -> Simulator:
    move_clock(State(folder), NOW)
    running.clear_traps()
    running.reset_requests()
    return running


def get(drand: Simulator, path: str, relay: int = 1) -> requests.Response:
    return requests.get(f"{drand.url}/relay-{relay}{path}", timeout=10)


def read(drand: Simulator, number: int | str, relay: int = 1) -> dict[str, Any]:
    reply = get(drand, f"/{CHAIN.hash}/public/{number}", relay)
    assert reply.status_code == 200
    return dict(reply.json())


def honest(found: dict[str, Any]) -> bool:
    signature = bytes.fromhex(found["signature"])
    return is_signed(KEY, found["round"], signature) and found["randomness"] == sha256(signature).hexdigest()


def test_chain_and_info(drand: Simulator) -> None:
    chains = get(drand, "/chains").json()
    assert chains[0] == CHAIN.hash
    info = get(drand, f"/{CHAIN.hash}/info").json()
    assert (info["hash"], info["public_key"]) == (CHAIN.hash, CHAIN.public_key)
    assert (info["genesis_time"], info["period"], info["schemeID"]) == (CHAIN.genesis_time, CHAIN.period, CHAIN.scheme)
    assert get(drand, "/v2/beacons/quicknet/info").json() == info
    assert get(drand, f"/{chains[1]}/info").json() == get(drand, "/info").json() != info
    assert get(drand, f"/{'00' * 32}/info").status_code == 404
    assert get(drand, "/chains", relay=3).status_code == 404


def test_rounds(drand: Simulator) -> None:
    old = get(drand, f"/{CHAIN.hash}/public/1000")
    assert honest(old.json())
    assert old.json() == read(drand, 1000, relay=2)
    assert "immutable" in old.headers["Cache-Control"]
    newest = get(drand, f"/{CHAIN.hash}/public/latest")
    assert honest(newest.json())
    assert newest.json()["round"] >= NEWEST
    assert "immutable" not in newest.headers["Cache-Control"]
    assert read(drand, 0)["round"] >= NEWEST
    assert get(drand, f"/{CHAIN.hash}/public/one").status_code == 400


def test_a_round_of_the_future_is_refused_by_each_relay_in_its_way(drand: Simulator, folder: Path) -> None:
    ahead = NEWEST + 3600
    path = f"/{CHAIN.hash}/public/{ahead}"
    assert [get(drand, path, relay).status_code for relay in (1, 2)] == [404, 425]
    move_clock(State(folder), NOW + HOUR)
    assert honest(read(drand, ahead))


def test_a_path_without_a_hash_is_another_chain(drand: Simulator) -> None:
    found = get(drand, "/public/latest").json()
    assert found["round"] < NEWEST / 29
    assert "previous_signature" in found
    assert not is_signed(KEY, found["round"], bytes.fromhex(found["signature"]))
    key = bytes.fromhex(get(drand, "/info").json()["public_key"])
    assert is_signed(key, found["round"], bytes.fromhex(found["signature"]))


def test_the_second_version_has_no_randomness(drand: Simulator) -> None:
    found = get(drand, "/v2/beacons/quicknet/rounds/1000").json()
    assert found == {name: read(drand, 1000)[name] for name in ("round", "signature")}
    assert get(drand, "/v2/beacons/quicknet/rounds/latest").json()["round"] >= NEWEST
    assert get(drand, "/v2/beacons/evernet/rounds/1").status_code == 404


@pytest.mark.parametrize("trap", ["signature_of_another_round", "wrong_randomness", "other_chain"])
def test_a_trap_strikes_the_first_relay_alone(drand: Simulator, trap: str) -> None:
    drand.trap(**{trap: 1})
    assert not honest(read(drand, 1000))
    assert honest(read(drand, 1000, relay=2))
    drand.trap(all_relays=1)
    assert not honest(read(drand, 1000, relay=2))


def test_traps_that_leave_the_signature_alone(drand: Simulator) -> None:
    plain = read(drand, 1000)
    drand.trap(another_round=2)
    assert [read(drand, 1000)["round"] for _ in range(4)] == [1000, 999, 1000, 999]
    drand.clear_traps()
    drand.trap(v2_shape=1)
    assert read(drand, 1000) == {name: plain[name] for name in ("round", "signature")}


def test_no_answer_no_json_and_late(drand: Simulator) -> None:
    drand.trap(down=1)
    with pytest.raises(requests.ConnectionError):
        get(drand, "/chains")
    drand.trap(down=503)
    assert [get(drand, "/chains", relay).status_code for relay in (1, 2)] == [503, 200]
    drand.clear_traps()
    drand.trap(garbage=1)
    with pytest.raises(requests.JSONDecodeError):
        read(drand, 1000)
    drand.clear_traps()
    drand.trap(late=3600)
    assert get(drand, f"/{CHAIN.hash}/public/{NEWEST}").status_code == 404
    assert honest(read(drand, NEWEST, relay=2))


def test_common_traps_have_drands_answers(drand: Simulator) -> None:
    drand.trap(burst_429=1)
    assert get(drand, "/chains", relay=2).status_code == 429
    drand.clear_traps()
    assert requests.post(f"{drand.url}/relay-1/chains", timeout=10).status_code == 405
    assert get(drand, "/nothing").status_code == 404


def test_a_key_follows_from_the_seed(drand: Simulator) -> None:
    drand.seed(seed=2, period=3)
    try:
        info = get(drand, "/v2/beacons/quicknet/info").json()
        assert (info["period"], info["hash"] != CHAIN.hash) == (3, True)
    finally:
        drand.seed(seed=1, period=1)
    assert get(drand, "/v2/beacons/quicknet/info").json()["hash"] == CHAIN.hash


def test_the_control_api(drand: Simulator) -> None:
    state = drand.state()
    assert (state["provider"], state["state"], state["counts"]["rounds"] >= NEWEST) == ("drand", "ready", True)
    with pytest.raises(SimulatorFailed, match="no stream"):
        drand.ledger("rounds")


def test_the_functions_variables_are_passed_on_when_a_caller_sets_them() -> None:
    told = DrandProvider.environment("http://127.0.0.1:1")
    assert told["DRAND_URL"] == "http://127.0.0.1:1/relay-1,http://127.0.0.1:1/relay-2"
    assert all(name.startswith(PASSED_ON) for name in told)
