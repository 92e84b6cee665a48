"""GET /v2/payments and /v2/refunds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from local.simulators import square_errors as errors
from local.simulators.database import Database, Row
from local.simulators.messages import Answer, Request
from local.simulators.square_pages import Listing, Pager
from local.simulators.square_shop import CUSTOMER, LOCATIONS, ORDER, PAYMENT, REFUND, SOURCES, Ids, wire
from local.simulators.traps import Traps

PAYMENT_COLUMNS = "number, location, created, updated, amount, tip, refunded, status, source, customer, refunds"
REFUND_COLUMNS = "number, payment, location, created, updated, amount, status, reason"
PAYMENT_QUERY = {
    "begin_time",
    "end_time",
    "sort_order",
    "cursor",
    "location_id",
    "total",
    "card_brand",
    "limit",
    "updated_at_begin_time",
    "updated_at_end_time",
    "sort_field",
}
REFUND_QUERY = {
    "begin_time",
    "end_time",
    "sort_order",
    "cursor",
    "location_id",
    "status",
    "limit",
    "updated_at_begin_time",
    "updated_at_end_time",
    "sort_field",
}
SORTS = {"CREATED_AT": "created", "UPDATED_AT": "updated"}
REASONS = ("Returned goods", "Accidental charge", "Canceled order", "Fraudulent charge")
CARD_STATUS = {"COMPLETED": "CAPTURED", "APPROVED": "AUTHORIZED", "PENDING": "AUTHORIZED", "CANCELED": "VOIDED"}
A_YEAR = 365 * 86_400_000


class SquarePayments:
    """`ids` is replaced when another data set is seeded."""

    def __init__(self, database: Database, traps: Traps, pager: Pager) -> None:
        self.ids = Ids(0)
        self._database = database
        self._traps = traps
        self._pager = pager

    def list_payments(self, request: Request) -> Answer:
        query = errors.query(request, PAYMENT_QUERY)
        listing = Listing("payments", PAYMENT_COLUMNS, self.payment, self._older_payment, edit=self._edit)
        location = query.get("location_id")
        if location is None or self._traps["default_location_only"]:
            location = LOCATIONS[0]
        listing.where("location = ?", _location(location))
        if "total" in query:
            listing.where("amount + tip = ?", errors.whole(query["total"], "total"))
        if "card_brand" in query:
            brands = [number for number, source in enumerate(SOURCES) if source[1] == query["card_brand"]]
            listing.where(f"source IN ({', '.join(map(str, brands))})")
        return self._page(request, query, listing, "payments")

    def get_payment(self, _: Request, payment_id: str) -> Answer:
        row = self.payment_row(payment_id)
        if row is None:
            errors.no_such("payment", payment_id)
        return Answer(200, f'{{"payment":{self.payment(row)}}}'.encode())

    def list_refunds(self, request: Request) -> Answer:
        query = errors.query(request, REFUND_QUERY)
        listing = Listing("refunds", REFUND_COLUMNS, self.refund, self._older_refund)
        if "location_id" in query:
            listing.where("location = ?", _location(query["location_id"]))
        if "status" in query:
            listing.where("status = ?", query["status"])
        return self._page(request, query, listing, "refunds")

    def get_refund(self, _: Request, refund_id: str) -> Answer:
        row = self.refund_row(refund_id)
        if row is None:
            errors.no_such("refund", refund_id)
        return Answer(200, f'{{"refund":{self.refund(row)}}}'.encode())

    def payment_row(self, payment_id: str) -> Row | None:
        number = self.ids.number(PAYMENT, payment_id)
        return self._database.row(f"SELECT {PAYMENT_COLUMNS} FROM payments WHERE number = ?", (number,))

    def refund_row(self, refund_id: str) -> Row | None:
        number = self.ids.number(REFUND, refund_id)
        return self._database.row(f"SELECT {REFUND_COLUMNS} FROM refunds WHERE number = ?", (number,))

    def _page(self, request: Request, query: dict[str, str], listing: Listing, name: str) -> Answer:
        sort = errors.choice(query.get("sort_field"), "sort_field", SORTS, "CREATED_AT")
        order = errors.choice(query.get("sort_order"), "sort_order", ("ASC", "DESC"), "DESC", "INVALID_SORT_ORDER")
        listing.sort, listing.descending = SORTS[sort], order == "DESC"
        begin, end = errors.span(query, "begin_time", "end_time")
        listing.between("created", self._pager.now() - A_YEAR if begin is None else begin, end)
        listing.between("updated", *errors.span(query, "updated_at_begin_time", "updated_at_end_time"))
        cursor = query.pop("cursor", None)
        page = self._pager.page(request, listing, errors.limit(query.get("limit"), 100), cursor, query)
        return Answer(200, page.body(name))

    def payment(self, row: Row) -> str:
        return self._on_the_wire(row[0], self.whole_payment(row))

    def _on_the_wire(self, number: int, text: str) -> str:
        """Broken when the trap says so."""
        if not self._traps.is_garbage(number):
            return text
        return json.dumps(_broken(json.loads(text), number // int(self._traps["garbage"])))

    def whole_payment(self, row: Row) -> str:
        number, location, created, updated, amount, tip, refunded, status, source, customer, refunds = row
        payment_id, done = self.ids.of(PAYMENT, number), status == "COMPLETED"
        short = payment_id[5:9]
        parts = [
            f'{{"id":"{payment_id}","created_at":"{wire(created)}","updated_at":"{wire(updated)}"',
            f'"amount_money":{_money(amount)},"total_money":{_money(amount + tip)},"status":"{status}"',
            '"delay_duration":"PT168H","delay_action":"CANCEL"',
            _source(number, SOURCES[source], status, amount + tip),
            f'"location_id":"{LOCATIONS[location]}","order_id":"{self.ids.of(ORDER, number)}"',
        ]
        if tip:
            parts.append(f'"tip_money":{_money(tip)}')
        if done:
            fee = (amount + tip) * 26 // 1000 + 10
            parts.append(f'"approved_money":{_money(amount + tip)},"receipt_number":"{short}"')
            parts.append(f'"receipt_url":"https://squareup.example.com/receipt/preview/{payment_id}"')
            parts.append(f'"processing_fee":[{{"type":"INITIAL","amount_money":{_money(fee)}}}]')
        if refunds:
            ids = ",".join(f'"{self.ids.of(REFUND, int(refund))}"' for refund in refunds.split(","))
            parts.append(f'"refunded_money":{_money(refunded)},"refund_ids":[{ids}]')
        if customer:
            parts.append(f'"customer_id":"{self.ids.of(CUSTOMER, customer)}"')
        parts.append('"application_details":{"square_product":"SQUARE_POS"}')
        return ",".join(parts) + f',"version_token":"{updated:x}{short}"}}'

    def _older_payment(self, row: Row) -> str:
        """Before its last change: another amount, nothing refunded."""
        number, location, created, updated, amount, tip, _, _, source, customer, _ = row
        before = max(created, updated - 60_000) if created < updated else updated - 1
        older = (number, location, created, before, amount + 1, tip, 0, "APPROVED", source, customer, "")
        return self._on_the_wire(number, self.whole_payment(older))

    def refund(self, row: Row) -> str:
        number, payment, location, created, updated, amount, status, reason = row
        return (
            f'{{"id":"{self.ids.of(REFUND, number)}","status":"{status}","location_id":"{LOCATIONS[location]}",'
            f'"payment_id":"{self.ids.of(PAYMENT, payment)}","order_id":"{self.ids.of(ORDER, payment)}",'
            f'"amount_money":{_money(amount)},"reason":"{REASONS[reason % len(REASONS)]}","unlinked":false,'
            f'"destination_type":"CARD","created_at":"{wire(created)}","updated_at":"{wire(updated)}"}}'
        )

    def _older_refund(self, row: Row) -> str:
        return self.refund((*row[:4], row[4] - 1, row[5], "PENDING", row[7]))

    def _edit(self, rows: Sequence[Row]) -> None:
        """Refund a dollar of one payment of the page, always the same one and only once, so that it comes to an end."""
        chosen = min((row[1:] for row in rows), key=lambda row: self.ids.of(PAYMENT, row[0]))
        with self._database.write() as connection:
            edited = "UPDATE payments SET edited = 1 WHERE number = ? AND edited = 0"
            if connection.execute(edited, (chosen[0],)).rowcount == 0:
                return
        self.change(chosen[0], refund=100 if chosen[4] - chosen[6] >= 100 and chosen[7] == "COMPLETED" else 0)

    def change(self, number: int, *, status: str = "", refund: int = 0, updated: int | None = None) -> int | None:
        """Change a payment now, or as if it had been at `updated`. The number of the refund that was made."""
        now, made = self._pager.now(), None
        with self._database.write() as connection:
            if refund:
                made = connection.execute(
                    "INSERT INTO refunds (payment, location, created, updated, amount, status, reason, touched) "
                    "SELECT number, location, ?1, ?1, ?2, 'COMPLETED', 0, ?3 FROM payments WHERE number = ?4",
                    (now if updated is None else updated, refund, now, number),
                ).lastrowid
            connection.execute(
                "UPDATE payments SET updated = coalesce(?1, max(?2, updated + 1)), touched = ?2, "
                "status = coalesce(?3, status), refunded = refunded + ?4, "
                "refunds = CASE WHEN ?5 IS NULL THEN refunds WHEN refunds = '' THEN ?5 ELSE refunds || ',' || ?5 END "
                "WHERE number = ?6",
                (updated, now, status or None, refund, None if made is None else str(made), number),
            )
        return made


def _location(location_id: str) -> int:
    if location_id not in LOCATIONS:
        # What Square answers is not documented; a 404 here lets no typing mistake pass as an empty list.
        errors.no_such("location", location_id)
    return LOCATIONS.index(location_id)


def _money(cents: int) -> str:
    return f'{{"amount":{cents},"currency":"USD"}}'


def _source(number: int, source: tuple[str, str, str], status: str, total: int) -> str:
    kind, brand, entry = source
    if kind == "CASH":
        return f'"source_type":"CASH","cash_details":{{"buyer_supplied_money":{_money(total)}}}'
    if kind == "WALLET":
        return f'"source_type":"WALLET","wallet_details":{{"status":"{CARD_STATUS.get(status, "FAILED")}"}}'
    return (
        f'"source_type":"CARD","card_details":{{"status":"{CARD_STATUS.get(status, "FAILED")}","card":{{"card_brand":'
        f'"{brand}","last_4":"{number * 7919 % 10_000:04}","exp_month":{number % 12 + 1},"exp_year":2029,'
        f'"card_type":"CREDIT","prepaid_type":"NOT_PREPAID","bin":"400000"}},"entry_method":"{entry}",'
        f'"cvv_status":"CVV_ACCEPTED","avs_status":"AVS_ACCEPTED"}}'
    )


def _broken(payment: dict[str, Any], kind: int) -> dict[str, Any]:
    """No client can make a row of it."""
    if kind % 4 == 0:
        payment["amount_money"]["amount"] = f"{payment['amount_money']['amount'] / 100:.2f} USD"
    elif kind % 4 == 1:
        del payment["id"]
    elif kind % 4 == 2:
        payment["created_at"] = None
    else:
        payment["amount_money"] = "a string"
    return payment
