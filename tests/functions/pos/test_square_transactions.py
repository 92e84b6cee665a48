"""GET /api/square/transactions"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from shared.integrations.square_mock import PAYMENTS_A_DAY
from tests.factories.square_shop import WEEK, SquareShop
from tests.local.square_client import Client, newest

FIELDS = ["source", "totalRevenue", "transactionCount", "averageOrder", "recentTransactions"]


def payments(shop: SquareShop) -> list[dict[str, Any]]:
    """Those of the week by the simulator's own list, the newest first."""
    found = newest(Client(shop.square).payments(begin_time=WEEK[0], end_time=WEEK[1])).values()
    return sorted(sorted(found, key=lambda p: p["id"]), key=lambda p: p["created_at"], reverse=True)


def net(payment: dict[str, Any]) -> int:
    return payment["amount_money"]["amount"] - payment.get("refunded_money", {"amount": 0})["amount"]


def test_the_week_as_square_has_it(shop: SquareShop) -> None:
    answer = shop.transactions()
    cents, count = shop.week()
    body = answer.json
    assert answer.status_code == 200
    assert list(body) == FIELDS
    assert (body["source"], body["transactionCount"]) == ("square", count)
    assert body["totalRevenue"] == cents / 100
    average = (Decimal(cents) / count / 100).quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert body["averageOrder"] == float(average)
    assert f'"totalRevenue":{Decimal(cents).scaleb(-2)},' in answer.text
    completed = [payment for payment in payments(shop) if payment["status"] == "COMPLETED"]
    assert len(completed) == count < len(payments(shop))
    assert body["recentTransactions"] == [
        {"id": p["id"], "amount": net(p) / 100, "status": "COMPLETED", "created": p["created_at"]}
        for p in completed[:25]
    ]
    assert {p["location_id"] for p in completed} == {"LSIMMAIN00001", "LSIMNORTH0002"}


def test_a_week_of_store_days(shop: SquareShop) -> None:
    def add(created_at: str, location: str = "LSIMNORTH0002") -> str:
        return str(shop.square.add_payment(amount=1, created_at=created_at, location=location, silent=True)["id"])

    before = shop.week()
    outside = {add("2026-06-25T04:59:59.999Z"), add("2026-07-02T05:00:00.000Z")}
    add(WEEK[0])
    last = add("2026-07-02T04:59:59.999Z", "LSIMMAIN00001")
    body = shop.transactions().json
    assert (body["transactionCount"], body["totalRevenue"]) == (before[1] + 2, (before[0] + 2) / 100)
    assert body["recentTransactions"][0] == {
        "id": last,
        "amount": 0.01,
        "status": "COMPLETED",
        "created": "2026-07-02T04:59:59.999Z",
    }
    assert not outside & {sale["id"] for sale in body["recentTransactions"]}


def test_what_is_refunded_or_not_completed(shop: SquareShop) -> None:
    before = shop.week()
    sale = {"amount": 5000, "created_at": "2026-07-01T16:59:59.000Z", "silent": True}
    refunded = shop.square.add_payment(**sale)["id"]
    shop.square.change_payment(refunded, refund_cents=1234, silent=True)
    for status in ("APPROVED", "PENDING", "CANCELED", "FAILED"):
        shop.square.add_payment(**sale, status=status)
    body = shop.transactions().json
    assert (body["transactionCount"], body["totalRevenue"]) == (before[1] + 1, (before[0] + 3766) / 100)
    assert {s["id"]: s["amount"] for s in body["recentTransactions"]}[refunded] == 37.66
    shop.square.change_payment(refunded, status="FAILED", silent=True)
    shop.clock.advance(seconds=31)
    assert shop.transactions().json["transactionCount"] == before[1]


@pytest.mark.parametrize(("role", "status"), [("customer", 403), ("service", 200), ("admin", 200), ("", 401)])
def test_staff_only(shop: SquareShop, role: str, status: int) -> None:
    assert shop.transactions(role, SQUARE_ACCESS_TOKEN="").status_code == status


def test_one_read_serves_thirty_seconds(shop: SquareShop) -> None:
    first = shop.transactions()
    # The locations, and a page for each of them and each day.
    assert shop.asked() == 1 + 2 * 7
    known = shop.get("transactions", "service", {"If-None-Match": first.headers["ETag"]})
    assert (known.status_code, known.data) == (304, b"")
    assert (shop.transactions("admin").json, shop.asked()) == (first.json, 15)
    shop.clock.advance(seconds=31)
    later = shop.transactions()
    assert (later.headers["Age"], shop.asked()) == ("0", 30)


@pytest.mark.parametrize(
    ("traps", "sentence"),
    [
        ({"unauthorized": True}, "Square refuses the access token (UNAUTHORIZED)"),
        ({"forbidden": True}, "403 INSUFFICIENT_SCOPES"),
        ({"not_found": "/v2/payments"}, "404 NOT_FOUND"),
        ({"errors_5xx": 1}, "Square answered 50"),
        ({"burst_429": 1}, "Square answered 429"),
        ({"dropped": 1}, "Square gave no whole answer"),
        ({"empty_locations": True}, "Square lists no location"),
        ({"default_location_only": True}, "answered with location LSIMMAIN00001"),
        ({"garbage": 1}, "None of Square's payments can be read"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_without_square_it_is_502_and_nothing_old(shop: SquareShop, traps: dict[str, Any], sentence: str) -> None:
    assert shop.transactions().status_code == 200
    shop.clock.advance(seconds=31)
    shop.square.trap(**traps)
    answer = shop.transactions()
    message = answer.json["message"]
    assert sentence in message
    assert answer.status_code == 502
    assert answer.json == {
        "success": False,
        "source": "square",
        "error": "Square transactions unavailable",
        "message": message,
        "code": "square_unavailable",
        "requestId": answer.headers["X-Request-ID"],
    }
    assert (answer.headers["Cache-Control"], "ETag" in answer.headers) == ("no-store", False)
    # Nobody waits until it is asked again.
    shop.square.clear_traps()
    assert shop.transactions().status_code == 200


def test_what_an_honest_client_survives(shop: SquareShop) -> None:
    good = shop.transactions().json
    shop.square.trap(
        short_pages=True, unordered=True, duplicates=3, cursor_expiry=4, burst_429=9, errors_5xx=7, dropped=8
    )
    shop.clock.advance(seconds=31)
    assert shop.transactions().json == good


def test_payments_that_cannot_be_read_are_left_out(shop: SquareShop) -> None:
    _, count = shop.week()
    shop.square.trap(garbage=10)
    broken = shop.square.ledger("payments", *WEEK)["garbage"]
    completed = {
        p["id"]
        for p in Client(shop.square).payments(begin_time=WEEK[0])
        if p.get("status") == "COMPLETED" and "id" in p
    }
    body = shop.transactions().json
    assert broken
    assert count - len(broken) <= body["transactionCount"] < count
    assert {sale["id"] for sale in body["recentTransactions"]} <= completed - set(broken)


def test_a_week_without_sales(shop: SquareShop) -> None:
    shop.square.trap(empty="/v2/payments")
    assert shop.transactions().json == {
        "source": "square",
        "totalRevenue": 0.0,
        "transactionCount": 0,
        "averageOrder": 0.0,
        "recentTransactions": [],
    }


def test_without_a_token_it_is_made_up(shop: SquareShop) -> None:
    body = shop.transactions(SQUARE_ACCESS_TOKEN="").json
    # At noon of the last day, 17:00 in UTC, all five payments of that day are made.
    assert (body["source"], body["transactionCount"]) == ("mock", 7 * PAYMENTS_A_DAY)
    assert [sale["id"][:5] for sale in body["recentTransactions"]] == ["mock-"] * 25
    assert body == shop.transactions("admin", SQUARE_ACCESS_TOKEN="").json
    assert shop.asked() == 0


def test_in_production_nothing_is_made_up(shop: SquareShop) -> None:
    answer = shop.transactions(SQUARE_ACCESS_TOKEN="", ENVIRONMENT="production")
    assert (answer.status_code, answer.json["code"]) == (502, "square_unavailable")
    assert "SQUARE_ACCESS_TOKEN" in answer.json["message"]
