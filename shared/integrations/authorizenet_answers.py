"""What Authorize.Net's answers mean. Pure, but for the log lines about what it should not have said.

A charge is judged by `transactionResponse.responseCode`: `resultCode` says `Ok` of declined ones too.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from shared.integrations.authorizenet_calls import NO_ANSWER, Answer, log_refusal, part, parts
from shared.payments.errors import GatewayUnavailable
from shared.payments.models import (
    ABSENT,
    APPROVED,
    CODE_CARD,
    CODE_DECLINED,
    CODE_DUPLICATE,
    CODE_UNAVAILABLE,
    DECLINED,
    FAILED,
    HELD,
    IN_REVIEW,
    NOT_YET,
    PENDING,
    REFUND,
    SETTLED,
    UNKNOWN,
    VOIDED,
    Method,
    Outcome,
    Transaction,
)

NOT_FOUND = "E00040"
EXISTS = "E00039"
# A token that was used, or is older than 15 minutes.
BAD_TOKEN = "E00114"  # noqa: S105
DUPLICATE = "11"
# `responseCode`: approved, held for review; declined, error.
TAKEN = {"1": APPROVED, "4": HELD}
NOT_TAKEN = ("2", "3")
# The card's number, kind or date is wrong, or its code: another card, or a better typed one, may do.
CARD_CODES = frozenset({"6", "7", "8", "17", "28", "37", "78", "315", "316", "317", BAD_TOKEN})
# The request or the account is wrong, and nothing was done: schema, credentials, permissions, fields.
REFUSED = frozenset({f"E000{number:02d}" for number in (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 44, 45)})
LONGEST_REASON = 200

STATUSES = {
    "capturedPendingSettlement": PENDING,
    "approvedReview": PENDING,
    "pendingSettlement": PENDING,
    "pendingFinalSettlement": PENDING,
    "updatingSettlement": PENDING,
    # It was to be voided, and was not.
    "couldNotVoid": PENDING,
    "settledSuccessfully": SETTLED,
    # An authorisation alone pays nothing until somebody captures it.
    "authorizedPendingCapture": IN_REVIEW,
    "authorizedPendingRelease": IN_REVIEW,
    "underReview": IN_REVIEW,
    "FDSPendingReview": IN_REVIEW,
    "FDSAuthorizedPendingReview": IN_REVIEW,
    "voided": VOIDED,
    "declined": FAILED,
    "expired": FAILED,
    "failedReview": FAILED,
    "generalError": FAILED,
    "communicationError": FAILED,
    "settlementError": FAILED,
    # The bank took it back: the comparison with our books tells a person.
    "chargeback": FAILED,
    "returnedItem": FAILED,
    "refundPendingSettlement": REFUND,
    "refundSettledSuccessfully": REFUND,
}

log = logging.getLogger(__name__)


def outcome(call: str, answer: Answer) -> Outcome:
    """Of a charge, a refund or a void that was sent."""
    if not answer.sent:
        return Outcome(kind=ABSENT, code=CODE_UNAVAILABLE, reason="The payment provider cannot be reached.")
    response = part(answer.body, "transactionResponse")
    verdict = str(response.get("responseCode", ""))
    if verdict in TAKEN:
        return _taken(TAKEN[verdict], response, answer)
    return _not_taken(verdict, response, answer) or _without_verdict(call, response, answer)


def _not_taken(verdict: str, response: Mapping[str, Any], answer: Answer) -> Outcome | None:
    """None when it does not say so."""
    codes = {answer.code, *(str(error.get("errorCode", "")) for error in parts(response, "errors"))}
    if NOT_FOUND in codes:
        return Outcome(kind=NOT_YET, code=CODE_UNAVAILABLE, reason="The stored card is not known at the gateway.")
    if DUPLICATE in codes:
        # The answer may name the transaction that was there before; one that was declined is in no list.
        return Outcome(kind=UNKNOWN, transaction_id=_id(response, "refTransID"), code=CODE_DUPLICATE)
    if verdict in NOT_TAKEN or BAD_TOKEN in codes:
        code = CODE_CARD if CARD_CODES & codes else CODE_DECLINED
        return Outcome(kind=DECLINED, code=code, reason=reason(response, answer))
    return None


def _without_verdict(call: str, response: Mapping[str, Any], answer: Answer) -> Outcome:
    if not response and answer.code in REFUSED:
        log_refusal(call, answer.code)
        return Outcome(kind=ABSENT, code=CODE_UNAVAILABLE, reason="The payment provider refused the request.")
    return Outcome(kind=UNKNOWN, code=CODE_UNAVAILABLE)


def reason(response: Mapping[str, Any], answer: Answer) -> str:
    """The gateway's own sentence, on one line, without anything that could be a card's number."""
    errors, messages = parts(response, "errors"), parts(response, "messages")
    said = [e.get("errorText") for e in errors] + [m.get("description") for m in messages] + [answer.text]
    sentence = " ".join(str(next(filter(None, said), "")).split())
    return re.sub(r"\d{8,}", "…", sentence)[:LONGEST_REASON] or "The payment was declined."


def transaction(found: Mapping[str, Any]) -> Transaction:
    """From a list's summary or from details. Raises `GatewayUnavailable`, with a log line, when it cannot be read: it
    must not seem that there is none."""
    try:
        return Transaction(
            id=str(found["transId"]),
            reference=reference(found),
            cents=_cents(found),
            status=status(found),
            submitted_at=moment(str(found["submitTimeUTC"])),
            method=_stored_card(part(found, "profile"), *card_of(found)),
            refunds=str(found.get("refTransId", "")) if _refunds(found) else "",
        )
    except (KeyError, ValueError, InvalidOperation) as error:
        log.error(
            "gateway_transaction_unreadable",
            extra={"transactionId": str(found.get("transId", "")), "failure": type(error).__name__},
        )
        raise GatewayUnavailable(NO_ANSWER) from None


def reference(found: Mapping[str, Any]) -> str:
    """Ours; empty or anything else for a foreign one."""
    return str(found.get("invoiceNumber") or part(found, "order").get("invoiceNumber") or "")


def status(found: Mapping[str, Any]) -> str:
    """IN_REVIEW for one that we do not know: it is neither given its effect nor given up, and is asked for again."""
    name = str(found.get("transactionStatus", ""))
    if name not in STATUSES:
        log.error("gateway_status_unknown", extra={"transactionId": str(found.get("transId", "")), "status": name})
    known = STATUSES.get(name, IN_REVIEW)
    return REFUND if _refunds(found) and known in (PENDING, SETTLED) else known


def moment(text: str) -> datetime:
    """`2011-09-01T16:30:49.39Z`, UTC with or without the `Z`. Raises ValueError."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def card_of(found: Mapping[str, Any]) -> tuple[str, str]:
    """Last four digits and brand, of a summary, of details, of a charge's answer or of a stored card."""
    card = part(part(found, "payment"), "creditCard")
    number = str(found.get("accountNumber") or card.get("cardNumber") or "")
    digits = re.search(r"\d{4}$", number)
    return digits[0] if digits else "", str(found.get("accountType") or card.get("cardType") or "")


def duplicate_of(answer: Answer) -> str:
    """The customer profile that E00039 names; empty when it names none."""
    named = re.search(r"\bID (\d+)", answer.text)
    return named[1] if named else ""


def first_id(body: Mapping[str, Any], name: str) -> str:
    """The first of a list of ids."""
    found = body.get(name)
    return str(found[0]) if isinstance(found, list) and found else ""


def _taken(kind: str, response: Mapping[str, Any], answer: Answer) -> Outcome:
    transaction_id = _id(response, "transId")
    if not transaction_id:
        # An account in test mode approves everything and takes nothing.
        log.error("gateway_test_mode")
        return Outcome(kind=UNKNOWN, code=CODE_UNAVAILABLE)
    card = card_of(response)
    made = part(answer.body, "profileResponse")
    listed = {
        "customerProfileId": made.get("customerProfileId"),
        "customerPaymentProfileId": first_id(made, "customerPaymentProfileIdList"),
    }
    method = _stored_card(part(response, "profile"), *card) or _stored_card(listed, *card)
    return Outcome(kind=kind, transaction_id=transaction_id, method=method)


def _id(response: Mapping[str, Any], name: str) -> str:
    """Empty for none, which the gateway writes as `0` too."""
    found = str(response.get(name) or "")
    return found if found.strip("0") else ""


def _stored_card(profile: Mapping[str, Any], last4: str, brand: str) -> Method | None:
    owner, payment = profile.get("customerProfileId"), profile.get("customerPaymentProfileId")
    return Method(str(owner), str(payment), last4, brand) if owner and payment else None


def _refunds(found: Mapping[str, Any]) -> bool:
    kind, name = found.get("transactionType"), str(found.get("transactionStatus", ""))
    return kind == "refundTransaction" or STATUSES.get(name) == REFUND


def _cents(found: Mapping[str, Any]) -> int:
    """What is or will be settled; of a transaction that will not be, what was authorised. Never negative."""
    amounts = [Decimal(str(found[name])) for name in ("settleAmount", "authAmount") if name in found]
    if not amounts:
        raise KeyError("settleAmount")
    cents = abs(next(filter(None, amounts), Decimal())) * 100
    if cents != cents.to_integral_value():
        raise ValueError("part of a cent")
    return int(cents)
