"""Customers and cards that the Authorize.Net simulator keeps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local.simulators.authorizenet_account import Card
from tests.local.authorizenet_client import Content, Merchant, code, reason, running

ADA = {"id": "ada", "email": "ada@example.com"}
KEEP = {"profile": {"createProfile": True}}
LAST4 = Card.of_token("tok_a").last4


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Merchant]:
    with running(tmp_path_factory.mktemp("authorizenet")) as merchant:
        yield merchant


@pytest.fixture
def merchant(account: Merchant) -> Merchant:
    return account.fresh()


def stored(merchant: Merchant, token: str = "tok_a", customer: Content = ADA) -> Content:
    """The stored card of a charge, as `profile` of the next one."""
    made = merchant.charge(token, amount="1.00", **KEEP, customer=customer)["transactionResponse"]["profile"]
    payment = {"paymentProfileId": made["customerPaymentProfileId"]}
    return {"customerProfileId": made["customerProfileId"], "paymentProfile": payment}


def test_the_customer_may_be_there_already(merchant: Merchant) -> None:
    known = stored(merchant)["customerProfileId"]
    answer = merchant.charge("tok_b", **KEEP, customer=ADA)
    said = answer["profileResponse"]["messages"]
    assert reason(answer) == "1/1"
    assert said["message"] == [{"code": "E00039", "text": f"A duplicate record with ID {known} already exists."}]
    assert "profile" not in answer["transactionResponse"]
    (owner,) = merchant.gateway.profiles()
    assert [card["token"] for card in owner["cards"]] == ["tok_a"]


def test_a_stored_card_is_charged(merchant: Merchant) -> None:
    card = stored(merchant)
    answer = merchant.charge(funding={"profile": card})
    assert (reason(answer), answer["transactionResponse"]["accountNumber"]) == ("1/1", f"XXXX{LAST4}")
    details = merchant.details(answer["transactionResponse"]["transId"])
    assert (details["customer"], details["profile"]["customerProfileId"]) == (ADA, card["customerProfileId"])
    wrong = merchant.charge(funding={"profile": {**card, "paymentProfile": {"paymentProfileId": "1"}}})
    assert code(wrong) == "E00040"
    ids = {"customerProfileId": card["customerProfileId"]}
    payment = {"customerPaymentProfileId": card["paymentProfile"]["paymentProfileId"]}
    assert code(merchant.gateway.ask("deleteCustomerPaymentProfileRequest", {**ids, **payment})) == "I00001"
    assert code(merchant.charge(funding={"profile": card})) == "E00040"


def test_profiles_are_made_and_read(merchant: Merchant) -> None:
    ask = merchant.gateway.ask
    charge = merchant.charged(customer=ADA)
    owner = {"merchantCustomerId": "ada", "email": "ada@example.com"}
    made = ask("createCustomerProfileFromTransactionRequest", {"transId": charge, "customer": owner})
    profile = made["customerProfileId"]
    again = ask("createCustomerProfileFromTransactionRequest", {"transId": charge, "customer": owner})
    assert again["messages"]["message"][0]["text"] == f"A duplicate record with ID {profile} already exists."
    same = ask("createCustomerProfileFromTransactionRequest", {"transId": charge, "customerProfileId": profile})
    assert (code(same), same["customerPaymentProfileIdList"]) == ("E00039", [])

    def add(nonce: str) -> Content:
        content = {"customerProfileId": profile, "paymentProfile": {"payment": {"opaqueData": token(nonce)}}}
        return ask("createCustomerPaymentProfileRequest", content)

    added = add(merchant.gateway.nonce())
    twice = add(merchant.gateway.nonce())
    assert (code(twice), twice["customerPaymentProfileId"]) == ("E00039", added["customerPaymentProfileId"])
    found = ask("getCustomerProfileRequest", {"customerProfileId": profile})["profile"]
    assert (found["merchantCustomerId"], found["email"]) == ("ada", "ada@example.com")
    cards = {card["customerPaymentProfileId"]: card["payment"]["creditCard"] for card in found["paymentProfiles"]}
    assert cards[added["customerPaymentProfileId"]] == {
        "cardNumber": "XXXX1111",
        "expirationDate": "XXXX",
        "cardType": "Visa",
    }
    ids = {"customerProfileId": profile, "customerPaymentProfileId": added["customerPaymentProfileId"]}
    one = ask("getCustomerPaymentProfileRequest", ids)["paymentProfile"]
    assert one["payment"]["creditCard"]["cardNumber"] == "XXXX1111"
    assert code(ask("getCustomerProfileRequest", {"customerProfileId": "1"})) == "E00040"
    asked = {"merchantCustomerId": "ada", "description": "another", "email": "ada@example.com"}
    cards_of = {"paymentProfiles": [{"payment": {"opaqueData": token("tok_b")}}]}
    other = ask("createCustomerProfileRequest", {"profile": {**asked, **cards_of}, "validationMode": "none"})
    assert other["customerProfileId"] != profile
    declined = merchant.charge("tok_declined")["transactionResponse"]["transId"]
    refused = ask("createCustomerProfileFromTransactionRequest", {"transId": declined, "customer": owner})
    assert code(refused) == "E00100"


def token(value: str) -> dict[str, Any]:
    return {"dataDescriptor": "COMMON.ACCEPT.INAPP.PAYMENT", "dataValue": value}
