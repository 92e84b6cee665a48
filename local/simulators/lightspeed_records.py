"""Lightspeed's records as it sends them: every scalar is text, and a relation with one child holds no list but it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

# Money is exact in hundred-thousandths of a dollar: line totals have five places.
UNITS_A_DOLLAR = 100_000
UNITS_A_CENT = 1_000
GIVEN = ("Ada", "Grace", "José", "Zoë", "Nguyễn", "O'Neil", "Marie-Ève", "Linus")
FAMILY = ("Example", "Sample", "Muster", "Façade", "Ångström", "Doe")
Record = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Sale:
    """What a sale is made of. Times are seconds since 1970; `lines` are (item, price in units, count)."""

    number: int
    made: int
    stamp: int
    updated: int
    shop: int = 1
    customer: int = 0
    status: str = "completed"
    archived: bool = False
    lines: tuple[tuple[int, int, int], ...]
    refund: bool = False
    discount_percent: int = 0
    second_tax: bool = False

    @property
    def sign(self) -> int:
        return -1 if self.refund else 1


def sale_record(sale: Sale) -> Record:
    """Refunds are negative. There is no `calcTax`, and `updatetime` is all lower case."""
    subtotal = sale.sign * sum(price * count for _, price, count in sale.lines)
    discount = subtotal * sale.discount_percent // 100
    tax1 = rounded((subtotal - discount) * 825, 10_000)
    tax2 = rounded((subtotal - discount) * 2, 100) if sale.second_tax else 0
    total = subtotal - discount + tax1 + tax2
    completed = sale.status != "open"
    return {
        "saleID": str(sale.number),
        "timeStamp": stamp_of(sale.stamp),
        "completed": truth(completed),
        "archived": truth(sale.archived),
        "voided": truth(sale.status == "voided"),
        "enablePromotions": "true",
        "isTaxInclusive": "false",
        "createTime": stamp_of(sale.made),
        "updatetime": stamp_of(sale.updated),
        **({"completeTime": stamp_of(sale.stamp)} if completed else {}),
        "referenceNumber": "",
        "referenceNumberSource": "",
        "tax1Rate": "0.0825",
        "tax2Rate": "0.02" if sale.second_tax else "0",
        "change": "0",
        "tipEnabled": "false",
        "ticketNumber": f"2200{sale.number:08}",
        "calcDiscount": money(discount),
        "calcTotal": money(total),
        "calcSubtotal": money(subtotal),
        "calcTaxable": money(subtotal - discount),
        "calcNonTaxable": "0",
        "calcTax1": money(tax1),
        "calcTax2": money(tax2),
        "calcPayments": money(total if completed else 0),
        "calcTips": "0",
        "total": money(total),
        "totalDue": money(total),
        "displayableTotal": money(total),
        "balance": money(0 if completed else total),
        "customerID": str(sale.customer),
        "discountID": "0",
        "employeeID": "1",
        "quoteID": "0",
        "registerID": str(sale.shop),
        "shipToID": "0",
        "shopID": str(sale.shop),
        "taxCategoryID": "0",
        "taxTotal": money(tax1 + tax2),
    }


def sale_relations(sale: Sale) -> Record:
    """Those that `load_relations` may ask for."""
    lines = [
        {
            "saleLineID": f"{sale.number * 10 + position}",
            "saleID": str(sale.number),
            "itemID": str(item),
            "unitQuantity": str(sale.sign * count),
            "unitPrice": money(price),
            "calcSubtotal": money(sale.sign * price * count),
            "createTime": stamp_of(sale.made),
            "timeStamp": stamp_of(sale.stamp),
        }
        for position, (item, price, count) in enumerate(sale.lines)
    ]
    paid = [] if sale.status == "open" else [{"salePaymentID": str(sale.number), "saleID": str(sale.number)}]
    return {"SaleLines": children("SaleLine", lines), "SalePayments": children("SalePayment", paid)}


def item_record(number: int, made: int, stamp: int, cents: int, category: int) -> Record:
    return {
        "itemID": str(number),
        "systemSku": f"2100{number:08}",
        "defaultCost": money(cents * UNITS_A_CENT * 4 // 10),
        "avgCost": money(cents * UNITS_A_CENT * 41 // 100),
        "discountable": "true",
        "tax": "true",
        "archived": truth(number % 25 == 3),
        "itemType": "non_inventory" if number % 20 == 7 else "default",
        "serialized": "false",
        "description": f"Item {number} – “déjà vu”" if number % 10 == 0 else f"Item {number}",
        "modelYear": "0",
        "upc": "",
        "ean": "",
        "customSku": f"SKU-{number:04}",
        "manufacturerSku": "",
        "createTime": stamp_of(made),
        "timeStamp": stamp_of(stamp),
        "publishToEcom": "false",
        "categoryID": str(category),
        "taxClassID": "1",
        "departmentID": "0",
        "itemMatrixID": "0",
        "manufacturerID": "0",
        "seasonID": "0",
        "defaultVendorID": "0",
        "Prices": prices(number, money(cents * UNITS_A_CENT)),
    }


def prices(number: int, amount: str) -> Any:
    default = {"amount": amount, "useTypeID": "1", "useType": "Default"}
    return children("ItemPrice", [default] if number % 4 == 0 else [default, {**default, "useType": "MSRP"}])


def web_shop_record(number: int) -> Record | str:
    """The relation ItemECommerce; a third of the items is not in the web shop."""
    if number % 3 == 0:
        return ""
    return {"itemECommerceID": str(number), "longDescription": f'All about item {number}.\n"Good".', "weight": "0"}


def customer_record(number: int, made: int, stamp: int) -> Record:
    return {
        "customerID": str(number),
        "firstName": GIVEN[number % len(GIVEN)],
        "lastName": FAMILY[number % len(FAMILY)],
        "title": "",
        "company": "",
        "createTime": stamp_of(made),
        "timeStamp": stamp_of(stamp),
        "archived": truth(number % 30 == 11),
        "contactID": str(number),
        "customerTypeID": "0",
        "discountID": "0",
        "taxCategoryID": "0",
    }


def contact_record(number: int, stamp: int) -> Record:
    """Of three customers one has no e-mail, one has one (no list), one has two; phones likewise."""
    emails = [{"address": f"customer{number}.{n}@example.com", "useType": "Primary"} for n in range(number % 3)]
    phones = [{"number": f"512-555-{number % 100:02}{n:02}", "useType": "Mobile"} for n in range((number + 1) % 3)]
    return {
        "contactID": str(number),
        "custom": "",
        "noEmail": "false",
        "noPhone": "false",
        "noMail": "false",
        "Emails": children("ContactEmail", emails),
        "Phones": children("ContactPhone", phones),
        "timeStamp": stamp_of(stamp),
    }


def children(kind: str, found: Sequence[Any]) -> Any:
    """A relation: of one child there is no list, of none there is an empty text."""
    return {kind: found[0] if len(found) == 1 else list(found)} if found else ""


def money(units: int) -> str:
    """Dollars with as many places as it takes: "280", "75.032", "51.73875"."""
    whole, rest = divmod(abs(units), UNITS_A_DOLLAR)
    places = f".{rest:05}".rstrip("0").rstrip(".")
    return f"{'-' if units < 0 else ''}{whole}{places}"


def cents_of(dollars: str) -> int:
    return rounded(int(Decimal(dollars) * UNITS_A_DOLLAR), UNITS_A_CENT)


def rounded(number: int, by: int) -> int:
    """`number` / `by`, half up, away from zero."""
    found = (2 * abs(number) + by) // (2 * by)
    return -found if number < 0 else found


def truth(value: Any) -> str:
    return "true" if value else "false"


def stamp_of(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def seconds_of(stamp: str) -> int:
    """Raises ValueError, also for a time without its zone."""
    found = datetime.fromisoformat(stamp)
    if found.tzinfo is None:
        raise ValueError(stamp)
    return int(found.timestamp())


def dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
