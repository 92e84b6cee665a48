"""Lightspeed's client against the simulator, over HTTP: everything is read, nothing twice, whatever the API does."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from local.simulators.process import Simulator
from shared.integrations.lightspeed import Lightspeed
from shared.integrations.lightspeed_rows import CUSTOMERS, PRODUCTS, TRANSACTIONS
from shared.platform.clock import wire_time
from shared.platform.errors import SourceUnavailable
from shared.pos import compare, rules
from shared.pos.errors import AuthFailed, CursorExpired, SourceRefused
from shared.pos.models import UPDATED, Tally
from shared.pos.reader import Reader
from tests.factories.lightspeed import ALL, START, UNTIL, client_for, part, platform_for, rows_of
from tests.factories.stepping_clock import SteppingClock
from tests.factories.throw_away import serving_http


def tallies_of(ledger: dict[str, Any]) -> rules.Tallies:
    return {(p["location"], p["day"]): Tally(p["count"], p["cents"], p["newest"]) for p in ledger["places"]}


def test_all_sales_of_all_shops_with_the_cents_of_the_ledger(client: Lightspeed, shop: Simulator) -> None:
    rows = rows_of(client.read(TRANSACTIONS, ALL))
    assert len(rows) == 900
    assert compare.tally(rows.values(), TRANSACTIONS, START, UNTIL) == tallies_of(shop.ledger("sales"))
    assert {row["location_id"] for row in rows.values()} == {"1", "2"}
    assert {row["status"] for row in rows.values()} == {"completed", "voided", "open"}
    assert None in {row["customer_id"] for row in rows.values()}
    assert "0" not in {row["customer_id"] for row in rows.values()}
    assert any(row["total"] < 0 for row in rows.values())


def test_slices_side_by_side_are_the_whole(client: Lightspeed) -> None:
    middle = START + timedelta(days=30)
    first, second = (rows_of(client.read(TRANSACTIONS, part(*ends))) for ends in ((START, middle), (middle, UNTIL)))
    assert len(first | second) == 900


def test_sales_that_changed_by_either_of_their_times(client: Lightspeed, shop: Simulator) -> None:
    now = UNTIL + timedelta(hours=1)
    shop.change("sales", "1", voided=True, timeStamp=now.isoformat(), updatetime="2026-05-03T00:00:00+00:00")
    shop.change("sales", "2", calcTotal="12.345", timeStamp="2026-05-03T00:00:00+00:00", updatetime=now.isoformat())
    rows = rows_of(client.read(TRANSACTIONS, part(UNTIL, now, UPDATED)))
    assert set(rows) == {"1", "2"}
    assert rows["1"]["status"] == "voided"
    assert rows["2"]["total"] == 1235
    assert rows["2"]["updated_at"] == wire_time(now)


def test_archived_sales_are_sales(client: Lightspeed, shop: Simulator) -> None:
    shop.change("sales", "5", archived=True)
    assert "5" in rows_of(client.read(TRANSACTIONS, ALL))


def test_products_with_category_stock_and_price(client: Lightspeed, shop: Simulator) -> None:
    rows = rows_of(client.listed(PRODUCTS))
    ledger = shop.ledger("items")
    tally = compare.tally(rows.values(), PRODUCTS, START, UNTIL)[("", "")]
    assert tally == Tally(ledger["count"], ledger["cents"], ledger["newest"])
    assert rows["1"]["category"] == "Flower"
    assert rows["1"]["description"] == 'All about item 1.\n"Good".'
    assert rows["6"]["description"] is None
    assert rows["7"]["quantity"] == 0
    assert rows["6"]["category"] == "Accessories"
    # Item 14 % 7 == 0 has no category.
    assert rows["14"]["category"] is None


def test_quantity_is_the_row_of_all_shops(client: Lightspeed, shop: Simulator) -> None:
    shop.change("items", "1", stock={"1": 5, "2": -2})
    assert rows_of(client.listed(PRODUCTS))["1"]["quantity"] == 3


def test_changed_products_archived_ones_and_those_whose_stock_moved(client: Lightspeed, shop: Simulator) -> None:
    before = rows_of(client.objects(PRODUCTS, ["4"]))["4"]
    shop.change("items", "1", archived=True)
    shop.change("items", "2", price="12.99", description="")
    shop.change("items", "4", stock={"1": 17})
    rows = rows_of(client.changed(PRODUCTS, part(UNTIL, UNTIL + timedelta(days=3650))))
    assert set(rows) == {"1", "2", "4"}
    assert rows["1"]["deleted"]
    assert (rows["2"]["price"], rows["2"]["name"]) == (1299, None)
    assert rows["4"]["updated_at"] > before["updated_at"]
    assert "1" not in rows_of(client.listed(PRODUCTS))


def test_customers_of_all_pages_with_their_contacts(client: Lightspeed, shop: Simulator) -> None:
    rows = rows_of(client.listed(CUSTOMERS), "customer_id")
    assert len(rows) == shop.ledger("customers")["count"] > 100
    assert rows["3"]["email"] is None
    assert rows["1"]["email"] == "customer1.0@example.com"
    assert rows["2"]["email"] == "customer2.0@example.com"
    assert rows["2"]["phone"] is None
    assert {row["source"] for row in rows.values()} == {"lightspeed"}


def test_nothing_personal_of_an_archived_customer(client: Lightspeed, shop: Simulator) -> None:
    shop.change("customers", "1", archived=True)
    rows = rows_of(client.changed(CUSTOMERS, part(UNTIL, UNTIL + timedelta(days=3650))), "customer_id")
    assert set(rows) == {"1"}
    assert rows["1"]["deleted"]
    assert [rows["1"][name] for name in CUSTOMERS.personal] == [None, None, None]


def test_objects_by_id_and_what_is_gone_is_left_out(client: Lightspeed, shop: Simulator) -> None:
    shop.delete("sales", "3")
    wanted = [str(number) for number in range(1, 251)]
    assert len(rows_of(client.objects(TRANSACTIONS, [*wanted, "nonsense", "1|saleID=4"]))) == 249


@pytest.mark.parametrize(
    "traps",
    [
        {"short_pages": True, "unordered": True},
        {"duplicates": 3},
        {"numbers_as_strings": True, "single_object": True},
        {"burst_429": 5, "errors_5xx": 7, "dropped": 11},
        {"edits_behind_cursor": 2},
        {"token_rotation": 4},
        {"strict": True},
    ],
    ids=str,
)
def test_nothing_is_lost_or_doubled_whatever_the_api_does(
    client: Lightspeed, shop: Simulator, traps: dict[str, Any]
) -> None:
    shop.trap(**traps)
    rows = rows_of(client.read(TRANSACTIONS, ALL))
    if "edits_behind_cursor" in traps:
        rows |= rows_of(client.read(TRANSACTIONS, part(UNTIL, UNTIL + timedelta(days=3650), UPDATED)))
    assert compare.tally(rows.values(), TRANSACTIONS, START, UNTIL) == tallies_of(shop.ledger("sales"))
    assert len(rows_of(client.listed(PRODUCTS))) == shop.ledger("items")["count"]


def test_a_list_of_one_is_the_record_itself(client: Lightspeed, shop: Simulator) -> None:
    shop.trap(single_object=True)
    assert set(rows_of(client.objects(PRODUCTS, ["8"]))) == {"8"}
    assert rows_of(client.objects(PRODUCTS, ["9999"])) == {}


def test_a_forgotten_cursor_is_read_from_the_start(client: Lightspeed, shop: Simulator) -> None:
    shop.trap(cursor_expiry=4)
    with pytest.raises(CursorExpired):
        list(client.read(TRANSACTIONS, ALL))
    reader = Reader(client, 1)
    assert reader.chunk(TRANSACTIONS, ALL).tallies == tallies_of(shop.ledger("sales"))
    reader.close()


@pytest.mark.parametrize(("stream", "ledger"), [(TRANSACTIONS, "sales"), (PRODUCTS, "items"), (CUSTOMERS, "customers")])
def test_broken_records_are_rejected_and_the_rest_goes_on(
    client: Lightspeed, shop: Simulator, stream: Any, ledger: str
) -> None:
    shop.trap(garbage=14)
    pages = list(client.read(stream, ALL) if stream.dated else client.listed(stream))
    truth = shop.ledger(ledger)
    assert sum(len(page.rows) for page in pages) == truth["count"]
    rejects = [reject for page in pages for reject in page.rejects]
    assert len(rejects) == len(truth["garbage"]) > 0
    assert {reject.record_id for reject in rejects} - {""} <= set(truth["garbage"])
    assert all(reject.reason for reject in rejects)


@pytest.mark.parametrize(
    ("traps", "failure", "sentence"),
    [
        ({"forbidden": "/API"}, SourceRefused, "employee:register"),
        ({"not_found": "/API"}, SourceRefused, "404"),
        ({"unauthorized": "/API"}, AuthFailed, "LIGHTSPEED_REFRESH_TOKEN"),
        ({"errors_5xx": 1}, SourceUnavailable, "answered 50"),
    ],
    ids=str,
)
def test_what_a_person_is_told(
    client: Lightspeed, shop: Simulator, traps: dict[str, Any], failure: type[Exception], sentence: str
) -> None:
    shop.trap(**traps)
    with pytest.raises(failure, match=sentence):
        list(client.read(TRANSACTIONS, ALL))


def test_once_refused_no_stream_asks_again(client: Lightspeed, shop: Simulator) -> None:
    shop.trap(unauthorized="/API")
    for _ in range(3):
        with pytest.raises(AuthFailed):
            list(client.listed(PRODUCTS))
    assert shop.requests()["byStatus"] == {"200": 2, "401": 2}


@pytest.mark.parametrize(
    ("following", "sentence"),
    [("https://other.example.com/API/V3/Account/1/Sale.json?after=x", "another host"), ("{url}/again", "never end")],
)
def test_a_next_page_that_leads_astray(shop: Simulator, project: str, following: str, sentence: str) -> None:
    """The token would be sent there; or the reading would never end."""
    answer: dict[str, Any] = {}

    def astray(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps({**answer, "Account": {"accountID": "1"}, "Sale": []}).encode()]

    with serving_http(astray) as url:
        answer["@attributes"] = {"next": following.format(url=url)}
        client = client_for(platform_for(project, shop, SteppingClock(), LIGHTSPEED_URL=url))
        with pytest.raises(SourceRefused, match=sentence):
            list(client.read(TRANSACTIONS, ALL))
