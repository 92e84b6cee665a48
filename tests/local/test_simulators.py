"""What every simulator has: a process, data that survives a restart, a control API, and traps that strike requests."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from local.simulators.process import Control, Simulator, SimulatorFailed
from tests.e2e.stack import eventually
from tests.local.square_client import HEADERS, UNTIL, Client, ids, ledger_tally, newest, tally

SMALL = {"payments": 60, "customers": 10, "items": 10, "days": 30, "until": UNTIL}


def asked(square: Simulator, path: str = "/v2/locations", **headers: str) -> requests.Response:
    return requests.get(square.url + path, headers={**HEADERS, **headers}, timeout=10)


def test_a_restart_keeps_data_changes_traps_and_token(folder: Path) -> None:
    with Simulator("square", folder, **SMALL) as square:
        added = square.add_payment(amount=4711)
        square.trap(latency_ms=1)
        square.token("another")
        before = square.ledger("payments")
        square.kill()
        square.restart()
        square.wait_until_seeded()
        assert square.ledger("payments") == before
        assert before["count"] == 61
        assert square.state()["traps"] == {"latency_ms": 1}
        assert asked(square).status_code == 401
        found = asked(square, f"/v2/payments/{added['id']}", Authorization="Bearer another")
        assert found.json()["payment"]["amount_money"]["amount"] == 4711


def test_other_parameters_on_the_command_line_do_not_touch_a_file_that_is_filled(folder: Path) -> None:
    with Simulator("square", folder, **SMALL) as square:
        before = square.ledger("payments")
    with Simulator("square", folder, **{**SMALL, "payments": 5}) as square:
        assert square.ledger("payments") == before


def test_a_half_filled_file_is_begun_again(folder: Path) -> None:
    square = Simulator("square", folder, **{**SMALL, "payments": 200_000})
    try:
        square.start()
        assert square.state()["state"] == "seeding"
        square.kill()
        square.restart()
        square.wait_until_seeded()
        assert square.state()["counts"]["payments"] == 200_000
    finally:
        square.stop()


def test_it_answers_503_while_it_is_seeding(folder: Path) -> None:
    square = Simulator("square", folder, **{**SMALL, "payments": 200_000})
    try:
        square.start()
        answer = asked(square)
        assert (answer.status_code, answer.json()["error"]) == (503, "seeding")
        with pytest.raises(SimulatorFailed, match="seeding"):
            square.ledger("payments")
        square.wait_until_seeded()
        assert asked(square).status_code == 200
    finally:
        square.stop()


def test_the_same_seed_gives_the_same_data_and_another_another(square: Simulator, client: Client) -> None:
    def everything() -> tuple[object, ...]:
        return (
            client.payments(),
            client.orders(),
            client.all("objects", "/v2/catalog/list"),
            client.all("customers", "/v2/customers"),
            client.all("refunds", "/v2/refunds"),
        )

    first = everything()
    square.seed(until=UNTIL, seed=1)
    assert everything() == first
    square.seed(until=UNTIL, seed=2)
    assert not set(ids(first[0])) & set(ids(client.payments()))  # type: ignore[arg-type]
    assert square.ledger("payments")["count"] == 420


def test_mistakes_are_told(square: Simulator) -> None:
    for call, sentence in (
        (lambda: square.trap(nonsense=1), "There is no trap nonsense"),
        (lambda: square.trap(garbage=[1]), "takes a number"),
        (lambda: square.seed(payments="many"), "whole number"),
        (lambda: square.seed(sales=1), "There is no parameter sales"),
        (lambda: square.seed(until="yesterday"), "RFC 3339"),
        (lambda: square.ledger("socks"), "There is no stream"),
        (lambda: square.ledger("payments", start="2026-01-01T00:00:00"), "no time zone"),
        (lambda: square.add_payment(price=1), "no 'price' here"),
        (lambda: square.call("GET", "/nowhere"), "has no GET /nowhere"),
    ):
        with pytest.raises(SimulatorFailed, match=sentence):
            call()


def test_a_port_that_is_taken_is_reported(square: Simulator, folder: Path) -> None:
    other = Simulator("square", folder, port=square.port, **SMALL)
    other.spawn()
    assert other.wait() != 0
    assert "Address already in use" in other.last_words()


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux ends a child together with its parent.")
def test_it_ends_with_the_process_that_started_it(folder: Path) -> None:
    program = (
        "import pathlib, sys; from local.simulators.process import Simulator\n"
        "square = Simulator('square', pathlib.Path(sys.argv[1]), payments=10)\n"
        "square.start(); print(square.url, flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    control = Control(parent.stdout.readline().strip())
    control.wait_until_seeded()
    parent.kill()
    parent.communicate()
    assert eventually(lambda: not answers(control))


def answers(control: Control) -> bool:
    try:
        return bool(control.state())
    except SimulatorFailed:
        return False


def test_requests_are_counted(square: Simulator, client: Client) -> None:
    payment = client.payments(limit=1)[0]
    square.reset_requests()
    for _ in range(3):
        client.get(f"/v2/payments/{payment['id']}")
    client.get("/v2/nothing")
    square.ledger("payments")
    counted = square.requests()
    assert counted["total"] == 4
    assert counted["byStatus"] == {"200": 3, "404": 1}
    assert counted["byPath"] == {"/v2/payments/{payment_id}": 3, "(none)": 1}
    assert 1 <= counted["perSecondMax"] <= 4
    assert counted["parallelMax"] == 1


def test_the_rate_limit_is_a_sliding_window(square: Simulator) -> None:
    square.trap(rate_limit=5)
    with ThreadPoolExecutor(8) as pool:
        began = time.monotonic()
        statuses = list(pool.map(lambda _: asked(square).status_code, range(20)))
        elapsed = time.monotonic() - began
    allowed = 5 * (int(elapsed) + 1)
    assert 5 <= statuses.count(200) <= allowed
    assert statuses.count(429) == 20 - statuses.count(200)
    assert square.requests()["perSecondMax"] > 5


def test_bursts_of_429_come_with_retry_after_0_or_1(square: Simulator) -> None:
    square.trap(burst_429=2)
    answers = [asked(square, f"/v2/locations?x={number}") for number in range(8)]
    assert [answer.status_code for answer in answers] == [400, 429] * 4
    assert [answer.headers["Retry-After"] for answer in answers[1::2]] == ["1", "0", "1", "0"]
    assert answers[1].json()["errors"][0] == {
        "category": "RATE_LIMIT_ERROR",
        "code": "RATE_LIMITED",
        "detail": "Too many requests.",
    }


def test_server_errors_take_turns(square: Simulator) -> None:
    square.trap(errors_5xx=2)
    answers = [asked(square, f"/v2/payments?limit={number}") for number in range(1, 9)]
    assert [answer.status_code for answer in answers] == [200, 502, 200, 503, 200, 504, 200, 500]
    assert answers[1].headers["Content-Type"] == "text/html"
    assert answers[3].json()["errors"][0]["code"] == "SERVICE_UNAVAILABLE"


def test_dropped_answers_break_off(square: Simulator) -> None:
    square.trap(dropped=2)
    assert asked(square).status_code == 200
    with pytest.raises(requests.exceptions.RequestException):
        asked(square)
    assert square.requests()["byStatus"] == {"200": 1, "dropped": 1}


def test_no_request_is_struck_more_than_twice_in_a_row(square: Simulator) -> None:
    square.trap(burst_429=2, errors_5xx=2, dropped=2)
    outcomes = []
    for _ in range(30):
        try:
            outcomes.append(asked(square).status_code == 200)
        except requests.exceptions.RequestException:
            outcomes.append(False)
    longest = max(len(run) for run in "".join(" " if good else "x" for good in outcomes).split(" "))
    assert 1 <= longest <= 2


def test_one_means_always_as_in_an_outage(square: Simulator) -> None:
    square.trap(errors_5xx=1)
    assert {asked(square).status_code for _ in range(8)} == {500, 502, 503, 504}
    square.trap(errors_5xx=0)
    assert asked(square).status_code == 200


@pytest.mark.parametrize(
    ("trap", "status", "code"),
    [("unauthorized", 401, "UNAUTHORIZED"), ("forbidden", 403, "INSUFFICIENT_SCOPES"), ("not_found", 404, "NOT_FOUND")],
)
def test_a_refusal_strikes_all_or_the_paths_that_are_named(
    square: Simulator, trap: str, status: int, code: str
) -> None:
    square.trap(**{trap: True})
    answer = asked(square)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code)
    square.trap(**{trap: "/v2/refunds"})
    assert asked(square).status_code == 200
    assert asked(square, "/v2/refunds").status_code == status


@pytest.mark.parametrize("trap", ["slow", "latency_ms"])
def test_slow_answers_are_whole(square: Simulator, trap: str) -> None:
    whole = asked(square, "/v2/payments").json()["payments"]
    square.trap(**{trap: 120})
    began = time.monotonic()
    assert asked(square, "/v2/payments").json()["payments"] == whole
    assert time.monotonic() - began >= 0.12


def test_with_every_trap_on_an_honest_client_reads_everything(square: Simulator, client: Client) -> None:
    traps = {
        "burst_429": 7,
        "errors_5xx": 5,
        "dropped": 6,
        "cursor_expiry": 4,
        "duplicates": 3,
        "edits_behind_cursor": 3,
        "short_pages": True,
        "unordered": True,
        "garbage": 50,
        "slow": 1,
        "latency_ms": 1,
    }
    square.trap(**traps)
    whole: dict[str, object] = {}
    for _ in range(6):  # until nothing was changed behind the cursor any more, as a sync's repairs do
        read = client.payments(limit=40)
        whole = newest([p for p in read if is_whole(p)])
        if tally(whole) == ledger_tally(square):  # type: ignore[arg-type]
            break
    assert tally(whole) == ledger_tally(square)  # type: ignore[arg-type]
    assert len(square.ledger("payments")["garbage"]) == 420 // 50
    assert client.retries > 0
    assert client.restarts > 0
    found = client.all("customers", "/v2/customers", limit=20)
    assert len(newest(found)) == square.ledger("customers")["count"] == 130
    lines = {(order["id"], line["uid"]) for order in client.orders(limit=40) for line in order["line_items"]}
    assert len(lines) >= square.ledger("order_lines")["count"]


def is_whole(payment: dict[str, object]) -> bool:
    money = payment.get("amount_money")
    sound = isinstance(money, dict) and isinstance(money["amount"], int)
    return sound and payment.get("id") is not None and payment.get("created_at") is not None


def test_many_threads_at_once_each_read_all(square: Simulator) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: tally(newest(Client(square).payments(limit=30))), range(8)))
    assert set(found) == {ledger_tally(square)}
    assert square.requests()["parallelMax"] > 1
