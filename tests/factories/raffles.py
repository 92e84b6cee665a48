"""A shop that holds raffles: the club's gateway, clock and jobs, with raffles to create, sell, draw and cancel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from werkzeug.test import TestResponse

from local.simulators.authorizenet_book import CAPTURED, REFUND, REFUND_PENDING, REFUNDED, SETTLED
from shared.integrations.authorizenet import connect
from shared.integrations.drand import connect as connect_drand
from shared.platform.clock import wire_time
from shared.raffles.cancelling import Cancellations, Refunds
from shared.raffles.models import PAID, REFUNDING, RESERVED, Purchase, Raffle
from shared.raffles.ranges import numbers
from shared.raffles.repository import Raffles
from shared.raffles.sweeping import Sweep, Swept
from tests.factories.club import NEVER, TOPICS, Club
from tests.factories.tokens import bearer
from tests.factories.verifications import verify

RAFFLES = "/api/raffles"
RAFFLE_TOPICS = [*TOPICS, "raffle-events", "raffle-refunds", "verification-events"]
PRICE = 50_00


class Tombola(Club):
    """Draws are made with DRAW_ENTROPY=local, unless told otherwise. Customers are verified by `verify`."""

    topics = RAFFLE_TOPICS

    def admin(self, entry_point: str, method: str, path: str, **options: Any) -> TestResponse:
        headers = {**bearer("admin", "boss", exp=NEVER), **options.pop("headers", {})}
        return self.call(entry_point, method, path, headers=headers, **options)

    def create(self, **changes: Any) -> TestResponse:
        body = {
            "name": "Blue Dream $250K",
            "prize": "$250,000",
            "ticketPrice": 50,
            "maxTickets": 20,
            "drawDate": wire_time(self.now + timedelta(days=30)),
            **changes,
        }
        return self.admin("raffles_create", "POST", RAFFLES, json=body)

    def update(self, raffle_id: str, **changes: Any) -> TestResponse:
        return self.admin("raffles_update", "PUT", f"{RAFFLES}/{raffle_id}", json=changes)

    def active(self, **changes: Any) -> str:
        """A raffle on sale; its id."""
        created = self.create(**changes)
        assert created.status_code == 201, created.text
        raffle_id: str = (created.json or {})["raffle"]["id"]
        activated = self.update(raffle_id, status="active")
        assert activated.status_code == 200, activated.text
        return raffle_id

    def verify(self, *customers: str) -> None:
        for customer in customers:
            verify(self.platform, customer)

    def buy(
        self, raffle_id: str, customer: str, tickets: int = 1, token: str = "tok_visa", **options: Any
    ) -> TestResponse:
        body = {
            "customerId": customer,
            "customerEmail": f"{customer}@example.com",
            "customerName": "Ada Example",
            "numTickets": tickets,
            "paymentMethod": {"type": "card", "token": token},
            **options.pop("changes", {}),
        }
        return self.call("raffles_purchase", "POST", f"{RAFFLES}/{raffle_id}/purchase", json=body, **options)

    def show(self, raffle_id: str, what: str = "", **options: Any) -> TestResponse:
        """`what`: progress or audit, with a query; the raffle itself without."""
        name, _, query = what.partition("?")
        path = f"{RAFFLES}/{raffle_id}/{name}".rstrip("/") + (f"?{query}" if query else "")
        return self.call(f"raffles_{name or 'get'}", "GET", path, **options)

    def tickets(self, raffle_id: str, customer: str) -> TestResponse:
        return self.admin("raffles_tickets", "GET", f"{RAFFLES}/{raffle_id}/tickets/{customer}")

    def draw(self, raffle_id: str, **options: Any) -> TestResponse:
        return self.admin("raffles_draw", "POST", f"{RAFFLES}/{raffle_id}/draw", **options)

    def call_off(self, raffle_id: str, **body: Any) -> TestResponse:
        return self.admin("raffles_cancel", "DELETE", f"{RAFFLES}/{raffle_id}/cancel", json=body)

    # --- jobs

    def sweep(self) -> Swept:
        return Sweep.on(self.platform, connect, connect_drand).run()

    def refund(self) -> Refunds:
        return Cancellations.on(self.platform, connect).refund_everywhere(60)

    # --- what there is

    def raffle(self, raffle_id: str) -> Raffle:
        record = Raffles(self.platform).get(raffle_id)
        assert record is not None
        return record.raffle

    def purchases(self, raffle_id: str, *states: str) -> list[Purchase]:
        every = ("reserved", "paid", "released", "refunding", "refunded")
        return list(Raffles(self.platform).purchases_in(raffle_id, *(states or every)))

    def check(self, raffle_id: str) -> Raffle:
        """That nothing is lost and nothing doubled, at this moment: what a reader may rely on at any."""
        raffle = self.raffle(raffle_id)
        assert raffle.sold + raffle.reserved + raffle.remaining == raffle.max_tickets
        standing = [p for p in self.purchases(raffle_id) if p.state in (RESERVED, PAID, REFUNDING) or _kept(p, raffle)]
        taken = sorted(number for p in standing for number in (*numbers(p.paid), *numbers(p.bonus)))
        free = list(numbers(raffle.free))
        assert sorted((*taken, *free)) == list(range(1, raffle.max_tickets + 1)), "a number is lost or doubled"
        assert raffle.open == sum(p.state == RESERVED for p in standing)
        assert raffle.reserved == sum(p.tickets for p in standing if p.state == RESERVED)
        assert raffle.paid == sum(p.paid_tickets for p in standing if p.state != RESERVED)
        assert raffle.bonus == sum(p.bonus_tickets for p in standing if p.state != RESERVED)
        assert (raffle.status == "sold_out") <= (not raffle.free)
        return raffle

    def check_money(self, raffle_id: str) -> None:
        """Once nothing is under way any more: our money is the paid tickets', and the gateway's."""
        raffle = self.check(raffle_id)
        assert raffle.revenue == self.kept_cents(raffle_id)

    def kept_cents(self, raffle_id: str) -> int:
        """What the gateway holds for the raffle's charges: taken, less what was given back."""
        charges = {name: data for name, data in self.charges().items() if name.startswith(f"{raffle_id}:")}
        references = {reference for data in charges.values() for reference in data["references"]}
        ours = [found for found in self.gateway.transactions() if found["reference"] in references]
        return sum(signed(found) for found in ours)


def _kept(purchase: Purchase, raffle: Raffle) -> bool:
    """Whose money went back after sales had closed."""
    closed = raffle.closing is not None and raffle.status != "cancelled"
    return closed and purchase.state == "refunded" and purchase.updated_at > raffle.closing.at  # type: ignore[union-attr]


def signed(transaction: dict[str, Any]) -> int:
    """Cents that a transaction of the gateway's ledger has moved to us."""
    if transaction["type"] == REFUND:
        return -int(transaction["cents"]) if transaction["status"] in (REFUND_PENDING, REFUNDED) else 0
    return int(transaction["cents"]) if transaction["status"] in (CAPTURED, SETTLED) else 0


def numbers_of(answer: TestResponse) -> Sequence[int]:
    return [ticket["ticketNumber"] for ticket in (answer.json or {})["tickets"]]
