"""Authorize.Net's answers: HTTP 200 whatever they say, after a byte order mark."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.simulators.authorizenet_book import APPROVED, DECLINED, HELD, Entry
from local.simulators.messages import Answer
from local.simulators.traps import Strike

BOM = b"\xef\xbb\xbf"
Content = dict[str, Any]
NO_TRANSACTION = {"transactionResponse": {"SupplementalDataQualificationIndicator": 0}}

SCHEMA, LOGIN_FAILED, UNSUCCESSFUL, DUPLICATE, NOT_FOUND = "E00003", "E00007", "E00027", "E00039", "E00040"
TEXTS = {
    "I00001": "Successful.",
    "I00004": "No records found.",
    "E00001": "An error occurred during processing. Please try again.",
    LOGIN_FAILED: "User authentication failed due to invalid authentication values.",
    "E00011": "Access denied. You do not have permissions to call the API method.",
    UNSUCCESSFUL: "The transaction was unsuccessful.",
    NOT_FOUND: "The record cannot be found.",
    "E00042": "You cannot add more than 10 payment profiles.",
    "E00045": "The root node does not reference a valid XML namespace.",
    "E00099": "Customer profile creation failed. This transaction ID is invalid.",
    "E00100": "Customer profile creation failed. This transaction type does not support profile creation.",
    "E00102": "Customer Info is missing.",
    "E00114": "Invalid OTS Token.",
}
# `errorCode` of a transaction.
REASONS = {
    "2": "This transaction has been declined.",
    "5": "A valid amount is required.",
    "6": "The credit card number is invalid.",
    "8": "The credit card has expired.",
    "11": "A duplicate transaction has been submitted.",
    "13": "The merchant login ID or password is invalid or the account is inactive.",
    "16": "The transaction cannot be found.",
    "19": "An error occurred during processing. Please try again.",
    "33": "Credit card number is required.",
    "54": "The referenced transaction does not meet the criteria for issuing a credit.",
    "55": "The sum of credits against the referenced transaction would exceed original debit amount.",
}
SAID = {
    "1": "This transaction has been approved.",
    "253": "Your order has been received. Thank you for your business!",
    "310": "This transaction has already been voided.",
}
# What the common traps are answered with; other kinds have their own status.
STRIKES = {"unauthorized": LOGIN_FAILED, "forbidden": "E00011", "not_found": NOT_FOUND}
STATUSES = {"rate_limited": 429, "unknown_path": 404, "wrong_method": 405}


@dataclass(frozen=True)
class Result:
    """What a call comes to: the answer's body without its messages, and their one."""

    body: Content = field(default_factory=dict)
    code: str = "I00001"
    text: str = ""

    @property
    def messages(self) -> Content:
        verdict = "Ok" if self.code.startswith("I") else "Error"
        text = self.text or TEXTS[self.code]
        return {"resultCode": verdict, "message": [{"code": self.code, "text": text}]}

    def answer(self, ref_id: str = "") -> Answer:
        body = {**self.body, **({"refId": ref_id} if ref_id else {}), "messages": self.messages}
        return Answer(200, BOM + json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())


class Failed(Exception):
    """A call that comes to nothing: raised anywhere in it."""

    def __init__(self, code: str, text: str = "", body: Content | None = None) -> None:
        super().__init__(code)
        self.result = Result(body or {}, code, text)


def refusal(strike: Strike) -> Answer:
    if strike.kind in STRIKES:
        return Result(code=STRIKES[strike.kind]).answer()
    headers = {} if strike.retry_after is None else {"Retry-After": str(strike.retry_after)}
    status = strike.status or STATUSES.get(strike.kind, 500)
    return Answer(status, f"<html><body>{status}</body></html>".encode(), headers, "text/html")


def taken(entry: Entry, *, said: str = "", refers_to: str = "") -> Content:
    """`transactionResponse` of one that has an id: approved, held or declined."""
    code = said or {APPROVED: "1", HELD: "253"}.get(entry.response, "2")
    verdict: Content = (
        {"errors": [{"errorCode": code, "errorText": REASONS[code]}]}
        if entry.response == DECLINED
        else {"messages": [{"code": code, "description": SAID[code]}]}
    )
    return {
        **_response(str(entry.response), str(entry.id), refers_to),
        "authCode": entry.auth_code,
        "accountNumber": entry.card.masked,
        "accountType": entry.card.brand,
        **verdict,
        "transHashSha2": "",
        "SupplementalDataQualificationIndicator": 0,
        "networkTransId": f"N{entry.id}",
    }


def not_taken(code: str, *, refers_to: str = "", masked: str = "", brand: str = "") -> Result:
    """An error: there is no transaction."""
    response = {
        **_response("3", "0", refers_to),
        "accountNumber": masked,
        "accountType": brand,
        "errors": [{"errorCode": code, "errorText": REASONS[code]}],
        "transHashSha2": "",
        "SupplementalDataQualificationIndicator": 0,
    }
    return Result({"transactionResponse": response}, UNSUCCESSFUL)


def _response(code: str, transaction: str, refers_to: str) -> Content:
    checked = {"avsResultCode": "Y" if code in "124" else "P", "cvvResultCode": "P" if code == "1" else ""}
    return {
        "responseCode": code,
        "authCode": "",
        **checked,
        "cavvResultCode": "",
        "transId": transaction,
        "refTransID": refers_to,
        "transHash": "",
        "testRequest": "0",
    }


def echoed(asked: Mapping[str, Any]) -> Content:
    """`userFields` come back as they were sent."""
    fields = (asked.get("userFields") or {}).get("userField")
    if not fields:
        return {}
    return {"userFields": fields if isinstance(fields, list) else [fields]}


def profile_of(entry: Entry) -> Content:
    """The stored card of a transaction, in its answer, its details and its summaries."""
    if entry.profile is None:
        return {}
    return {"profile": {"customerProfileId": str(entry.profile), "customerPaymentProfileId": str(entry.payment)}}
