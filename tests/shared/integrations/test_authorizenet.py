"""Money through Authorize.Net: what is sent, once, and what the answers mean."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from shared.integrations import authorizenet_calls
from shared.integrations.authorizenet import AuthorizeNet, connect
from shared.payments.errors import GatewayUnavailable
from shared.payments.models import (
    ABSENT,
    APPROVED,
    CODE_CARD,
    CODE_DECLINED,
    CODE_DUPLICATE,
    CODE_UNAVAILABLE,
    DECLINED,
    HELD,
    NOT_YET,
    UNKNOWN,
    Method,
)
from shared.platform.context import Platform
from shared.platform.ids import Ids
from shared.platform.settings import Settings
from tests.factories.authorizenet import (
    ADA,
    CARD,
    KEY,
    LOGIN,
    SINCE,
    TOKEN,
    answer,
    approved,
    gateway_at,
    listed,
    order,
    refused,
)
from tests.factories.black_hole import BlackHole
from tests.factories.environment import environment
from tests.factories.keep_alive import KeepAlive
from tests.factories.provider import Provider, Reaction
from tests.factories.silence import Silence, closed_port
from tests.factories.stepping_clock import SteppingClock


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


def sent(provider: Provider) -> dict[str, Any]:
    """The transactionRequest of the last call."""
    request: dict[str, Any] = provider.received[-1][3]["createTransactionRequest"]["transactionRequest"]
    return request


# --- what is sent


def test_a_token_that_is_kept(gateway: AuthorizeNet, provider: Provider) -> None:
    provider.reactions = [approved()]
    gateway.charge(order(keep=True))
    (method, _, headers, body) = provider.received[0]
    assert (method, headers["host"]) == ("POST", provider.url.removeprefix("http://"))
    request = body["createTransactionRequest"]
    assert list(request) == ["merchantAuthentication", "refId", "transactionRequest"]
    assert request["merchantAuthentication"] == {"name": LOGIN, "transactionKey": KEY}
    assert request["refId"] == "REFERENCE1"
    assert list(request["transactionRequest"].items()) == [
        ("transactionType", "authCaptureTransaction"),
        ("amount", "49.05"),
        ("payment", {"opaqueData": {"dataDescriptor": "COMMON.ACCEPT.INAPP.PAYMENT", "dataValue": TOKEN.value}}),
        ("profile", {"createProfile": True}),
        ("order", {"invoiceNumber": "REFERENCE1", "description": "Membership"}),
        ("customer", {"id": "c-1", "email": "ada@example.com"}),
        ("transactionSettings", {"setting": [{"settingName": "duplicateWindow", "settingValue": "28800"}]}),
        ("processingOptions", {"isFirstRecurringPayment": True}),
    ]


def test_a_token_that_is_not_kept(gateway: AuthorizeNet, provider: Provider) -> None:
    gateway.charge(order())
    assert not {"profile", "processingOptions"} & set(sent(provider))


@pytest.mark.parametrize(("recurring", "option"), [(True, "isSubsequentAuth"), (False, "isStoredCredentials")])
def test_a_stored_card(gateway: AuthorizeNet, provider: Provider, recurring: bool, option: str) -> None:
    gateway.charge(order(CARD, recurring=recurring))
    request = sent(provider)
    assert request["profile"] == {
        "customerProfileId": CARD.profile,
        "paymentProfile": {"paymentProfileId": CARD.payment},
    }
    assert " ".join(request) == "transactionType amount profile order transactionSettings processingOptions"
    assert request["processingOptions"] == {option: True}
    assert ("recurringBilling" in str(request["transactionSettings"])) is recurring


# --- what the answers mean


@pytest.mark.parametrize(("response_code", "kind"), [("1", APPROVED), ("4", HELD)])
def test_taken(gateway: AuthorizeNet, provider: Provider, response_code: str, kind: str) -> None:
    profile = {"customerProfileId": CARD.profile, "customerPaymentProfileId": CARD.payment}
    provider.reactions = [approved("77", response_code, profile=profile)]
    outcome = gateway.charge(order(keep=True))
    assert (outcome.kind, outcome.transaction_id, outcome.method) == (kind, "77", CARD)


def test_the_stored_card_may_be_told_beside_the_transaction(gateway: AuthorizeNet, provider: Provider) -> None:
    made = {"customerProfileId": CARD.profile, "customerPaymentProfileIdList": [CARD.payment]}
    provider.reactions = [approved(profileResponse=made)]
    assert gateway.charge(order(keep=True)).method == CARD


def test_taken_though_the_card_could_not_be_stored(gateway: AuthorizeNet, provider: Provider) -> None:
    failed = {"messages": {"resultCode": "Error", "message": [{"code": "E00039", "text": "A duplicate …"}]}}
    provider.reactions = [approved(profileResponse=failed)]
    outcome = gateway.charge(order(keep=True))
    assert (outcome.kind, outcome.method) == (APPROVED, None)


@pytest.mark.parametrize(
    ("reaction", "code", "reason"),
    [
        (
            refused("2", "This transaction  has\nbeen declined.", "2"),
            CODE_DECLINED,
            "This transaction has been declined.",
        ),
        (
            approved("0", "2", messages=[{"code": "2", "description": "Declined."}]),  # resultCode says Ok
            CODE_DECLINED,
            "Declined.",
        ),
        (refused("6", "Card number 4111111111111111 is invalid."), CODE_CARD, "Card number … is invalid."),
        (refused("8", "The credit card has expired."), CODE_CARD, "The credit card has expired."),
        (refused("13", ""), CODE_DECLINED, "The transaction was unsuccessful."),
        (refused("E00114", "Invalid OTS Token."), CODE_CARD, "Invalid OTS Token."),
        (answer("E00114", "Invalid OTS Token."), CODE_CARD, "Invalid OTS Token."),
    ],
)
def test_declined(gateway: AuthorizeNet, provider: Provider, reaction: Reaction, code: str, reason: str) -> None:
    provider.reactions = [reaction]
    outcome = gateway.charge(order())
    assert (outcome.kind, outcome.code, outcome.reason) == (DECLINED, code, reason)


@pytest.mark.parametrize(
    "reaction",
    [
        Reaction(dropped=True),
        Reaction(200, b"{", missing=10),
        Reaction(500, b"{}"),
        Reaction(503, b"busy"),
        Reaction(403, b"<html>"),
        Reaction(302, b"", {"Location": "/elsewhere"}),
        Reaction(200, b"<html>"),
        Reaction(200, b"[]"),
        Reaction(200, b"\xff\xfe"),
        answer(),
        answer("E00001", "An error occurred during processing. Please try again."),
        answer("E00027", "The transaction was unsuccessful."),
        approved(response_code="9"),
        approved(transaction_id="0"),  # the account is in test mode
    ],
)
def test_no_answer_that_says_what_happened(gateway: AuthorizeNet, provider: Provider, reaction: Reaction) -> None:
    provider.reactions = [reaction, approved()]
    assert gateway.charge(order()).kind == UNKNOWN
    assert len(provider.received) == 1


def test_a_duplicate_is_to_be_asked_for(gateway: AuthorizeNet, provider: Provider) -> None:
    """The answer may name the first one."""
    for named, original in (("", ""), ("0", ""), ("2228446239", "2228446239")):
        provider.reactions = [refused("11", "A duplicate transaction has been submitted.", refTransID=named)]
        outcome = gateway.charge(order())
        assert (outcome.kind, outcome.code, outcome.transaction_id) == (UNKNOWN, CODE_DUPLICATE, original)


def test_a_profile_that_is_not_known_yet(gateway: AuthorizeNet, provider: Provider) -> None:
    provider.reactions = [answer("E00040", "The record cannot be found.")]
    assert gateway.charge(order(CARD)).kind == NOT_YET
    assert gateway.charge(order(TOKEN)).kind == UNKNOWN


@pytest.mark.parametrize("code", ["E00003", "E00007", "E00013"])
def test_a_request_that_is_refused(
    gateway: AuthorizeNet, provider: Provider, caplog: pytest.LogCaptureFixture, code: str
) -> None:
    provider.reactions = [answer(code, "The value 'made-up-nonce' is invalid.")]
    outcome = gateway.charge(order())
    assert (outcome.kind, outcome.code) == (ABSENT, CODE_UNAVAILABLE)
    (record,) = [record for record in caplog.records if record.name.startswith("shared")]
    assert (record.levelname, record.message, vars(record)["code"]) == ("ERROR", "gateway_refused_request", code)


# --- sent once, or not at all


def test_nobody_answers_in_time(clock: SteppingClock) -> None:
    with Silence() as silence:
        assert gateway_at(f"http://{silence.address}", clock).charge(order()).kind == UNKNOWN


def test_nothing_was_sent_when_there_is_no_connection(clock: SteppingClock, provider: Provider) -> None:
    """Refused, not accepted in time, and no TLS at the other end."""
    with BlackHole() as hole:
        for url in (f"http://{closed_port()}", f"http://{hole.address}", provider.url.replace("http:", "https:")):
            outcome = gateway_at(url, clock).charge(order())
            assert (outcome.kind, outcome.code) == (ABSENT, CODE_UNAVAILABLE)
    assert not provider.received


def test_a_connection_that_is_closed_meanwhile_is_not_tried_again(clock: SteppingClock) -> None:
    """The second request has gone out on the kept connection when the gateway closes it."""
    with KeepAlive(approved().body, answered=1) as server:
        gateway = gateway_at(server.url, clock)
        assert gateway.charge(order()).kind == APPROVED
        assert gateway.charge(order()).kind == UNKNOWN
        assert (server.connections, server.requests) == (1, 2)


def test_a_connection_that_was_idle_is_not_used_again(clock: SteppingClock) -> None:
    with KeepAlive(approved().body, answered=1) as server:
        gateway = gateway_at(server.url, clock)
        gateway.charge(order())
        clock.advance(seconds=authorizenet_calls.IDLE_SECONDS + 1)
        assert gateway.charge(order()).kind == APPROVED
        assert (server.connections, server.requests) == (2, 2)


# --- set-up and secrecy


@pytest.mark.parametrize("missing", ["AUTHORIZE_NET_API_LOGIN_ID", "AUTHORIZE_NET_TRANSACTION_KEY"])
def test_a_missing_credential_is_named(provider: Provider, clock: SteppingClock, missing: str) -> None:
    gateway = connect(platform_with(provider, clock, **{missing: ""}))
    for call in (lambda: gateway.charge(order()), lambda: gateway.find("REFERENCE1", SINCE)):
        with pytest.raises(GatewayUnavailable, match=missing):
            call()
    assert not provider.received


def test_the_address_can_be_another_gateways(provider: Provider, clock: SteppingClock) -> None:
    provider.reactions = [approved()]
    assert connect(platform_with(provider, clock)).charge(order()).kind == APPROVED


def test_nothing_secret_is_logged_or_raised(
    gateway: AuthorizeNet, provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "shared")
    provider.reactions = [
        Reaction(dropped=True),
        answer("E00007", f"{KEY} made-up-nonce ada@example.com"),
        approved("0"),
        listed([{"transId": "1", "transactionStatus": "odd", "accountNumber": "XXXX0015"}]),
        answer("I00004"),
        answer("E00003", f"{KEY} ada@example.com 4444"),
    ]
    for _ in range(3):
        gateway.charge(order())
    gateway.find("REFERENCE1", SINCE)
    with pytest.raises(GatewayUnavailable) as failure:
        gateway.keep_card("1", ADA)
    said = " ".join(str(vars(record)) for record in caplog.records if record.name.startswith("shared"))
    for secret in (KEY, LOGIN, TOKEN.value, ADA.email, "0015", "4444"):
        assert secret not in said + str(failure.value)
    assert "gateway_call" in said


def test_ids_that_the_gateway_could_not_have_given_are_not_asked_for(gateway: AuthorizeNet, provider: Provider) -> None:
    assert gateway.transaction("1 or 1") is None
    assert gateway.card(Method("", "x")) is None
    assert not provider.received


def platform_with(provider: Provider, clock: SteppingClock, **changes: str) -> Platform:
    variables = {
        "AUTHORIZE_NET_URL": provider.url,
        "AUTHORIZE_NET_API_LOGIN_ID": LOGIN,
        "AUTHORIZE_NET_TRANSACTION_KEY": KEY,
        **changes,
    }
    return Platform(Settings.load(environment("t-authorizenet", **variables)), clock, Ids(clock))
