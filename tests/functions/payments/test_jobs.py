"""The jobs of payments and memberships through their functions-framework apps."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient

from local.simulators.authorizenet_control import GatewayControl
from shared.runtime import instance
from tests.factories.club import TOPICS, Club, a_customer
from tests.factories.messages import message_of, push
from tests.factories.shop import clock_file


@pytest.fixture
def topics() -> list[str]:
    return [*TOPICS, "renew-memberships"]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayControl]:
    folder = tmp_path_factory.mktemp("gateway")
    clock = clock_file(folder)
    with GatewayControl(folder, clock_file=str(clock.path)) as running:
        yield running


@pytest.fixture
def club(gateway: GatewayControl, project: str, monkeypatch: pytest.MonkeyPatch) -> Club:
    gateway.clear_traps()
    club = Club(project, gateway, clock_file(gateway.folder))
    for name, value in club.variables.items():
        monkeypatch.setenv(name, value)
    instance.forget()
    return club


def test_a_renewal_a_notice_and_the_certificate(club: Club, function: Callable[[str], FlaskClient]) -> None:
    customer = a_customer()
    club.subscribe(customer)
    club.advance(days=31)
    renew = function("memberships_renew")
    for _ in range(2):
        assert push(renew, message_of({}), "renew-memberships").status_code == 200
    assert club.get(customer).json["membership"]["next_billing_date"] == "2026-09-01"
    assert len(club.taken()) == 2

    newest = club.taken()[-1]["id"]
    club.gateway.void(newest)
    follow_up = function("payments_follow_up")
    for _ in range(2):
        assert push(follow_up, message_of({"transactionId": newest}), "payment-notices").status_code == 200
    assert push(follow_up, message_of({"transactionId": "1"}), "payment-notices").status_code == 200
    assert push(follow_up, message_of({"openCharges": True}), "payment-notices").status_code == 200
    assert club.get(customer).json["membership"]["status"] == "cancelled"

    assert push(function("payments_reconcile"), message_of({}), "reconcile-payments").status_code == 200
    told = [event for event in club.events("payment-events") if event["type"] == "payment.reconciled"]
    assert [event["data"]["green"] for event in told] == [True]
    assert (told[0]["data"]["ourCount"], told[0]["data"]["ourCents"]) == (1, 9700)


def test_a_gateway_that_is_down_is_asked_again(club: Club, function: Callable[[str], FlaskClient]) -> None:
    customer = a_customer()
    club.subscribe(customer)
    club.advance(days=31)
    renew = function("memberships_renew")
    with club.switched(down=1):
        assert push(renew, message_of({}), "renew-memberships").status_code == 503
        assert push(function("payments_reconcile"), message_of({}), "reconcile-payments").status_code == 503
    club.advance(minutes=5)
    assert push(renew, message_of({}), "renew-memberships").status_code == 200
    assert len(club.taken()) == 2


def test_a_difference_that_cannot_be_mended_is_an_alert(club: Club) -> None:
    club.subscribe(a_customer())
    ((name, charge),) = club.charges().items()
    club.platform.firestore.collection("charges").document(name).update({"cents": charge["cents"] + 1})
    certificate = club.reconcile()
    assert (certificate["green"], certificate["differences"]) == (False, 1)
    assert alerts(club) == [("alert.raised", "payments-unreconciled")]
    # The same again is told again; that it is over is told once.
    assert not club.reconcile()["green"]
    club.platform.firestore.collection("charges").document(name).update({"cents": charge["cents"]})
    assert [club.reconcile()["green"], club.reconcile()["green"]] == [True, True]
    assert alerts(club) == [("alert.raised", "payments-unreconciled"), ("alert.resolved", "payments-unreconciled")]


def alerts(club: Club) -> list[tuple[str, str]]:
    """Those that came since the last look."""
    return [(event["type"], event["data"]["dedupKey"]) for event in club.events("alerts")]
