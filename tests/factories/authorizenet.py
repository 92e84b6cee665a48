"""Authorize.Net's answers as the gateway gives them, and the client that a function would have for it.

The shapes are those of the pairs that stymiee/authnetjson recorded (tests/Authnetjson).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from shared.integrations.authorizenet import AuthorizeNet
from shared.integrations.authorizenet_calls import Calls
from shared.payments.models import Customer, Method, Order, Token, Transaction
from shared.platform.clock import Clock
from shared.platform.ids import Ids
from tests.factories.provider import Reaction

LOGIN, KEY = "made-up-login", "made-up-key"
TOKEN = Token("made-up-nonce")
CARD = Method("31390172", "28393490", "1111", "Visa")
ADA = Customer("c-1", "ada@example.com")
SINCE = datetime(2026, 6, 30, tzinfo=UTC)
# The tests' time-outs, in place of the real ones.
SHORT = (0.25, 0.25)


def gateway_at(url: str, clock: Clock) -> AuthorizeNet:
    return AuthorizeNet(Calls(url, LOGIN, KEY, clock, Ids(clock), SHORT), clock)


def order(funding: Token | Method = TOKEN, **changes: Any) -> Order:
    plain = {"reference": "REFERENCE1", "cents": 4905, "description": "Membership", "customer": ADA}
    return Order(**{**plain, "funding": funding, **changes})


def answer(code: str = "I00001", text: str = "Successful.", **content: Any) -> Reaction:
    """With the byte order mark that the gateway puts before every answer."""
    result = "Ok" if code.startswith("I") else "Error"
    messages = {"resultCode": result, "message": [{"code": code, "text": text}]}
    return Reaction(200, b"\xef\xbb\xbf" + json.dumps({**content, "messages": messages}).encode())


def approved(transaction_id: str = "2228446239", response_code: str = "1", **changes: Any) -> Reaction:
    """`changes`: of the transactionResponse, or a `profileResponse` beside it."""
    made = {"profileResponse": changes.pop("profileResponse")} if "profileResponse" in changes else {}
    response = {
        "responseCode": response_code,
        "authCode": "QWX20S",
        "transId": transaction_id,
        "refTransID": "",
        "accountNumber": "XXXX1111",
        "accountType": "Visa",
        "messages": [{"code": "1", "description": "This transaction has been approved."}],
        **changes,
    }
    return answer(transactionResponse=response, **made)


def refused(error: str, text: str, response_code: str = "3", **changes: Any) -> Reaction:
    """What the gateway calls an unsuccessful transaction."""
    response = {
        "responseCode": response_code,
        "transId": "0",
        "accountNumber": "XXXX0015",
        "accountType": "MasterCard",
        "errors": [{"errorCode": error, "errorText": text}],
        **changes,
    }
    return answer("E00027", "The transaction was unsuccessful.", transactionResponse=response)


def details(status: str, **changes: Any) -> Reaction:
    plain = {
        "transId": "2162566217",
        "submitTimeUTC": "2026-06-30T16:30:49.39Z",
        "transactionType": "authCaptureTransaction",
        "transactionStatus": status,
        "responseCode": 1,
        "order": {"invoiceNumber": "REFERENCE1"},
        "authAmount": 1018.88,
        "settleAmount": 1018.88,
        "payment": {"creditCard": {"cardNumber": "XXXX4444", "expirationDate": "XXXX", "cardType": "MasterCard"}},
    }
    return answer(transaction={**plain, **changes})


def summary(transaction_id: str, reference: str = "REFERENCE1", **changes: Any) -> dict[str, Any]:
    return {
        "transId": transaction_id,
        "submitTimeUTC": "2026-07-01T16:30:49Z",
        "submitTimeLocal": "2026-07-01T10:30:49",
        "transactionStatus": "capturedPendingSettlement",
        "invoiceNumber": reference,
        "accountType": "MasterCard",
        "accountNumber": "XXXX0015",
        "settleAmount": 5.00,
        **changes,
    }


def listed(summaries: Iterable[dict[str, Any]] = ()) -> Reaction:
    found = list(summaries)
    return (
        answer(transactions=found, totalNumInResultSet=len(found)) if found else answer("I00004", "No records found.")
    )


def batches(*ids: str) -> Reaction:
    return answer(batchList=[{"batchId": each, "settlementState": "settledSuccessfully"} for each in ids])


def transaction(status: str, **changes: Any) -> Transaction:
    plain = {"id": "2162566217", "reference": "REFERENCE1", "cents": 101888, "status": status, "submitted_at": SINCE}
    return Transaction(**{**plain, **changes})
