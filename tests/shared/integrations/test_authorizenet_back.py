"""Money that goes back through Authorize.Net: voided while it is pending, refunded when it is settled, once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from shared.integrations.authorizenet import AuthorizeNet
from shared.payments.models import (
    ABSENT,
    APPROVED,
    DECLINED,
    FAILED,
    IN_REVIEW,
    PENDING,
    SETTLED,
    UNKNOWN,
    VOIDED,
)
from tests.factories.authorizenet import CARD, answer, approved, details, gateway_at, refused, transaction
from tests.factories.provider import Provider, Reaction
from tests.factories.stepping_clock import SteppingClock


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider.running() as running:
        yield running


@pytest.fixture
def gateway(provider: Provider) -> AuthorizeNet:
    return gateway_at(provider.url, SteppingClock())


def sent(provider: Provider) -> dict[str, Any]:
    """The transactionRequest of the last call."""
    request: dict[str, Any] = provider.received[-1][3]["createTransactionRequest"]["transactionRequest"]
    return request


@pytest.mark.parametrize("status", [PENDING, IN_REVIEW])
def test_what_is_not_settled_is_voided(gateway: AuthorizeNet, provider: Provider, status: str) -> None:
    provider.reactions = [approved("2162566217")]
    outcome = gateway.give_back(transaction(status), 101888, "REFUND1")
    assert (outcome.kind, outcome.transaction_id) == (APPROVED, "2162566217")
    assert list(sent(provider).items()) == [("transactionType", "voidTransaction"), ("refTransId", "2162566217")]


def test_what_is_settled_is_refunded(gateway: AuthorizeNet, provider: Provider) -> None:
    provider.reactions = [details("settledSuccessfully"), approved("99")]
    outcome = gateway.give_back(transaction(SETTLED), 500, "REFUND1")
    assert (outcome.kind, outcome.transaction_id) == (APPROVED, "99")
    request = sent(provider)
    assert list(request) == ["transactionType", "amount", "payment", "refTransId", "order", "transactionSettings"]
    assert (request["amount"], request["refTransId"]) == ("5.00", "2162566217")
    assert request["payment"] == {"creditCard": {"cardNumber": "4444", "expirationDate": "XXXX"}}
    assert request["order"] == {"invoiceNumber": "REFUND1"}


def test_a_refund_by_the_stored_card(gateway: AuthorizeNet, provider: Provider) -> None:
    provider.reactions = [details("settledSuccessfully", payment={}), approved("99")]
    assert gateway.give_back(transaction(SETTLED, method=CARD), 500, "REFUND1").kind == APPROVED
    assert sent(provider)["profile"]["customerProfileId"] == CARD.profile


def test_a_refund_without_any_card(gateway: AuthorizeNet, provider: Provider) -> None:
    provider.reactions = [details("settledSuccessfully", payment={})]
    assert gateway.give_back(transaction(SETTLED), 500, "REFUND1").kind == DECLINED
    assert len(provider.received) == 1


def test_a_refund_whose_card_cannot_be_asked_for_is_not_sent(gateway: AuthorizeNet, provider: Provider) -> None:
    provider.reactions = [Reaction(503)]
    assert gateway.give_back(transaction(SETTLED), 500, "REFUND1").kind == ABSENT


@pytest.mark.parametrize(
    ("reaction", "kind"),
    [
        (refused("54", "The referenced transaction does not meet the criteria for issuing a credit."), DECLINED),
        (answer("E00040", "The record cannot be found."), DECLINED),
        (Reaction(dropped=True), UNKNOWN),
    ],
)
def test_a_refund_that_fails(gateway: AuthorizeNet, provider: Provider, reaction: Reaction, kind: str) -> None:
    provider.reactions = [details("settledSuccessfully"), reaction, approved()]
    assert gateway.give_back(transaction(SETTLED), 500, "REFUND1").kind == kind
    assert len(provider.received) == 2


@pytest.mark.parametrize(("status", "kind"), [(VOIDED, APPROVED), (FAILED, DECLINED)])
def test_what_needs_no_giving_back(gateway: AuthorizeNet, provider: Provider, status: str, kind: str) -> None:
    assert gateway.give_back(transaction(status), 101888, "REFUND1").kind == kind
    assert not provider.received


@pytest.mark.parametrize(
    ("now", "kind"),
    [
        ([details("voided")], APPROVED),
        ([details("settledSuccessfully")], UNKNOWN),
        ([details("capturedPendingSettlement")], DECLINED),
        ([answer("E00040", "The record cannot be found.")], UNKNOWN),
        ([Reaction(503)], UNKNOWN),
    ],
)
def test_a_void_that_is_refused(gateway: AuthorizeNet, provider: Provider, now: list[Reaction], kind: str) -> None:
    provider.reactions = [refused("16", "The transaction cannot be found."), *now]
    assert gateway.give_back(transaction(PENDING), 101888, "REFUND1").kind == kind
    assert sum("createTransactionRequest" in received[3] for received in provider.received) == 1


def test_a_void_without_an_answer(gateway: AuthorizeNet, provider: Provider) -> None:
    provider.reactions = [Reaction(dropped=True), approved()]
    assert gateway.give_back(transaction(PENDING), 101888, "REFUND1").kind == UNKNOWN
    assert len(provider.received) == 1
