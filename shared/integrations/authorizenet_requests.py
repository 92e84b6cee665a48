"""What Authorize.Net is sent. Pure. The keys stand in the order of the XSD's sequences: the gateway insists on it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from shared.payments.models import Customer, Method, Order, Token
from shared.values.cents import dollars

# As long as the gateway can: for so many seconds it refuses the same reference with the same card again.
DUPLICATE_WINDOW = 28_800
PAGE = 1000
LONGEST_DESCRIPTION = LONGEST_EMAIL = 255

Content = dict[str, Any]


def charge(order: Order) -> Content:
    """`createTransactionRequest`."""
    return _transaction(
        order.reference,
        {
            "transactionType": "authCaptureTransaction",
            "amount": dollars(order.cents),
            **_funding(order),
            "order": {"invoiceNumber": order.reference, "description": order.description[:LONGEST_DESCRIPTION]},
            **_customer(order),
            **(_settings(recurringBilling="true") if order.recurring else _settings()),
            **_stored_credentials(order),
        },
    )


def void(transaction_id: str, reference: str) -> Content:
    """`createTransactionRequest`. It has no amount: a void is of the whole."""
    return _transaction(reference, {"transactionType": "voidTransaction", "refTransId": transaction_id})


def refund(transaction_id: str, card: Content, cents: int, reference: str) -> Content:
    """`createTransactionRequest`. `card`: what `last_digits` or `stored` gives."""
    return _transaction(
        reference,
        {
            "transactionType": "refundTransaction",
            "amount": dollars(cents),
            **card,
            "refTransId": transaction_id,
            "order": {"invoiceNumber": reference},
            **_settings(),
        },
    )


def last_digits(last4: str) -> Content:
    """Of the card of an earlier transaction: the gateway knows the rest."""
    return {"payment": {"creditCard": {"cardNumber": last4, "expirationDate": "XXXX"}}}


def stored(method: Method) -> Content:
    return {"profile": {"customerProfileId": method.profile, "paymentProfile": {"paymentProfileId": method.payment}}}


def details(transaction_id: str) -> Content:
    """`getTransactionDetailsRequest`."""
    return {"transId": transaction_id}


def page(number: int, batch_id: str = "") -> Content:
    """`getUnsettledTransactionListRequest`, or with a batch `getTransactionListRequest`; pages count from 1.

    The newest first: what is added meanwhile repeats some, what is settled meanwhile is the oldest, so none is missed.
    """
    return {
        **({"batchId": batch_id} if batch_id else {}),
        "sorting": {"orderBy": "submitTimeUTC", "orderDescending": True},
        "paging": {"limit": PAGE, "offset": number},
    }


def batches(first: datetime, last: datetime) -> Content:
    """`getSettledBatchListRequest`: of 31 days at most."""
    return {"firstSettlementDate": _utc(first), "lastSettlementDate": _utc(last)}


def new_profile(transaction_id: str, customer: Customer) -> Content:
    """`createCustomerProfileFromTransactionRequest` of a customer who is new there."""
    known = {"merchantCustomerId": customer.reference, "email": customer.email[:LONGEST_EMAIL]}
    return {"transId": transaction_id, "customer": known}


def added_profile(transaction_id: str, profile: str) -> Content:
    """The same of one who is there already."""
    return {"transId": transaction_id, "customerProfileId": profile}


def profile(profile_id: str) -> Content:
    """`getCustomerProfileRequest`."""
    return {"customerProfileId": profile_id}


def payment_profile(method: Method) -> Content:
    """`getCustomerPaymentProfileRequest`."""
    return {"customerProfileId": method.profile, "customerPaymentProfileId": method.payment}


def _transaction(reference: str, content: Content) -> Content:
    return {"refId": reference, "transactionRequest": content}


def _funding(order: Order) -> Content:
    if isinstance(order.funding, Method):
        return stored(order.funding)
    return {**_payment(order.funding), **({"profile": {"createProfile": True}} if order.keep else {})}


def _payment(token: Token) -> Content:
    """A token of Accept.js."""
    return {"payment": {"opaqueData": {"dataDescriptor": "COMMON.ACCEPT.INAPP.PAYMENT", "dataValue": token.value}}}


def _customer(order: Order) -> Content:
    """Of a stored card the gateway knows whose it is."""
    if isinstance(order.funding, Method):
        return {}
    return {"customer": {"id": order.customer.reference, "email": order.customer.email[:LONGEST_EMAIL]}}


def _settings(**more: str) -> Content:
    settings = {"duplicateWindow": str(DUPLICATE_WINDOW), **more}
    listed = [{"settingName": name, "settingValue": value} for name, value in settings.items()]
    return {"transactionSettings": {"setting": listed}}


def _stored_credentials(order: Order) -> Content:
    """What the card schemes want to know of a card that is kept. The network's id of the first charge goes with the
    gateway's own profile, and none of the schemes' reasons (`subsequentAuthInformation`) is a renewal."""
    if isinstance(order.funding, Token):
        options = {"isFirstRecurringPayment": True} if order.keep else {}
    else:
        options = {"isSubsequentAuth": True} if order.recurring else {"isStoredCredentials": True}
    return {"processingOptions": options} if options else {}


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
