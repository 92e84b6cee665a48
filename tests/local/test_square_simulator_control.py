"""What a test does to the Square simulator's records, and the webhooks that tell it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from local.simulators.process import Simulator, SimulatorFailed
from local.simulators.webhooks import signature
from tests.e2e.stack import eventually
from tests.local.square_client import UNTIL, Client, Record, ids, ledger_tally, newest, tally

KEY = "made-up-signature-key"


@dataclass
class Receiver:
    """Keeps what arrives; answers with the next of `statuses`, then with 200."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def events(self) -> list[Record]:
        return [json.loads(body) for _, body in self.received]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(kept.statuses.pop(0) if kept.statuses else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_port}/api/square/webhook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def told(square: Simulator, receiver: Receiver) -> Receiver:
    """The simulator sends there."""
    square.send_webhooks_to(receiver.url, KEY)
    return receiver


def delivered(square: Simulator) -> list[Record]:
    """What was sent, when nothing is under way any more."""
    assert eventually(lambda: square.webhooks()["pending"] == 0)
    sent: list[Record] = square.webhooks()["sent"]
    return sent


def test_a_new_payment_is_the_newest(square: Simulator, client: Client) -> None:
    customer = client.all("customers", "/v2/customers")[3]["id"]
    made = square.add_payment(amount=4711, tip=100, customer_id=customer, source_type="CASH")
    assert client.get("/v2/payments", limit=1).json()["payments"] == [made]
    assert made["created_at"] == made["updated_at"] > UNTIL
    assert (made["customer_id"], made["total_money"]["amount"]) == (customer, 4811)
    order = client.post("/v2/orders/batch-retrieve", {"order_ids": [made["order_id"]]}).json()["orders"][0]
    assert sum(line["gross_sales_money"]["amount"] for line in order["line_items"]) == 4711
    late = square.add_payment(created_at="2026-06-02T15:00:00Z")
    assert late["created_at"] == "2026-06-02T15:00:00.000Z"
    assert late["id"] in ids(client.payments(updated_at_begin_time=UNTIL))
    assert tally(newest(client.payments())) == ledger_tally(square)


def test_refunds_status_changes_and_edits_behind_the_cursor(square: Simulator, client: Client) -> None:
    payment = next(p for p in client.payments() if p["status"] == "COMPLETED" and "refunded_money" not in p)
    once = square.change_payment(payment["id"], refund_cents=10)
    twice = square.change_payment(payment["id"], refund_cents=15, status="CANCELED")
    assert payment["updated_at"] < once["updated_at"] < twice["updated_at"]
    assert (twice["status"], twice["refunded_money"]["amount"], len(twice["refund_ids"])) == ("CANCELED", 25, 2)
    refunds = client.all("refunds", "/v2/refunds", begin_time=UNTIL)
    assert set(ids(refunds)) == set(twice["refund_ids"])
    with pytest.raises(SimulatorFailed, match="cents are left to refund"):
        square.change_payment(payment["id"], refund_cents=payment["total_money"]["amount"])

    behind = square.change_payment(payment["id"], status="FAILED", updated_at=payment["updated_at"])
    assert (behind["status"], behind["updated_at"]) == ("FAILED", payment["updated_at"])
    assert client.payments(updated_at_begin_time=UNTIL) == []
    assert tally(newest(client.payments())) == ledger_tally(square)


def test_a_payment_can_vanish(square: Simulator, client: Client) -> None:
    payment = client.payments()[0]["id"]
    square.delete_payment(payment)
    assert payment not in ids(client.payments())
    assert square.ledger("payments")["count"] == 419
    with pytest.raises(SimulatorFailed, match="There is no payment"):
        square.delete_payment(payment)


def test_items_and_customers_come_change_and_go(square: Simulator, client: Client) -> None:
    item = square.add("items", name='Thé "vert"', price_cents=1234)
    listed = {i["id"]: i for i in client.all("objects", "/v2/catalog/list", types="ITEM")}
    assert listed[item["id"]] == item
    assert square.ledger("items")["count"] == 131
    archived = square.change("items", item["id"], archived=True)
    assert archived["item_data"]["is_archived"]
    assert archived["version"] > item["version"]

    customer = square.add("customers", given_name="Zoë", email_address="zoe@example.com")
    changed = square.change("customers", customer["id"], family_name="Núñez")
    assert (changed["given_name"], changed["family_name"], changed["version"]) == ("Zoë", "Núñez", 1)
    assert client.get(f"/v2/customers/{customer['id']}").json()["customer"] == changed
    square.delete("customers", customer["id"])
    assert square.ledger("customers")["count"] == 130


def test_the_published_signature() -> None:
    assert (
        signature("asdf1234", "https://example.com/webhook", b'{"hello":"world"}')
        == "2kRE5qRU2tR+tBGlDwMEw2avJ7QM4ikPYD/PJ3bd9Og="
    )


def test_every_change_is_told_and_signed(square: Simulator, told: Receiver) -> None:
    made = square.add_payment()
    square.change_payment(made["id"], refund_cents=5)
    square.add("items")
    square.add_payment(silent=True)
    assert [(e["type"], e["status"], e["tries"]) for e in delivered(square)] == [
        ("payment.created", 200, 1),
        ("payment.updated", 200, 1),
        ("refund.created", 200, 1),
        ("refund.updated", 200, 1),
        ("catalog.version.updated", 200, 1),
    ]
    for headers, body in told.received:
        assert headers["x-square-hmacsha256-signature"] == signature(KEY, told.url, body)
        assert headers["square-environment"] == "Sandbox"
        assert "square-retry-number" not in headers
    created, updated, refund, _, catalog = told.events
    assert created["data"] == {"type": "payment", "id": made["id"], "object": {"payment": made}}
    assert created["location_id"] == made["location_id"]
    assert updated["data"]["object"]["payment"]["refunded_money"]["amount"] == 5
    assert refund["data"]["object"]["refund"]["payment_id"] == made["id"]
    assert catalog["data"]["object"].keys() == {"catalog_version"}
    assert len({event["event_id"] for event in told.events}) == 5


def test_a_refused_webhook_is_sent_three_times(square: Simulator, told: Receiver) -> None:
    told.statuses += [500, 404]
    square.add_payment()
    assert [(e["status"], e["tries"]) for e in delivered(square)] == [(200, 3)]
    assert [headers.get("square-retry-number") for headers, _ in told.received] == [None, "1", "2"]
    assert len({body for _, body in told.received}) == 1
    told.statuses += [500, 500, 500]
    square.add_payment()
    assert [(e["status"], e["tries"]) for e in delivered(square)][1:] == [(500, 3)]


def test_one_by_hand_again_and_later(square: Simulator, told: Receiver, client: Client) -> None:
    payment = client.payments()[0]["id"]
    square.send_webhook("payment.updated", payment, times=3, delay=0.05)
    assert [e["id"] for e in delivered(square)] == [payment] * 3
    assert len({body for _, body in told.received}) == 1
    with pytest.raises(SimulatorFailed, match="nothing to send"):
        square.send_webhook("payment.updated", "nobody")


def test_without_a_receiver_nothing_is_lost_but_the_webhook(square: Simulator) -> None:
    square.send_webhooks_to("http://127.0.0.1:9/api/square/webhook", KEY)
    square.add_payment()
    assert [(e["status"], e["tries"]) for e in delivered(square)] == [(0, 3)]
    square.send_webhooks_to("", "")
    square.add_payment()
    assert square.webhooks()["pending"] == 0
