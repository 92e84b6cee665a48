"""Square: locations, payments, refunds, orders, catalogue, customers, stock. See square_payments.py and its neighbours.

Stricter than the real API where that shows a client's mistake: `Square-Version` must be sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from local.simulators import square_errors as errors
from local.simulators.database import Database
from local.simulators.messages import Answer, Refused, Request, Wrong
from local.simulators.provider import Parameters, Provider, Route
from local.simulators.square_catalog import SquareCatalog
from local.simulators.square_customers import SquareCustomers
from local.simulators.square_ledger import STREAMS, SquareLedger
from local.simulators.square_orders import SquareOrders
from local.simulators.square_pages import Pager
from local.simulators.square_payments import SquarePayments
from local.simulators.square_record_controls import RecordControls
from local.simulators.square_sale_controls import SaleControls
from local.simulators.square_seed import TABLES, SquareSeed
from local.simulators.square_shop import LOCATION_NAMES, LOCATIONS, MERCHANT, TIMEZONE, TOKEN, Ids
from local.simulators.traps import Strike, Traps
from local.simulators.webhooks import Webhooks
from shared.platform.clock import Clock

VERSIONS = {
    "2024-05-15",
    "2024-06-04",
    "2024-07-17",
    "2025-08-20",
    "2026-01-22",
    "2026-04-21",
    "2026-05-20",
    "2026-07-15",
    "2026-08-19",
    "2026-09-16",
}


class SquareProvider(Provider):
    name = "square"
    parameters: ClassVar = {"payments": 100_184, "customers": 1_732, "items": 500, "days": 730, "seed": 1}
    streams = STREAMS
    tables = TABLES
    prefixes = ("/v2/", "/oauth2/")
    own_traps: ClassVar[Mapping[str, str]] = {
        "default_location_only": "location_id is ignored: payments are those of the main location",
        "empty_locations": "there is no location",
        "errors_in_200": "a list is a 200 with `errors` and no records; a text is the beginning of the paths",
    }

    def __init__(self, database: Database, traps: Traps, clock: Clock) -> None:
        super().__init__(database, traps, clock)
        pager = Pager(database, traps, clock)
        self._payments = SquarePayments(database, traps, pager)
        self._orders = SquareOrders(database, pager)
        self._catalog = SquareCatalog(database, traps, pager)
        self._customers = SquareCustomers(database, pager)
        self._ledger = SquareLedger(database, traps, self._orders, self._catalog)
        webhooks = Webhooks(database, clock)
        self._sale_controls = SaleControls(database, pager, webhooks, self._payments)
        self._record_controls = RecordControls(database, pager, webhooks, self._catalog, self._customers)
        self._token: str = database.kept("token", TOKEN)

    @classmethod
    def environment(cls, url: str) -> dict[str, str]:
        return {"SQUARE_URL": url, "SQUARE_ACCESS_TOKEN": TOKEN}

    def seed(self, parameters: Parameters) -> None:
        SquareSeed(self.database, parameters).fill()

    def seeded(self, parameters: Parameters) -> None:
        ids = Ids(parameters["seed"])
        for part in (self._payments, self._orders, self._catalog, self._customers, self._ledger):
            part.ids = ids
        self._orders.items = parameters["items"]

    def routes(self) -> Sequence[Route]:
        return [
            ("GET", "/v2/locations", self._list_locations),
            ("GET", "/v2/payments", self._payments.list_payments),
            ("GET", "/v2/payments/{payment_id}", self._payments.get_payment),
            ("GET", "/v2/refunds", self._payments.list_refunds),
            ("GET", "/v2/refunds/{refund_id}", self._payments.get_refund),
            ("POST", "/v2/orders/search", self._orders.search),
            ("POST", "/v2/orders/batch-retrieve", self._orders.retrieve),
            ("GET", "/v2/catalog/list", self._catalog.list_objects),
            ("POST", "/v2/catalog/search", self._catalog.search_objects),
            ("POST", "/v2/customers/search", self._customers.search),
            ("GET", "/v2/customers", self._customers.list_customers),
            ("GET", "/v2/customers/{customer_id}", self._customers.get_customer),
            ("POST", "/v2/inventory/counts/batch-retrieve", self._catalog.stock),
        ]

    def controls(self) -> Sequence[Route]:
        return [("POST", "/token", self._replace_token), *self._sale_controls.routes(), *self._record_controls.routes()]

    def admit(self, request: Request) -> None:
        if request.bearer != self._token:
            raise Refused(errors.refusal(Strike("unauthorized")))
        version = request.headers.get("square-version", "")
        if version not in VERSIONS:
            errors.refuse("INVALID_SQUARE_VERSION_FORMAT", f"'{version}' is no published version.", "Square-Version")

    def finish(self, request: Request, answer: Answer) -> None:
        if answer.status < 400:
            answer.headers["Square-Version"] = request.headers.get("square-version", "")

    def refusal(self, strike: Strike) -> Answer:
        return errors.refusal(strike)

    def ledger(self, stream: str, start: datetime | None, end: datetime | None) -> dict[str, Any]:
        return self._ledger.of(stream, start, end)

    def counts(self) -> dict[str, int]:
        sql = "SELECT count(*) FROM "
        tables = ("payments", "refunds", "customers", "catalog WHERE type = 'ITEM' AND deleted = 0")
        found = [self.database.rows(sql + table)[0][0] for table in tables]
        return dict(zip(("payments", "refunds", "customers", "items"), found, strict=True))

    def _list_locations(self, request: Request) -> Answer:
        errors.query(request, ())
        if self.traps["empty_locations"] or self.traps.covers("empty", request.path):
            return Answer.json(200, {})
        about = {"timezone": TIMEZONE, "status": "ACTIVE", "merchant_id": MERCHANT, "country": "US", "currency": "USD"}
        found = [
            {"id": location, "name": name, "type": "PHYSICAL", "language_code": "en-US", **about}
            for location, name in zip(LOCATIONS, LOCATION_NAMES, strict=True)
        ]
        return Answer.json(200, {"locations": found})

    def _replace_token(self, request: Request) -> Answer:
        token = request.object().get("token")
        if not isinstance(token, str) or not token:
            raise Wrong('Send {"token": "..."}.')
        self.database.keep("token", token)
        self._token = token
        return Answer.json(200, {})
