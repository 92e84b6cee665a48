"""The client of Authorize.Net against the simulated gateway: what is told here is what the gateway then has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest

from local.simulators.authorizenet_control import GatewayControl
from shared.integrations import authorizenet_requests as shapes
from shared.integrations.authorizenet import AuthorizeNet, connect
from shared.payments.models import (
    APPROVED,
    CODE_CARD,
    CODE_DECLINED,
    CODE_DUPLICATE,
    DECLINED,
    FAILED,
    HELD,
    IN_REVIEW,
    PENDING,
    REFUND,
    SETTLED,
    UNKNOWN,
    VOIDED,
    Customer,
    Method,
    Order,
    Token,
    Transaction,
)
from shared.platform.context import Platform
from shared.platform.ids import Ids
from shared.platform.settings import Settings
from tests.factories.authorizenet import order
from tests.factories.clock_file import ClockFile, HurriedClock
from tests.factories.environment import environment

numbers = count(1)


@pytest.fixture(scope="module")
def clock_file(tmp_path_factory: pytest.TempPathFactory) -> ClockFile:
    file = ClockFile(tmp_path_factory.mktemp("clock") / "offset.json")
    file.advance(seconds=0)
    return file


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, clock_file: ClockFile) -> Iterator[GatewayControl]:
    folder = tmp_path_factory.mktemp("authorizenet")
    with GatewayControl(folder, clock_file=str(clock_file.path)) as simulator:
        yield simulator


@pytest.fixture
def simulator(running: GatewayControl) -> GatewayControl:
    running.clear_traps()
    return running


@pytest.fixture
def clock(clock_file: ClockFile) -> HurriedClock:
    return HurriedClock(clock_file)


@pytest.fixture
def gateway(simulator: GatewayControl, clock: HurriedClock) -> AuthorizeNet:
    """Whoever pauses moves the clock, the simulator's too."""
    settings = Settings.load(environment("t-gateway", **simulator.environment()))
    return connect(Platform(settings, clock, Ids(clock)), timeouts=(1, 5))


def fresh(token: str = "tok_visa", **changes: object) -> Order:
    """An order of a customer of its own."""
    number = next(numbers)
    customer = Customer(f"customer-{number}", f"customer-{number}@example.com")
    return order(Token(token), **{"reference": f"REFERENCE{number}", "customer": customer, **changes})


def charged(gateway: AuthorizeNet, wanted: Order) -> Transaction:
    outcome = gateway.charge(wanted)
    assert outcome.kind == APPROVED
    return known(gateway, outcome.transaction_id)


def known(gateway: AuthorizeNet, transaction_id: str) -> Transaction:
    found = gateway.transaction(transaction_id)
    assert found is not None
    return found


def test_a_card_is_kept_and_charged_again(gateway: AuthorizeNet) -> None:
    first = fresh(keep=True)
    outcome = gateway.charge(first)
    method = outcome.method
    assert outcome.kind == APPROVED
    assert method is not None
    assert gateway.card(method) == (first.customer.reference, method)
    assert gateway.card(Method(method.profile, "1")) is None
    renewal = replace(first, reference=f"{first.reference}R", funding=method, keep=False, recurring=True)
    again = charged(gateway, renewal)
    assert (again.cents, again.reference, again.status) == (first.cents, renewal.reference, PENDING)
    assert again.method == method


@pytest.mark.parametrize(
    ("token", "code"),
    [("tok_declined", CODE_DECLINED), ("tok_expired", CODE_CARD), ("tok_invalid", CODE_CARD), ("nonsense", CODE_CARD)],
)
def test_a_decline(gateway: AuthorizeNet, token: str, code: str) -> None:
    outcome = gateway.charge(fresh(token, keep=True))
    assert (outcome.kind, outcome.code, outcome.method) == (DECLINED, code, None)
    assert outcome.reason


def test_one_that_is_held(gateway: AuthorizeNet, simulator: GatewayControl) -> None:
    outcome = gateway.charge(fresh("tok_held"))
    assert outcome.kind == HELD
    assert known(gateway, outcome.transaction_id).status == IN_REVIEW
    simulator.approve(outcome.transaction_id)
    assert known(gateway, outcome.transaction_id).status == PENDING


def test_an_answer_that_was_lost(gateway: AuthorizeNet, simulator: GatewayControl, clock: HurriedClock) -> None:
    wanted = fresh()
    simulator.trap(lost_answer=1)
    assert gateway.charge(wanted).kind == UNKNOWN
    simulator.clear_traps()
    (found,) = gateway.find(wanted.reference, clock.now() - timedelta(hours=1))
    assert (found.cents, found.status) == (wanted.cents, PENDING)
    again = gateway.charge(wanted)
    assert (again.kind, again.code) == (UNKNOWN, CODE_DUPLICATE)
    assert len(gateway.find(wanted.reference, clock.now() - timedelta(hours=1))) == 1


def test_a_decline_whose_answer_was_lost(gateway: AuthorizeNet, simulator: GatewayControl, clock: HurriedClock) -> None:
    """It is in no list; sent again it is a duplicate, of the transaction that the answer names."""
    wanted = fresh("tok_declined")
    simulator.trap(lost_answer=1)
    assert gateway.charge(wanted).kind == UNKNOWN
    simulator.clear_traps()
    assert gateway.find(wanted.reference, clock.now() - timedelta(hours=1)) == []
    again = gateway.charge(wanted)
    assert (again.kind, again.code) == (UNKNOWN, CODE_DUPLICATE)
    assert known(gateway, again.transaction_id).status == FAILED


def test_a_request_that_was_lost(gateway: AuthorizeNet, simulator: GatewayControl, clock: HurriedClock) -> None:
    wanted = fresh()
    simulator.trap(lost_request=1)
    assert gateway.charge(wanted).kind == UNKNOWN
    simulator.clear_traps()
    assert gateway.find(wanted.reference, clock.now() - timedelta(hours=1)) == []


def test_a_void(gateway: AuthorizeNet) -> None:
    taken = charged(gateway, fresh())
    for _ in range(2):
        outcome = gateway.give_back(taken, taken.cents, "VOID")
        assert (outcome.kind, outcome.transaction_id) == (APPROVED, taken.id)
    assert known(gateway, taken.id).status == VOIDED


def test_a_refund(gateway: AuthorizeNet, clock_file: ClockFile, clock: HurriedClock) -> None:
    stale = charged(gateway, fresh())
    clock_file.advance(days=1)
    settled = known(gateway, stale.id)
    assert settled.status == SETTLED
    (found,) = gateway.find(stale.reference, clock.now() - timedelta(days=3))
    # The lists have whole seconds.
    assert found == replace(settled, submitted_at=settled.submitted_at.replace(microsecond=0))
    # It was settled since it was looked at: nothing is given back, and the next look refunds.
    assert gateway.give_back(stale, stale.cents, "STALE").kind == UNKNOWN
    refund = gateway.give_back(settled, 1000, f"{stale.reference}B")
    assert refund.kind == APPROVED
    details = known(gateway, refund.transaction_id)
    assert (details.status, details.refunds, details.cents) == (REFUND, stale.id, 1000)
    (found,) = gateway.find(f"{stale.reference}B", clock.now() - timedelta(hours=1))
    assert (found.id, found.status, found.cents) == (refund.transaction_id, REFUND, 1000)
    assert gateway.give_back(settled, stale.cents, f"{stale.reference}C").kind == DECLINED


def test_a_second_card_of_a_known_customer(gateway: AuthorizeNet, simulator: GatewayControl) -> None:
    first = fresh(keep=True)
    known_card = gateway.charge(first).method
    second = gateway.charge(
        replace(first, reference=f"{first.reference}S", funding=Token("tok_another"), cents=first.cents + 1)
    )
    assert (second.kind, second.method) == (APPROVED, None)
    simulator.trap(profile_lag=2)
    kept = gateway.keep_card(second.transaction_id, first.customer)
    assert known_card is not None
    assert (kept.profile, kept.last4 != known_card.last4) == (known_card.profile, True)
    assert gateway.keep_card(second.transaction_id, first.customer) == kept
    assert gateway.card(kept) == (first.customer.reference, kept)


def test_all_lists_over_pages(
    gateway: AuthorizeNet, simulator: GatewayControl, clock: HurriedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything that was taken, each once: ours, foreign ones, settled or not."""
    simulator.foreign(1234)
    charged(gateway, fresh())
    monkeypatch.setattr(shapes, "PAGE", 3)
    listed = Counter(found.id for found in gateway.transactions(clock.now() - timedelta(days=40)))
    there = {row["id"] for row in simulator.transactions() if row["status"] not in ("declined", "voided")}
    assert set(listed) == there
    assert set(listed.values()) == {1}
