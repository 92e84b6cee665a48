"""What Authorize.Net tells of its transactions. Declined and voided ones are in no list, only in the details."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from local.simulators.authorizenet_account import DAY, batch_of, cut_off_of, dollars, local, utc
from local.simulators.authorizenet_answers import NOT_FOUND, REASONS, SAID, Content, Failed, Result, profile_of
from local.simulators.authorizenet_book import (
    IN_BATCH,
    IN_REVIEW,
    REFUND,
    REFUSED,
    SETTLED,
    UNSETTLED,
    VOIDED,
    Book,
    Entry,
)
from local.simulators.authorizenet_schema import is_true
from local.simulators.square_shop import milliseconds

ORDERS = {"id": "id", "submitTimeUTC": "submitted"}
LONGEST_PAGE, MOST_PAGES = 1000, 100_000
LONGEST_SPAN = timedelta(days=31)
ABOUT = {"marketType": "eCommerce", "product": "Card Not Present"}


class Reports:
    def __init__(self, book: Book) -> None:
        self._book = book

    def details(self, content: Content) -> Result:
        entry = self._book.entry(content["transId"])
        if entry is None:
            raise Failed(NOT_FOUND)
        refunds = {"refTransId": str(entry.refunds)} if entry.refunds else {}
        ref_id = {"transrefId": entry.ref_id} if entry.ref_id else {}
        kept = 0 if entry.status in (VOIDED, REFUSED) else entry.cents
        return Result(
            {
                "transaction": {
                    "transId": str(entry.id),
                    **refunds,
                    "submitTimeUTC": utc(entry.submitted),
                    "submitTimeLocal": local(entry.submitted),
                    "transactionType": entry.type,
                    "transactionStatus": entry.status,
                    "responseCode": entry.response,
                    "responseReasonCode": int(entry.reason),
                    "responseReasonDescription": REASONS.get(entry.reason) or SAID.get(entry.reason, ""),
                    "authCode": entry.auth_code,
                    "AVSResponse": "Y",
                    **({"batch": _batch(entry.batch)} if entry.batch else {}),
                    **_order(entry),
                    "authAmount": dollars(entry.cents),
                    "settleAmount": dollars(kept),
                    "taxExempt": False,
                    "payment": {"creditCard": _card(entry)},
                    **({"customer": dict(entry.customer)} if entry.customer else {}),
                    **({"billTo": dict(entry.bill_to)} if entry.bill_to else {}),
                    "recurringBilling": False,
                    **ABOUT,
                    **profile_of(entry),
                    "networkTransId": f"N{entry.id}",
                },
                **ref_id,
            }
        )

    def unsettled(self, content: Content) -> Result:
        pending = content.get("status") == "pendingApproval"
        statuses = (IN_REVIEW,) if pending else UNSETTLED
        return self._page(content, f"status IN ({', '.join('?' * len(statuses))})", statuses)

    def batch(self, content: Content) -> Result:
        if "batchId" not in content:
            raise Failed("E00013", "batchId is invalid.")
        return self._page(content, "batch = ? AND status IN (?, ?)", (int(content["batchId"]), *IN_BATCH))

    def batches(self, content: Content) -> Result:
        """Of the last 24 hours without dates."""
        first, last = (_moment(content.get(name)) for name in ("firstSettlementDate", "lastSettlementDate"))
        if (first is None) != (last is None):
            raise Failed("E00013", "FirstSettlementDate and LastSettlementDate must be used together.")
        if first is None or last is None:
            last = self._book.today()
            first = last - timedelta(days=1)
        if last < first or last - first > LONGEST_SPAN:
            raise Failed("E00013", "The date range is invalid: it may not exceed 31 days.")
        # A batch is settled at its turn of the day: those whose turn is in the span.
        found = self._book.batches(batch_of(milliseconds(first) - DAY), batch_of(milliseconds(last)))
        start, end = milliseconds(first), milliseconds(last)
        listed = [_batch(batch) for batch in found if start <= cut_off_of(batch) <= end]
        if is_true(content.get("includeStatistics")):
            listed = [{**batch, "statistics": self._statistics(int(batch["batchId"]))} for batch in listed]
        return Result({"batchList": listed}) if listed else Result(code="I00004")

    def _page(self, content: Content, where: str, parameters: tuple[Any, ...]) -> Result:
        paging, sorting = content.get("paging") or {}, content.get("sorting") or {}
        limit, page = int(paging.get("limit", LONGEST_PAGE)), int(paging.get("offset", 1))
        if not 1 <= limit <= LONGEST_PAGE:
            raise Failed("E00013", "Paging Limit is invalid.")
        if not 1 <= page <= MOST_PAGES:
            raise Failed("E00013", "Paging Offset is invalid.")
        way = "DESC" if is_true(sorting.get("orderDescending")) else "ASC"
        order = f"{ORDERS.get(str(sorting.get('orderBy')), 'id')} {way}, id {way}"
        total = self._book.count(where, parameters)
        if not total:
            return Result({"totalNumInResultSet": 0}, "I00004")
        span = (*parameters, limit, limit * (page - 1))
        found = self._book.entries(f"{where} ORDER BY {order} LIMIT ? OFFSET ?", span)
        return Result({"transactions": [_summary(entry) for entry in found], "totalNumInResultSet": total})

    def _statistics(self, batch: int) -> list[Content]:
        found: dict[str, Content] = {}
        for entry in self._book.entries("batch = ? AND status IN (?, ?)", (batch, *IN_BATCH)):
            empty = {"accountType": entry.card.brand, "chargeAmount": 0.0, "chargeCount": 0}
            row = found.setdefault(entry.card.brand, {**empty, "refundAmount": 0.0, "refundCount": 0})
            kind = "refund" if entry.type == REFUND else "charge"
            row[f"{kind}Amount"] = round(row[f"{kind}Amount"] + dollars(entry.cents), 2)
            row[f"{kind}Count"] += 1
        return list(found.values())


def _summary(entry: Entry) -> Content:
    name = {part: entry.bill_to[part] for part in ("firstName", "lastName") if entry.bill_to.get(part)}
    return {
        "transId": str(entry.id),
        "submitTimeUTC": utc(entry.submitted // 1000 * 1000),
        "submitTimeLocal": local(entry.submitted),
        "transactionStatus": entry.status,
        **({"invoiceNumber": entry.reference} if entry.reference else {}),
        **name,
        "accountType": entry.card.brand,
        "accountNumber": entry.card.masked,
        "settleAmount": dollars(entry.cents),
        **ABOUT,
        "hasReturnedItemsSpecified": False,
        **profile_of(entry),
    }


def _order(entry: Entry) -> Content:
    order = {"invoiceNumber": entry.reference, "description": entry.description}
    found = {name: text for name, text in order.items() if text}
    return {"order": found} if found else {}


def _card(entry: Entry) -> Content:
    return {"cardNumber": entry.card.masked, "expirationDate": "XXXX", "cardType": entry.card.brand}


def _batch(batch: int) -> Content:
    moment = cut_off_of(batch)
    return {
        "batchId": str(batch),
        "settlementTimeUTC": utc(moment),
        "settlementTimeUTCSpecified": True,
        "settlementTimeLocal": local(moment),
        "settlementTimeLocalSpecified": True,
        "settlementState": SETTLED,
        "paymentMethod": "creditCard",
        **ABOUT,
    }


def _moment(text: Any) -> datetime | None:
    if text is None:
        return None
    found = datetime.fromisoformat(str(text))
    return found if found.tzinfo else found.replace(tzinfo=UTC)
