"""The order, the lengths and the types of what Authorize.Net is sent: AnetApiSchema.xsd, as far as it is handled.

Source: AnetApiSchema.xsd at the root of github.com/AuthorizeNet/sdk-php. The real gateway maps the JSON to the XSD's
sequences, so a key in another place is refused as an unknown one is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

NAMESPACE = "AnetApi/xml/v1/schema/AnetApiSchema.xsd"
CALL = "merchantAuthentication!:merchantAuthenticationType clientId:30 refId:20 "
ADDRESS = "firstName:50 lastName:50 company:50 address:60 city:40 state:40 zip:20 country:60"
LIST = "sorting:TransactionListSorting paging:Paging"
# One slot after the other: `!` must be there, `*` may repeat, `a|b` is a choice. After the colon the greatest length,
# another type of this table, a simple type, or `any`: not looked into.
TYPES = {
    "createTransactionRequest": CALL + "transactionRequest!:transactionRequestType",
    "getTransactionDetailsRequest": CALL + "transId!:numeric",
    "getUnsettledTransactionListRequest": CALL + "status " + LIST,
    "getTransactionListRequest": CALL + "batchId:numeric " + LIST,
    "getSettledBatchListRequest": CALL
    + "includeStatistics:boolean firstSettlementDate:dateTime lastSettlementDate:dateTime",
    "createCustomerProfileFromTransactionRequest": CALL
    + "transId!:numeric customer:customerProfileBaseType customerProfileId:numeric defaultPaymentProfile:boolean "
    "defaultShippingAddress:boolean profileType",
    "createCustomerProfileRequest": CALL + "profile!:customerProfileType validationMode",
    "createCustomerPaymentProfileRequest": CALL
    + "customerProfileId!:numeric paymentProfile!:customerPaymentProfileType validationMode",
    "getCustomerProfileRequest": CALL
    + "customerProfileId:numeric merchantCustomerId:20 email unmaskExpirationDate:boolean includeIssuerInfo:boolean",
    "getCustomerPaymentProfileRequest": CALL
    + "customerProfileId!:numeric customerPaymentProfileId:numeric unmaskExpirationDate:boolean "
    "includeIssuerInfo:boolean",
    "deleteCustomerPaymentProfileRequest": CALL + "customerProfileId!:numeric customerPaymentProfileId!:numeric",
    "securePaymentContainerRequest": CALL + "data!:webCheckOutDataType",
    "merchantAuthenticationType": "name:25 transactionKey:16|sessionToken|password:40|impersonationAuthentication:any"
    "|fingerPrint:any|clientKey|accessToken mobileDeviceId:60",
    "transactionRequestType": "transactionType! amount:decimal currencyCode payment:paymentType "
    "profile:customerProfilePaymentType solution:any callId terminalNumber authCode refTransId splitTenderId "
    "order:orderType lineItems:ArrayOfLineItem tax:any duty:any shipping:any taxExempt:boolean poNumber "
    "customer:customerDataType billTo:customerAddressType shipTo:nameAndAddressType customerIP "
    "cardholderAuthentication:any retail:any employeeId transactionSettings:ArrayOfSetting userFields:userFields "
    "surcharge:any merchantDescriptor subMerchant:any tip:any processingOptions:processingOptions "
    "subsequentAuthInformation:subsequentAuthInformation otherTax:any shipFrom:nameAndAddressType "
    "authorizationIndicatorType:any",
    "paymentType": "creditCard:creditCardType|bankAccount:any|trackData:any|encryptedTrackData:any|payPal:any"
    "|opaqueData:opaqueDataType|emv:any dataSource",
    "creditCardType": "cardNumber!:16 expirationDate!:7 cardCode:4 isPaymentToken:boolean cryptogram "
    "tokenRequestorName tokenRequestorId tokenRequestorEci",
    "opaqueDataType": "dataDescriptor! dataValue! dataKey expirationTimeStamp:dateTime",
    "customerProfilePaymentType": "createProfile:boolean customerProfileId:numeric paymentProfile:paymentProfile "
    "shippingProfileId:numeric",
    "paymentProfile": "paymentProfileId!:numeric cardCode:4",
    "orderType": "invoiceNumber:20 description:255 discountAmount:decimal taxIsAfterDiscount:boolean "
    "totalTaxTypeCode:3 purchaserVATRegistrationNumber:21 merchantVATRegistrationNumber:21 "
    "vatInvoiceReferenceNumber:15 purchaserCode:17 summaryCommodityCode:4 purchaseOrderDateUTC "
    "supplierOrderReference:25 authorizedContactName:36 cardAcceptorRefNumber:25 amexDataTAA1:40 amexDataTAA2:40 "
    "amexDataTAA3:40 amexDataTAA4:40",
    "ArrayOfLineItem": "lineItem*:lineItemType",
    "lineItemType": "itemId!:31 name!:31 description:255 quantity!:decimal unitPrice!:decimal taxable:boolean",
    "customerDataType": "type id:20 email:255 driversLicense:any taxId:9",
    "customerAddressType": ADDRESS + " phoneNumber:25 faxNumber:25 email",
    "nameAndAddressType": ADDRESS,
    "ArrayOfSetting": "setting*:settingType",
    "settingType": "settingName settingValue",
    "userFields": "userField*:userField",
    "userField": "name value",
    "processingOptions": "isFirstRecurringPayment:boolean isFirstSubsequentAuth:boolean isSubsequentAuth:boolean "
    "isStoredCredentials:boolean",
    "subsequentAuthInformation": "originalNetworkTransId originalAuthAmount:decimal reason",
    "TransactionListSorting": "orderBy! orderDescending!:boolean",
    "Paging": "limit!:numeric offset!:numeric",
    "customerProfileBaseType": "merchantCustomerId:20 description:255 email:255",
    "customerProfileType": "merchantCustomerId:20 description:255 email:255 "
    "paymentProfiles*:customerPaymentProfileType shipToList*:customerAddressType profileType",
    "customerPaymentProfileType": "customerType billTo:customerAddressType payment:paymentType driversLicense:any "
    "taxId:9 defaultPaymentProfile:boolean subsequentAuthInformation:subsequentAuthInformation "
    "excludeFromAccountUpdater:boolean",
    "webCheckOutDataType": "type! id!:64 token:webCheckOutDataTypeToken bankToken:any",
    "webCheckOutDataTypeToken": "cardNumber!:16 expirationDate!:7 cardCode:4 zip:20 fullName:64",
}
SIMPLE = {"numeric": "numericString", "boolean": "Boolean", "decimal": "Decimal", "dateTime": "DateTime"}


class Invalid(Exception):
    """The sentence of E00003."""


@dataclass(frozen=True)
class Slot:
    """A place in a sequence: the elements that may stand there, with their types."""

    names: Mapping[str, str]
    required: bool
    repeated: bool


def check(name: str, content: Any) -> None:
    """The content of a call. Raises `Invalid`."""
    _complex(name, SEQUENCES[name], content)


def _slots(text: str) -> tuple[Slot, ...]:
    found = []
    for token in text.split():
        names = dict(([*part.split(":"), ""])[:2] for part in re.sub(r"[!*]", "", token).split("|"))
        found.append(Slot(names, "!" in token, "*" in token))
    return tuple(found)


SEQUENCES = {name: _slots(text) for name, text in TYPES.items()}


def _complex(element: str, slots: tuple[Slot, ...], content: Any) -> None:
    if not isinstance(content, dict):
        raise Invalid(f"The element '{element}' in namespace '{NAMESPACE}' cannot contain text.")
    position = 0
    for name, value in content.items():
        found = _place(slots, position, name)
        if found is None:
            raise Invalid(
                f"The element '{element}' in namespace '{NAMESPACE}' has invalid child element '{name}' in namespace "
                f"'{NAMESPACE}'.{_expected(slots, position)}"
            )
        slot, position = slots[found], found + 1
        if isinstance(value, list) and not slot.repeated:
            raise Invalid(f"The element '{element}' in namespace '{NAMESPACE}' has invalid child element '{name}'.")
        for each in value if isinstance(value, list) else [value]:
            _value(name, slot.names[name], each)
    if any(slot.required for slot in slots[position:]):
        raise Invalid(
            f"The element '{element}' in namespace '{NAMESPACE}' has incomplete content.{_expected(slots, position)}"
        )


def _place(slots: tuple[Slot, ...], position: int, name: str) -> int | None:
    """The slot where it may stand; None when it may not, or when one that must be there is missing before it."""
    for number, slot in enumerate(slots[position:], start=position):
        if name in slot.names:
            return number
        if slot.required:
            return None
    return None


def _expected(slots: tuple[Slot, ...], position: int) -> str:
    names: list[str] = []
    for slot in slots[position:]:
        names += slot.names
        if slot.required:
            break
    listed = f" List of possible elements expected: '{', '.join(names)}' in namespace '{NAMESPACE}'."
    return listed if names else ""


def _value(name: str, kind: str, value: Any) -> None:
    if kind == "any":
        return
    if kind in SEQUENCES:
        _complex(name, SEQUENCES[kind], value)
        return
    if isinstance(value, dict):
        raise Invalid(f"The element '{name}' in namespace '{NAMESPACE}' cannot contain child elements.")
    text = text_of(value)
    if kind.isdecimal() and len(text) > int(kind):
        raise _refused(name, text, "String", "The actual length is greater than the MaxLength value.")
    if kind == "numeric" and not re.fullmatch(r"[0-9]{1,18}", text):
        raise _refused(name, text, f"{NAMESPACE}:numericString", "The Pattern constraint failed.")
    if kind in ("boolean", "decimal", "dateTime") and not _is(kind, text):
        raise _refused(name, text, SIMPLE[kind], f"The string '{text}' is not a valid {SIMPLE[kind]} value.")


def _refused(name: str, value: str, datatype: str, reason: str) -> Invalid:
    where = f"The '{NAMESPACE}:{name}' element is invalid"
    return Invalid(f"{where} - The value '{value}' is invalid according to its datatype '{datatype}' - {reason}")


def _is(kind: str, text: str) -> bool:
    if kind == "boolean":
        return text in ("true", "false", "1", "0")
    try:
        return bool(datetime.fromisoformat(text)) if kind == "dateTime" else Decimal(text).is_finite()
    except (ValueError, InvalidOperation):
        return False


def text_of(value: Any) -> str:
    """A simple element's text, however the JSON has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def is_true(value: Any) -> bool:
    return text_of(value) in ("true", "1")
