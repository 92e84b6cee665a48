"""Authorize.Net's transactions and stored cards: how they are asked for, and what is made of the answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.integrations.authorizenet import AuthorizeNet
from shared.integrations.authorizenet_answers import STATUSES
from shared.integrations.authorizenet_cards import LAG_PAUSES
from shared.integrations.authorizenet_requests import PAGE
from shared.payments.errors import GatewayUnavailable
from shared.payments.models import FAILED, IN_REVIEW, PENDING, REFUND, SETTLED, VOIDED, Method, Transaction
from tests.factories.authorizenet import (
    ADA,
    CARD,
    SINCE,
    answer,
    batches,
    details,
    gateway_at,
    listed,
    summary,
)
from tests.factories.provider import Provider, Reaction
from tests.factories.stepping_clock import SteppingClock

ABSENT = answer("E00040", "The record cannot be found.")
EXISTS = answer("E00039", f"A duplicate record with ID {CARD.profile} already exists.")
CARD_EXISTS = answer("E00039", "A duplicate customer payment profile already exists.")
MADE = answer(customerProfileId=CARD.profile, customerPaymentProfileIdList=[CARD.payment])
VISA = details("capturedPendingSettlement", payment={"creditCard": {"cardNumber": "XXXX1111", "cardType": "Visa"}})


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider.running() as running:
        yield running


@pytest.fixture
def gateway(provider: Provider, clock: SteppingClock) -> AuthorizeNet:
    return gateway_at(provider.url, clock)


def asked(provider: Provider) -> list[tuple[str, dict[str, Any]]]:
    """The calls' names and what they said beside the credentials, in the order of the keys."""
    calls = [next(iter(body.items())) for _, _, _, body in provider.received]
    return [(name.removesuffix("Request"), dict(list(content.items())[1:])) for name, content in calls]


def profile_with(*payments: tuple[str, str]) -> Reaction:
    stored = [
        {"customerPaymentProfileId": payment, "payment": {"creditCard": {"cardNumber": number, "cardType": "Visa"}}}
        for payment, number in payments
    ]
    return answer(profile={"merchantCustomerId": "c-1", "customerProfileId": CARD.profile, "paymentProfiles": stored})


# --- one transaction


def test_details(gateway: AuthorizeNet, provider: Provider) -> None:
    stored = {"customerProfileId": "31", "customerPaymentProfileId": "28"}
    provider.reactions = [details("settledSuccessfully", profile=stored)]
    assert gateway.transaction("2162566217") == Transaction(
        id="2162566217",
        reference="REFERENCE1",
        cents=101888,
        status=SETTLED,
        submitted_at=datetime(2026, 6, 30, 16, 30, 49, 390000, tzinfo=UTC),
        method=Method("31", "28", "4444", "MasterCard"),
    )
    assert asked(provider) == [("getTransactionDetails", {"transId": "2162566217"})]


def test_details_of_a_refund(gateway: AuthorizeNet, provider: Provider) -> None:
    provider.reactions = [
        details("refundSettledSuccessfully", refTransId="77", transactionType="refundTransaction", settleAmount=-5.1)
    ]
    found = gateway.transaction("2162566217")
    assert found is not None
    assert (found.status, found.refunds, found.cents) == (REFUND, "77", 510)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("capturedPendingSettlement", PENDING),
        ("settledSuccessfully", SETTLED),
        ("FDSPendingReview", IN_REVIEW),
        ("authorizedPendingCapture", IN_REVIEW),
        ("voided", VOIDED),
        ("declined", FAILED),
        ("chargeback", FAILED),
        ("refundPendingSettlement", REFUND),
        ("somethingNew", IN_REVIEW),
    ],
)
def test_statuses(
    gateway: AuthorizeNet, provider: Provider, caplog: pytest.LogCaptureFixture, name: str, status: str
) -> None:
    provider.reactions = [details(name)]
    found = gateway.transaction("2162566217")
    assert found is not None
    assert found.status == status
    assert ("gateway_status_unknown" in caplog.messages) is (name not in STATUSES)


@pytest.mark.parametrize(
    ("amounts", "cents"),
    [({"settleAmount": "4.35"}, 435), ({"settleAmount": 1.1}, 110), ({"settleAmount": 0, "authAmount": 20.0}, 2000)],
)
def test_amounts_are_exact(gateway: AuthorizeNet, provider: Provider, amounts: dict[str, Any], cents: int) -> None:
    provider.reactions = [details("capturedPendingSettlement", **amounts)]
    found = gateway.transaction("2162566217")
    assert found is not None
    assert found.cents == cents


def test_there_is_none(gateway: AuthorizeNet, provider: Provider) -> None:
    provider.reactions = [ABSENT]
    assert gateway.transaction("1") is None


@pytest.mark.parametrize("change", [{"settleAmount": "a lot"}, {"submitTimeUTC": "yesterday"}, {"settleAmount": 1.234}])
def test_what_cannot_be_read_is_logged_and_left_out(
    gateway: AuthorizeNet, provider: Provider, caplog: pytest.LogCaptureFixture, change: dict[str, Any]
) -> None:
    provider.reactions = [listed([summary("1", **change), summary("2")]), batches()]
    assert [found.id for found in gateway.transactions(SINCE)] == ["2"]
    assert "gateway_transaction_unreadable" in caplog.messages


def test_ours_that_cannot_be_read_is_not_taken_for_none(gateway: AuthorizeNet, provider: Provider) -> None:
    odd = {"settleAmount": "a lot"}
    provider.reactions = [details("voided", **odd), listed([summary("1", **odd)]), listed([summary("1", "X", **odd)])]
    with pytest.raises(GatewayUnavailable):
        gateway.transaction("2162566217")
    with pytest.raises(GatewayUnavailable):
        gateway.find("REFERENCE1", SINCE)
    assert gateway.find("REFERENCE1", SINCE) == []


# --- tried again


def test_a_read_is_tried_four_times(gateway: AuthorizeNet, provider: Provider, clock: SteppingClock) -> None:
    before = clock.now()
    busy = answer("E00001", "An error occurred during processing. Please try again.")
    provider.reactions = [Reaction(dropped=True), Reaction(503), busy, ABSENT]
    assert gateway.transaction("1") is None
    assert timedelta(seconds=1.0) < clock.now() - before < timedelta(seconds=2.2)


def test_a_read_is_given_up(gateway: AuthorizeNet, provider: Provider) -> None:
    provider.reactions = [Reaction(200, b"<html>")]
    with pytest.raises(GatewayUnavailable):
        gateway.transaction("1")
    assert len(provider.received) == 4


def test_a_refusal_is_not_tried_again(
    gateway: AuthorizeNet, provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    provider.reactions = [answer("E00007", "User authentication failed due to invalid authentication values.")]
    with pytest.raises(GatewayUnavailable):
        gateway.transaction("1")
    assert len(provider.received) == 1
    assert "gateway_refused_request" in caplog.messages


# --- lists


def test_found_among_the_unsettled(gateway: AuthorizeNet, provider: Provider) -> None:
    newer = summary("3", submitTimeUTC="2026-07-01T17:00:00Z")
    provider.reactions = [listed([newer, summary("2", "OTHER"), summary("1")])]
    assert [found.id for found in gateway.find("REFERENCE1", SINCE)] == ["3", "1"]
    (call,) = asked(provider)
    assert call[0] == "getUnsettledTransactionList"
    assert list(call[1].items()) == [
        ("sorting", {"orderBy": "submitTimeUTC", "orderDescending": True}),
        ("paging", {"limit": PAGE, "offset": 1}),
    ]


def test_found_in_a_batch(gateway: AuthorizeNet, provider: Provider, clock: SteppingClock) -> None:
    settled = summary("1", transactionStatus="settledSuccessfully")
    provider.reactions = [listed(), batches("11", "12"), listed([summary("2", "OTHER")]), listed([settled])]
    assert [(found.id, found.status) for found in gateway.find("REFERENCE1", SINCE)] == [("1", SETTLED)]
    (_, listing, *lists) = asked(provider)
    assert listing == (
        "getSettledBatchList",
        {"firstSettlementDate": "2026-06-30T00:00:00Z", "lastSettlementDate": "2026-07-01T18:00:00Z"},
    )
    assert [(name, list(content), content["batchId"]) for name, content in lists] == [
        ("getTransactionList", ["batchId", "sorting", "paging"], "11"),
        ("getTransactionList", ["batchId", "sorting", "paging"], "12"),
    ]


def test_an_older_one_may_be_in_both(gateway: AuthorizeNet, provider: Provider, clock: SteppingClock) -> None:
    provider.reactions = [listed([summary("2")]), batches("11"), listed([summary("1"), summary("2")])]
    assert {found.id for found in gateway.find("REFERENCE1", clock.now() - timedelta(days=3))} == {"1", "2"}


def test_pages_until_one_is_not_full(gateway: AuthorizeNet, provider: Provider) -> None:
    full = [summary(str(number), "OTHER") for number in range(PAGE)]
    # One that was added meanwhile has pushed the last of the first page to the second.
    provider.reactions = [listed(full), listed([full[-1], summary("9999")]), batches()]
    found = [found.id for found in gateway.transactions(SINCE)]
    assert found == [*(each["transId"] for each in full), "9999"]
    assert [content["paging"]["offset"] for name, content in asked(provider) if "Unsettled" in name] == [1, 2]


def test_no_more_pages_than_are_needed_to_find(gateway: AuthorizeNet, provider: Provider) -> None:
    old = [summary(str(number), submitTimeUTC="2026-06-29T00:00:00Z") for number in range(PAGE)]
    provider.reactions = [listed(old)]
    gateway.find("REFERENCE1", SINCE)
    assert len(provider.received) == 1


def test_one_that_is_settled_meanwhile_is_listed_once(gateway: AuthorizeNet, provider: Provider) -> None:
    settled = summary("1", transactionStatus="settledSuccessfully")
    provider.reactions = [listed([summary("1")]), batches("11"), listed([settled, summary("2", "")])]
    found = list(gateway.transactions(SINCE))
    assert [(each.id, each.reference, each.status) for each in found] == [
        ("1", "REFERENCE1", PENDING),
        ("2", "", PENDING),
    ]


def test_batches_are_asked_for_by_the_month(gateway: AuthorizeNet, provider: Provider, clock: SteppingClock) -> None:
    provider.reactions = [listed(), batches()]
    assert list(gateway.transactions(clock.now() - timedelta(days=70))) == []
    spans = [content for name, content in asked(provider) if "Batch" in name]
    ends = [(span["firstSettlementDate"], span["lastSettlementDate"]) for span in spans]
    assert ends == [
        ("2026-04-22T17:00:00Z", "2026-05-22T17:00:00Z"),
        ("2026-05-22T17:00:00Z", "2026-06-21T17:00:00Z"),
        ("2026-06-21T17:00:00Z", "2026-07-01T18:00:00Z"),
    ]


# --- stored cards


def test_a_new_customers_card(gateway: AuthorizeNet, provider: Provider) -> None:
    provider.reactions = [MADE, VISA]
    assert gateway.keep_card("77", ADA) == CARD
    name, content = asked(provider)[0]
    assert name == "createCustomerProfileFromTransaction"
    assert list(content.items()) == [
        ("transId", "77"),
        ("customer", {"merchantCustomerId": "c-1", "email": "ada@example.com"}),
    ]


def test_a_known_customers_card(gateway: AuthorizeNet, provider: Provider) -> None:
    provider.reactions = [EXISTS, MADE, VISA]
    assert gateway.keep_card("77", ADA) == CARD
    assert list(asked(provider)[1][1].items()) == [("transId", "77"), ("customerProfileId", CARD.profile)]


def test_a_card_that_is_stored_already(gateway: AuthorizeNet, provider: Provider) -> None:
    """The newest with its last digits."""
    stored = profile_with(("9", "XXXX1111"), (CARD.payment, "XXXX1111"), ("99999999", "XXXX4444"))
    provider.reactions = [EXISTS, CARD_EXISTS, VISA, stored]
    assert gateway.keep_card("77", ADA) == CARD


def test_what_was_just_made_is_waited_for(gateway: AuthorizeNet, provider: Provider, clock: SteppingClock) -> None:
    before = clock.now()
    provider.reactions = [ABSENT, ABSENT, EXISTS, ABSENT, MADE, VISA]
    assert gateway.keep_card("77", ADA) == CARD
    assert clock.now() - before == timedelta(seconds=sum(LAG_PAUSES[:2]) + LAG_PAUSES[0])


@pytest.mark.parametrize(
    "reactions",
    [
        [ABSENT],
        [EXISTS, CARD_EXISTS, VISA, profile_with(("9", "XXXX4444"))],
        [EXISTS, CARD_EXISTS, ABSENT, profile_with(("9", "XXXX1111"))],
        [answer("E00039", "A duplicate.")],
    ],
)
def test_a_card_that_cannot_be_kept(gateway: AuthorizeNet, provider: Provider, reactions: list[Reaction]) -> None:
    provider.reactions = reactions
    with pytest.raises(GatewayUnavailable):
        gateway.keep_card("77", ADA)


def test_whose_card_it_is(gateway: AuthorizeNet, provider: Provider) -> None:
    provider.reactions = [profile_with(("9", "XXXX4444"), (CARD.payment, "XXXX1111"))]
    assert gateway.card(Method(CARD.profile, CARD.payment)) == ("c-1", CARD)
    assert asked(provider) == [("getCustomerProfile", {"customerProfileId": CARD.profile})]


def test_a_card_beyond_those_that_a_profile_shows(gateway: AuthorizeNet, provider: Provider) -> None:
    stored = {"customerPaymentProfileId": CARD.payment, "payment": {"creditCard": {"cardNumber": "XXXX1111"}}}
    provider.reactions = [profile_with(), answer(paymentProfile=stored)]
    assert gateway.card(CARD) == ("c-1", Method(CARD.profile, CARD.payment, "1111"))
    ids = {"customerProfileId": CARD.profile, "customerPaymentProfileId": CARD.payment}
    assert list(asked(provider)[1][1].items()) == list(ids.items())


@pytest.mark.parametrize("reactions", [[ABSENT], [profile_with(("9", "XXXX4444")), ABSENT]])
def test_no_such_card(gateway: AuthorizeNet, provider: Provider, reactions: list[Reaction]) -> None:
    provider.reactions = reactions
    assert gateway.card(CARD) is None
