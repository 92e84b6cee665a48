"""The Square simulator's lists: paging, filters, cursors, and that they show exactly what the ledger counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests

from local.simulators.process import Simulator
from local.simulators.square_shop import LOCATIONS, TIMEZONE
from tests.local.square_client import (
    BEGINNING,
    HEADERS,
    UNTIL,
    Client,
    CursorExpired,
    amount,
    error_of,
    ids,
    ledger_places,
    ledger_tally,
    newest,
    places,
    tally,
)

MAIN, NORTH = LOCATIONS
MIDDLE = "2026-06-01T12:34:56.789Z"


def test_payments_are_exactly_as_many_as_wanted_and_the_ledgers(square: Simulator, client: Client) -> None:
    found = client.payments()
    assert len(found) == len(newest(found)) == 420
    assert tally(newest(found)) == ledger_tally(square)
    assert places(found, amount) == ledger_places(square, "payments")
    start, end = datetime.fromisoformat(UNTIL) - timedelta(days=60), datetime.fromisoformat(UNTIL)
    created = [datetime.fromisoformat(payment["created_at"]) for payment in found]
    assert all(start <= moment < end for moment in created)
    assert {moment.astimezone(ZoneInfo(TIMEZONE)).hour for moment in created} <= set(range(10, 21))


def test_payments_look_like_a_shops(square: Simulator, client: Client) -> None:
    square.seed(payments=4000, days=30, until=UNTIL)
    found = client.payments()
    share = {
        "main": sum(p["location_id"] == MAIN for p in found),
        "completed": sum(p["status"] == "COMPLETED" for p in found),
        "refunded": sum("refunded_money" in p for p in found),
        "customer": sum("customer_id" in p for p in found),
        "tipped": sum("tip_money" in p for p in found),
    }
    for name, low, high in (
        ("main", 0.65, 0.75),
        ("completed", 0.94, 0.98),
        ("refunded", 0.01, 0.03),
        ("customer", 0.33, 0.45),
        ("tipped", 0.08, 0.16),
    ):
        assert low < share[name] / 4000 < high, name
    assert {p["source_type"] for p in found} == {"CARD", "CASH", "WALLET"}
    assert {p["status"] for p in found} == {"COMPLETED", "CANCELED", "FAILED", "APPROVED", "PENDING"}
    assert all(p["created_at"] > "2026-06-28" for p in found if p["status"] in ("APPROVED", "PENDING"))
    assert all(
        p["total_money"]["amount"] == amount(p) + p.get("tip_money", {"amount": 0})["amount"]
        and p["created_at"] <= p["updated_at"] < UNTIL
        and ("receipt_url" in p) == (p["status"] == "COMPLETED")
        for p in found
    )
    late = [p for p in found if p["updated_at"][:10] > p["created_at"][:10]]
    assert all("refunded_money" in p for p in late if p["created_at"] < "2026-06-29")
    assert late


def test_refunds_belong_to_their_payments(square: Simulator, client: Client) -> None:
    square.seed(payments=4000, until=UNTIL)
    refunds = client.all("refunds", "/v2/refunds")
    payments = newest(client.payments())
    assert len(refunds) == square.ledger("refunds")["count"] > 40
    for payment in payments.values():
        own = [r for r in refunds if r["payment_id"] == payment["id"]]
        assert sorted(payment.get("refund_ids", [])) == sorted(ids(own))
        cents = sum(r["amount_money"]["amount"] for r in own)
        assert payment.get("refunded_money", {"amount": 0})["amount"] == cents <= payment["total_money"]["amount"]
        assert all(r["location_id"] == payment["location_id"] and r["created_at"] > payment["created_at"] for r in own)
    assert ledger_tally(square)[2] == square.ledger("refunds")["cents"]
    one = client.get(f"/v2/refunds/{refunds[0]['id']}").json()["refund"]
    assert one == refunds[0]
    assert ids(client.all("refunds", "/v2/refunds", location_id=NORTH)) == [
        r["id"] for r in refunds if r["location_id"] == NORTH
    ]
    assert client.get("/v2/refunds", status="REJECTED").json() == {}


@pytest.mark.parametrize("size", [1, 7, 100])
@pytest.mark.parametrize("order", ["ASC", "DESC"])
@pytest.mark.parametrize(("sort", "column"), [("CREATED_AT", "created_at"), ("UPDATED_AT", "updated_at")])
def test_pages_of_any_size_are_in_order_and_whole(
    client: Client, size: int, order: str, sort: str, column: str
) -> None:
    asked = {"begin_time": "2026-06-20T00:00:00Z", "sort_field": sort, "sort_order": order, "location_id": MAIN}
    found = client.all("payments", "/v2/payments", limit=size, **asked)
    every = [p for p in client.payments() if p["location_id"] == MAIN and p["created_at"] >= "2026-06-20"]
    assert [p[column] for p in found] == sorted((p[column] for p in every), reverse=order == "DESC")
    assert sorted(ids(found)) == sorted(ids(every))
    sizes = [len(page) for page in client.pages("payments", "/v2/payments", limit=size, **asked)]
    assert all(n == size for n in sizes[:-1])


def test_filters_begin_with_and_end_before(client: Client) -> None:
    every = sorted(client.payments(), key=lambda p: str(p["created_at"]))
    edge = every[200]["created_at"]
    before = client.payments(end_time=edge)
    after = client.payments(begin_time=edge)
    assert sorted(ids(before)) == sorted(p["id"] for p in every if p["created_at"] < edge)
    assert sorted(ids(after)) == sorted(p["id"] for p in every if p["created_at"] >= edge)
    changed = client.payments(updated_at_begin_time=edge, updated_at_end_time=UNTIL)
    assert sorted(ids(changed)) == sorted(p["id"] for p in every if p["updated_at"] >= edge)
    both = client.payments(updated_at_begin_time=MIDDLE, end_time=MIDDLE)
    assert sorted(ids(both)) == sorted(p["id"] for p in every if p["updated_at"] >= MIDDLE > p["created_at"])
    assert ids(client.payments(total=every[0]["total_money"]["amount"], end_time=every[1]["created_at"])) == [
        every[0]["id"]
    ]
    visa = client.payments(card_brand="VISA")
    assert visa
    assert all(p["card_details"]["card"]["card_brand"] == "VISA" for p in visa)


def test_offsets_and_fractions_of_a_millisecond_are_read_right(client: Client) -> None:
    edge = sorted(p["created_at"] for p in client.payments())[100]
    east = datetime.fromisoformat(edge).astimezone(ZoneInfo("Asia/Tokyo")).isoformat()
    later = edge.replace("Z", "001Z")
    assert ids(client.payments(begin_time=east)) == ids(client.payments(begin_time=edge))
    assert len(client.payments(begin_time=later)) == len(client.payments(begin_time=edge)) - 1


def test_without_a_location_it_is_the_main_one_and_without_a_begin_the_last_year(
    square: Simulator, client: Client
) -> None:
    assert {p["location_id"] for p in client.all("payments", "/v2/payments")} == {MAIN}
    square.seed(days=730, until=UNTIL)
    recent = client.all("payments", "/v2/payments")
    assert min(p["created_at"] for p in recent) >= "2025-07-01"
    assert len(recent) < len(client.all("payments", "/v2/payments", begin_time=BEGINNING))


def test_nothing_found_is_an_answer_without_the_key(client: Client) -> None:
    assert client.get("/v2/payments", begin_time=UNTIL).json() == {}
    assert client.get("/v2/payments", begin_time=UNTIL).headers["Square-Version"] == "2026-09-16"


def test_one_payment(client: Client) -> None:
    listed = client.payments()[5]
    assert client.get(f"/v2/payments/{listed['id']}").json() == {"payment": listed}
    assert error_of(client.get("/v2/payments/nobody")) == (404, "NOT_FOUND")
    assert error_of(client.get(f"/v2/payments/{listed['order_id']}")) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"colour": "red"}, "UNKNOWN_QUERY_PARAMETER"),
        ({"begin_time": "yesterday"}, "INVALID_TIME"),
        ({"begin_time": "2026-01-01T00:00:00"}, "INVALID_TIME"),
        ({"begin_time": UNTIL, "end_time": MIDDLE}, "INVALID_TIME_RANGE"),
        ({"limit": "many"}, "EXPECTED_INTEGER"),
        ({"limit": "0"}, "VALUE_TOO_LOW"),
        ({"sort_order": "UP"}, "INVALID_SORT_ORDER"),
        ({"sort_field": "TOTAL"}, "INVALID_ENUM_VALUE"),
        ({"cursor": "nonsense"}, "INVALID_CURSOR"),
    ],
)
def test_what_cannot_be_asked_is_refused(client: Client, query: dict[str, str], code: str) -> None:
    assert error_of(client.get("/v2/payments", **query)) == (400, code)


def test_a_limit_beyond_100_is_100(client: Client) -> None:
    assert len(client.get("/v2/payments", limit=1000).json()["payments"]) == 100


def test_a_location_that_is_not_there(client: Client) -> None:
    assert error_of(client.get("/v2/payments", location_id="L0")) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Authorization": ""}, 401, "UNAUTHORIZED"),
        ({"Authorization": "Bearer wrong"}, 401, "UNAUTHORIZED"),
        ({"Square-Version": ""}, 400, "INVALID_SQUARE_VERSION_FORMAT"),
        ({"Square-Version": "2024-06-15"}, 400, "INVALID_SQUARE_VERSION_FORMAT"),
    ],
)
def test_token_and_version_are_checked(square: Simulator, headers: dict[str, str], status: int, code: str) -> None:
    answer = requests.get(f"{square.url}/v2/payments", headers={**HEADERS, **headers}, timeout=10)
    assert error_of(answer) == (status, code)
    assert answer.json()["errors"][0].keys() >= {"category", "code", "detail"}


def test_paths_and_methods_that_are_not_there(client: Client) -> None:
    assert error_of(client.get("/v2/socks")) == (404, "NOT_FOUND")
    assert error_of(client.call("DELETE", "/v2/payments")) == (405, "METHOD_NOT_ALLOWED")


def test_a_replaced_token_is_the_only_one(square: Simulator, client: Client) -> None:
    square.token("fresh")
    assert error_of(client.get("/v2/locations")) == (401, "UNAUTHORIZED")
    client.session.headers["Authorization"] = "Bearer fresh"
    found = client.get("/v2/locations").json()["locations"]
    assert [(place["id"], place["timezone"], place["status"]) for place in found] == [
        (MAIN, TIMEZONE, "ACTIVE"),
        (NORTH, TIMEZONE, "ACTIVE"),
    ]


def first_cursor(client: Client, **query: Any) -> str:
    return str(client.get("/v2/payments", limit=10, **query).json()["cursor"])


def test_a_cursor_belongs_to_its_query(client: Client) -> None:
    cursor = first_cursor(client)
    assert client.get("/v2/payments", limit=10, cursor=cursor).status_code == 200
    for other in ({"limit": 11}, {"limit": 10, "location_id": NORTH}, {"limit": 10, "sort_order": "ASC"}):
        assert error_of(client.get("/v2/payments", cursor=cursor, **other)) == (400, "INVALID_CURSOR")
    assert error_of(client.get("/v2/refunds", limit=10, cursor=cursor)) == (400, "INVALID_CURSOR")


def test_a_cursor_dies_15_minutes_after_its_last_use(client: Client, advance: Callable[[timedelta], None]) -> None:
    cursor, unused = first_cursor(client), first_cursor(client, location_id=MAIN)
    for minutes in (14, 28):  # each use prolongs it
        advance(timedelta(minutes=minutes))
        assert client.get("/v2/payments", limit=10, cursor=cursor).status_code == 200
    assert error_of(client.get("/v2/payments", limit=10, location_id=MAIN, cursor=unused)) == (400, "INVALID_CURSOR")
    advance(timedelta(minutes=44))
    assert error_of(client.get("/v2/payments", limit=10, cursor=cursor)) == (400, "INVALID_CURSOR")


def test_the_same_cursor_twice_gives_the_same_page_whatever_was_sold_meanwhile(
    square: Simulator, client: Client
) -> None:
    cursor = first_cursor(client, sort_order="DESC")
    asked = {"limit": 10, "sort_order": "DESC", "cursor": cursor}
    page = client.get("/v2/payments", **asked).json()["payments"]
    square.add_payment()
    assert client.get("/v2/payments", **asked).json()["payments"] == page


def test_the_ledger_of_a_span(square: Simulator, client: Client) -> None:
    span = {"start": "2026-06-10T00:00:00Z", "end": "2026-06-12T00:00:00Z"}
    found = client.payments(begin_time=span["start"], end_time=span["end"])
    assert places(found, amount) == ledger_places(square, "payments", **span)
    assert {day for _, day in ledger_places(square, "order_lines", **span)} <= {"2026-06-10", "2026-06-11"}


def test_a_cursor_of_an_expired_list_makes_an_honest_client_start_again(square: Simulator, client: Client) -> None:
    square.trap(cursor_expiry=2)
    with pytest.raises(CursorExpired):
        list(client.pages("payments", "/v2/payments", limit=20))
