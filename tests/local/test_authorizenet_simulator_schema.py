"""What the Authorize.Net simulator makes of a request before it looks at what is asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from local.simulators.authorizenet import URL
from local.simulators.authorizenet_account import LOGIN, TRANSACTION_KEY
from tests.local.authorizenet_client import Content, Merchant, code, running

ADA = {"id": "ada", "email": "ada@example.com"}
CALLER = {"name": LOGIN, "transactionKey": TRANSACTION_KEY}


@pytest.fixture(scope="module")
def merchant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Merchant]:
    with running(tmp_path_factory.mktemp("authorizenet")) as merchant:
        yield merchant


def test_every_answer_is_200_and_begins_with_a_byte_order_mark(merchant: Merchant) -> None:
    for body in (b"{", b'{"nothingRequest": {}}', b'{"getCustomerProfileRequest": {"merchantAuthentication": {}}}'):
        reply = requests.post(merchant.gateway.url + URL, data=body, timeout=5)
        assert (reply.status_code, reply.content[:3]) == (200, b"\xef\xbb\xbf")
        assert b'"resultCode":"Error"' in reply.content


@pytest.mark.parametrize("caller", [{}, {"name": LOGIN}, {**CALLER, "transactionKey": "wrong"}])
def test_the_credentials_are_checked(merchant: Merchant, caller: Content) -> None:
    answer = merchant.gateway.answer({"getTransactionDetailsRequest": {"merchantAuthentication": caller, "transId": 1}})
    assert code(answer) == "E00007"
    assert "transactionResponse" not in answer


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"transId": "1", "merchantAuthentication": CALLER}, "child element 'transId'.*expected: 'merchantAuth.*'"),
        ({"merchantAuthentication": CALLER}, "incomplete content.*expected: 'clientId, refId, transId'"),
        ({"merchantAuthentication": CALLER, "transId": "1", "refId": "r"}, "invalid child element 'refId'"),
        ({"merchantAuthentication": CALLER, "transId": "1", "more": "1"}, "invalid child element 'more'"),
        ({"merchantAuthentication": CALLER, "refId": "r" * 21, "transId": "1"}, "greater than the MaxLength"),
        ({"merchantAuthentication": CALLER, "transId": "one"}, "The Pattern constraint failed"),
        ({"merchantAuthentication": CALLER, "transId": {}}, "cannot contain child elements"),
        ({"merchantAuthentication": "name", "transId": "1"}, "cannot contain text"),
    ],
)
def test_the_order_and_the_lengths_of_the_schema_are_enforced(
    merchant: Merchant, content: Content, sentence: str
) -> None:
    answer = merchant.gateway.answer({"getTransactionDetailsRequest": content})
    assert code(answer) == "E00003"
    assert_matches(sentence, answer)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"customer": ADA, "order": {}}, "invalid child element 'order'.*expected: 'billTo, shipTo"),
        ({"order": {"description": "d", "invoiceNumber": "1"}}, "'order'.*invalid child element 'invoiceNumber'"),
        ({"order": {"invoiceNumber": "1" * 21}}, "invoiceNumber' element is invalid"),
        ({"order": {"description": "d" * 256}}, "description' element is invalid"),
        ({"customer": {"id": "1" * 21}}, "id' element is invalid"),
        ({"customer": {"email": "e", "id": "1"}}, "'customer'.*invalid child element 'id'"),
        ({"transactionSettings": [{"settingName": "n"}]}, "invalid child element 'transactionSettings'"),
        ({"profile": {"createProfile": "yes"}}, "not a valid Boolean value"),
        ({"processingOptions": {"isStoredCredentials": True, "isSubsequentAuth": True}}, "'isSubsequentAuth'"),
    ],
)
def test_it_is_enforced_at_every_level(merchant: Merchant, more: Content, sentence: str) -> None:
    answer = merchant.charge(**more)
    assert code(answer) == "E00003"
    assert_matches(sentence, answer)
    assert merchant.gateway.transactions() == []


def assert_matches(sentence: str, answer: Content) -> None:
    with pytest.raises(AssertionError, match=sentence):
        raise AssertionError(answer["messages"]["message"][0]["text"])
