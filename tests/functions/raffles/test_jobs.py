"""The jobs of raffles through their functions-framework apps, and draws with drand's randomness."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from local.simulators.authorizenet_control import GatewayControl
from local.simulators.drand import DrandProvider
from local.simulators.process import Simulator
from shared.platform.clock import parse_wire_time, wire_time
from tests.factories.clock_file import ClockFile
from tests.factories.drand import CHAIN
from tests.factories.messages import message_of, push
from tests.factories.raffle_buyers import TAKEN, a_buyer, settled, taken_of
from tests.factories.raffle_fixtures import Functions
from tests.factories.raffles import Tombola
from tools import verify_draw

READING = (
    "getUnsettledTransactionListRequest,getSettledBatchListRequest,getTransactionListRequest,"
    "getTransactionDetailsRequest"
)


@pytest.fixture(scope="module")
def drand(running: tuple[GatewayControl, ClockFile], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """In the same time as the shop and its gateway."""
    clock = running[1]
    clock.advance()
    with Simulator("drand", tmp_path_factory.mktemp("drand"), clock_file=str(clock.path)) as simulator:
        yield simulator


@pytest.fixture
def tombola(running: tuple[GatewayControl, ClockFile], drand: Simulator, project: str) -> Tombola:
    """That draws with drand."""
    running[0].clear_traps()
    drand.clear_traps()
    return Tombola(project, *running, DRAW_ENTROPY="drand", **DrandProvider.environment(drand.url))


def test_reservations_that_are_over(tombola: Tombola, jobs: Functions) -> None:
    raffle_id, lost, found, held = tombola.active(), *(a_buyer(tombola) for _ in range(3))
    with tombola.switched(lost_request=1):
        assert tombola.buy(raffle_id, lost, 2).json["code"] == "payment_unknown"
    with tombola.switched(lost_answer=1, down=READING):
        assert tombola.buy(raffle_id, found, 3).json["code"] == "payment_unknown"
    assert tombola.buy(raffle_id, held, 4, "tok_held").json["code"] == "payment_under_review"
    sweeper = jobs("raffles_release_reservations")

    def swept() -> int:
        return push(sweeper, message_of({}), "release-reservations").status_code

    assert swept() == 200
    assert tombola.check(raffle_id).open == 3
    tombola.advance(minutes=11)
    with tombola.switched(down=1):
        assert swept() == 503
    assert tombola.check(raffle_id).open == 3
    for _ in range(2):
        assert swept() == 200
    raffle = tombola.check(raffle_id)
    assert (raffle.open, raffle.paid, raffle.remaining) == (0, 3, 17)
    states = {purchase.paid_tickets: purchase.state for purchase in tombola.purchases(raffle_id)}
    assert states == {2: "released", 3: "paid", 4: "released"}
    assert sorted(one["status"] for one in taken_of(tombola, raffle_id)) == ["capturedPendingSettlement", "voided"]
    assert tombola.tickets(raffle_id, found).json["count"] == 3
    assert settled(tombola)["green"]
    tombola.check_money(raffle_id)


def test_refunds_go_on_without_the_admin(tombola: Tombola, jobs: Functions) -> None:
    raffles = [tombola.active() for _ in range(2)]
    buyer = a_buyer(tombola)
    for raffle_id in raffles:
        assert tombola.buy(raffle_id, buyer, 2).status_code == 201
        with tombola.switched(down=1):
            assert tombola.call_off(raffle_id).json["refunds"]["failed"] == 1
    refunds = jobs("raffles_refund_purchases")
    for data in ({"raffleId": raffles[0]}, {}, {}):
        assert push(refunds, message_of(data), "raffle-refunds").status_code == 200
    for raffle_id in raffles:
        assert tombola.kept_cents(raffle_id) == 0
        assert [found["status"] for found in taken_of(tombola, raffle_id)] == ["voided"]
    assert settled(tombola)["green"]


def test_sales_close_at_the_draw_date_and_the_round_comes_later(
    tombola: Tombola, jobs: Functions, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw_date = tombola.now + timedelta(hours=1)
    raffle_id, buyer = tombola.active(drawDate=wire_time(draw_date)), a_buyer(tombola)
    assert tombola.buy(raffle_id, buyer, 15).status_code == 201
    sweeper = jobs("raffles_release_reservations")
    assert push(sweeper, message_of({}), "release-reservations").status_code == 200
    assert tombola.show(raffle_id, "audit").json["salesClosedAt"] is None
    tombola.advance(hours=1, seconds=1)
    assert push(sweeper, message_of({}), "release-reservations").status_code == 200
    closed = tombola.show(raffle_id, "audit?ledger=true&ticket=15").json
    assert (closed["status"], closed["tickets"], closed["seed"], closed["picks"]) == ("active", 15, None, [])
    entropy = closed["entropy"]
    assert (entropy["source"], entropy["chainHash"], entropy["signature"]) == ("drand", CHAIN.hash, None)
    ahead = parse_wire_time(entropy["roundTime"]) - parse_wire_time(closed["salesClosedAt"])
    assert timedelta(seconds=CHAIN.period) < ahead <= timedelta(seconds=2 * CHAIN.period + 1)
    assert tombola.buy(raffle_id, buyer).json["code"] == "sales_closed"

    drawn = tombola.draw(raffle_id)
    assert drawn.status_code == 200, drawn.text
    after = tombola.show(raffle_id, "audit?ledger=true&ticket=15").json
    for name in ("ledgerRoot", "salesClosedAt", "ledger", "receipt", "seedCommitment"):
        assert after[name] == closed[name], name
    assert after["entropy"]["round"] == entropy["round"]
    file = tmp_path / "audit.json"
    file.write_text(json.dumps(after))
    assert verify_draw.main([str(file), "--chain-key", CHAIN.public_key]) == 0, capsys.readouterr().out
    after["entropy"]["round"] += 1
    file.write_text(json.dumps(after))
    assert verify_draw.main([str(file), "--chain-key", CHAIN.public_key]) == 1


def test_two_draws_at_once_have_one_result(tombola: Tombola) -> None:
    raffle_id, buyer = tombola.active(), a_buyer(tombola)
    assert tombola.buy(raffle_id, buyer, 20).status_code == 201
    two = [tombola.patient(), tombola.patient()]
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda one: one.draw(raffle_id), two))
    assert sorted(answer.status_code for answer in answers) == [200, 400]
    refused = next(answer.json for answer in answers if answer.status_code == 400)
    assert refused["error"] == "Raffle has already been drawn"
    drawing = next(answer.json["drawing"] for answer in answers if answer.status_code == 200)
    picks = tombola.show(raffle_id, "audit").json["picks"]
    assert [pick["ticketNumber"] for pick in picks] == [
        drawing["winner"]["ticketNumber"],
        *(one["ticketNumber"] for one in drawing["runnerUps"]),
    ]
    templates = [mail["template"] for mail in tombola.events("emails")]
    assert (templates.count("raffle_winner_notification"), templates.count("raffle_runner_up_notification")) == (1, 10)


def test_a_beacon_that_is_down_changes_nothing_of_the_result(tombola: Tombola, drand: Simulator) -> None:
    raffle_id, buyer = tombola.active(), a_buyer(tombola)
    assert tombola.buy(raffle_id, buyer, 12).status_code == 201
    drand.trap(all_relays=True, down=503)
    for _ in range(2):
        answer = tombola.draw(raffle_id)
        assert (answer.status_code, answer.json["code"]) == (503, "beacon_unavailable")
        assert answer.headers["Retry-After"] == "30"
    closed = tombola.show(raffle_id, "audit").json
    assert closed["picks"] == []
    assert tombola.buy(raffle_id, buyer).json["code"] == "sales_closed"
    drand.clear_traps()
    tombola.advance(hours=1)
    assert tombola.draw(raffle_id).status_code == 200
    after = tombola.show(raffle_id, "audit").json
    assert after["entropy"]["round"] == closed["entropy"]["round"]
    assert after["ledgerRoot"] == closed["ledgerRoot"]
    assert [found["cents"] for found in taken_of(tombola, raffle_id) if found["status"] in TAKEN] == [12 * 50_00]
