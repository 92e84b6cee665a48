"""The Lightspeed simulator speaks as the documented API does, and its ledger says what paging shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
import requests

from local.simulators.lightspeed_data import ACCOUNT
from local.simulators.lightspeed_oauth import CLIENT_ID, CLIENT_SECRET, FIRST_REFRESH, STANDING_REFRESH
from local.simulators.lightspeed_records import money
from local.simulators.process import Simulator
from tests.factories.lightspeed import UNTIL, begin_again, lightspeed_simulator

RELATIONS = '["Category","ItemShops","ItemECommerce"]'


class Caller:
    """A client without any care, which sends what it is told to."""

    def __init__(self, simulator: Simulator, refresh: str = FIRST_REFRESH) -> None:
        self.simulator = simulator
        self.answer = self.refresh(refresh).json()
        self.token = self.answer["access_token"]

    def refresh(self, refresh: str, **changes: str) -> requests.Response:
        body = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "grant_type": "refresh_token"}
        url = f"{self.simulator.url}/auth/oauth/token"
        return requests.post(url, json={**body, "refresh_token": refresh, **changes}, timeout=30)

    def get(self, path: str, **query: Any) -> requests.Response:
        url = path if path.startswith("http") else f"{self.simulator.url}/API/V3/Account/{ACCOUNT}/{path}.json"
        return requests.get(url, params=query, headers={"Authorization": f"Bearer {self.token}"}, timeout=30)

    def pages(self, entity: str, **query: Any) -> Iterator[list[dict[str, Any]]]:
        reply = self.get(entity, **query)
        while True:
            assert reply.status_code == 200, reply.text
            found = reply.json().get(entity) or []
            yield found if isinstance(found, list) else [found]
            following = reply.json()["@attributes"]["next"]
            if not following:
                return
            reply = self.get(following)

    def all(self, entity: str, **query: Any) -> list[dict[str, Any]]:
        return [record for page in self.pages(entity, **query) for record in page]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with lightspeed_simulator(tmp_path_factory.mktemp("lightspeed")) as simulator:
        yield simulator


@pytest.fixture
def shop(running: Simulator) -> Simulator:
    return begin_again(running)


@pytest.fixture
def caller(shop: Simulator) -> Caller:
    return Caller(shop)


def cents(text: str) -> int:
    return int((Decimal(text) * 100).quantize(Decimal(1), ROUND_HALF_UP))


def scalars(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from scalars(inner)
    else:
        yield value


def test_the_ledger_says_what_paging_shows(caller: Caller, shop: Simulator) -> None:
    sales = caller.all("Sale", archived="true")
    ledger = shop.ledger("sales")
    assert len({sale["saleID"] for sale in sales}) == len(sales) == ledger["count"] == 900
    assert sum(cents(sale["calcTotal"]) for sale in sales) == ledger["cents"]
    places = Counter((sale["shopID"], sale["createTime"][:10]) for sale in sales)
    assert places == {(p["location"], p["day"]): p["count"] for p in ledger["places"]}
    assert shop.ledger("items")["count"] == len(caller.all("Item"))
    assert shop.ledger("customers")["count"] == len(caller.all("Customer"))


def test_every_scalar_is_text_and_one_child_is_no_list(caller: Caller) -> None:
    items = caller.all("Item", load_relations=RELATIONS)
    customers = caller.all("Customer", load_relations='["Contact"]')
    sales = caller.all("Sale", load_relations='["SaleLines","SalePayments"]')
    assert all(isinstance(scalar, str) for scalar in scalars([items, customers, sales]))
    for records, relation, child in (
        (items, "ItemShops", "ItemShop"),
        (items, "Prices", "ItemPrice"),
        (sales, "SaleLines", "SaleLine"),
    ):
        assert {type(record[relation][child]) for record in records} == {dict, list}
    kinds = {type(c["Contact"]["Emails"] and c["Contact"]["Emails"]["ContactEmail"]) for c in customers}
    assert kinds == {str, dict, list}
    assert any("." in sale["calcTotal"] and len(sale["calcTotal"].split(".")[1]) > 2 for sale in sales)


@pytest.mark.parametrize(
    ("units", "text"), [(28_000_000, "280"), (7_503_200, "75.032"), (-5_173_875, "-51.73875"), (0, "0")]
)
def test_decimals_have_no_fixed_places(units: int, text: str) -> None:
    assert money(units) == text


def test_totals_are_the_sum_of_their_parts(caller: Caller) -> None:
    for sale in caller.all("Sale"):
        parts = [Decimal(sale[name]) for name in ("calcSubtotal", "calcTax1", "calcTax2")]
        assert sum(parts) - Decimal(sale["calcDiscount"]) == Decimal(sale["calcTotal"])
        assert "calcTax" not in sale
        assert "updateTime" not in sale


def test_the_row_of_shop_0_is_the_sum_of_the_others(caller: Caller) -> None:
    rows = caller.all("ItemShop")
    total = sum(int(row["qoh"]) for row in rows if row["shopID"] == "0")
    assert total == sum(int(row["qoh"]) for row in rows if row["shopID"] != "0")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"saleID": "7"}, {7}),
        ({"saleID": ">=,898"}, {898, 899, 900}),
        ({"saleID": "><,3,5"}, {3, 4, 5}),
        ({"saleID": "IN,[2,4]"}, {2, 4}),
        ({"saleID": "<,4", "or": "saleID=1|saleID=3"}, {1, 3}),
        ({"saleID": "IN,[1,2,3]", "shopID": "!=,9"}, {1, 2, 3}),
    ],
    ids=str,
)
def test_operators(caller: Caller, query: dict[str, str], expected: set[int]) -> None:
    assert {int(sale["saleID"]) for sale in caller.all("Sale", archived="true", **query)} == expected


def test_times_between_include_both_ends(caller: Caller) -> None:
    first, last = caller.get("Sale/10").json()["Sale"]["createTime"], caller.get("Sale/20").json()["Sale"]["createTime"]
    found = caller.all("Sale", createTime=f"><,{first},{last}", archived="true")
    assert {int(sale["saleID"]) for sale in found} == set(range(10, 21))


def test_sorting_both_ways_over_pages(caller: Caller) -> None:
    for sort in ("timeStamp", "-timeStamp", "completeTime", "-saleID"):
        name = sort.removeprefix("-")
        found = caller.all("Sale", sort=sort, limit=90, archived="true")
        keys = [int(sale[name]) if name == "saleID" else sale.get(name, "") for sale in found]
        assert len(found) == 900
        assert keys == sorted(keys, reverse=sort.startswith("-"))


def test_archived_are_hidden_unless_asked_for(caller: Caller, shop: Simulator) -> None:
    shop.change("items", "1", archived=True)
    ids = {a: {item["itemID"] for item in caller.all("Item", archived=a)} for a in ("false", "true", "only")}
    assert ids["true"] == ids["false"] | ids["only"]
    assert "1" in ids["only"] - ids["false"]
    assert {item["itemID"] for item in caller.all("Item")} == ids["false"]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"sort": "calcTotal"}, "saleID, timeStamp, completeTime, updatetime"),
        ({"limit": "101"}, "limit"),
        ({"offset": "100"}, "removed in V3"),
        ({"count": "1", "limit": "10"}, "count"),
        ({"archived": "maybe"}, "archived"),
        ({"after": "bm9uc2Vuc2U="}, "cursor"),
        ({"load_relations": "SaleLines"}, "JSON array"),
        ({"saleID": "IN,[" + ",".join(map(str, range(101))) + "]"}, "100"),
        ({"timeStamp": ">=,2026-01-01T00:00:00 00:00"}, "timeStamp"),
    ],
    ids=str,
)
def test_what_is_malformed_is_told(caller: Caller, query: dict[str, str], sentence: str) -> None:
    reply = caller.get("Sale", **query)
    assert reply.status_code == 400
    assert reply.json()["httpCode"] == "400"
    assert sentence in reply.json()["message"]


def test_a_cursor_is_of_its_query_only(caller: Caller) -> None:
    following = caller.get("Sale", limit=10).json()["@attributes"]["next"]
    after = requests.utils.unquote(following.split("after=")[1])
    assert caller.get("Sale", limit=20, after=after).status_code == 400


def test_counting_costs_ten_and_shows_nothing_else(caller: Caller) -> None:
    reply = caller.get("Sale", count="1", archived="true")
    assert reply.json() == {"@attributes": {"count": "900"}}
    assert reply.headers["X-LS-Api-Request-Cost"] == "10"
    assert reply.headers["X-LS-API-Drip-Rate"] == "1000"


def test_single_records_and_what_is_not_there(caller: Caller) -> None:
    assert caller.get("Item/8").json()["Item"]["itemID"] == "8"
    assert caller.get("Item/9999").status_code == 404
    assert caller.get("Nothing").status_code == 404
    assert caller.get("Category").json()["Category"][0]["name"] == "Flower"
    assert len(caller.all("Shop")) == 2


def test_refresh_tokens_rotate_and_die_when_the_new_access_token_is_used(caller: Caller) -> None:
    again = caller.refresh(FIRST_REFRESH)
    assert again.status_code == 200
    assert caller.get("Shop").status_code == 200
    refused = caller.refresh(FIRST_REFRESH)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert caller.refresh(again.json()["refresh_token"]).status_code == 400
    assert caller.refresh(caller.answer["refresh_token"]).status_code == 200


def test_the_standing_refresh_token_outlives_every_use(caller: Caller) -> None:
    for _ in range(2):
        caller.token = caller.refresh(STANDING_REFRESH).json()["access_token"]
        assert caller.get("Shop").status_code == 200


def test_too_many_refreshes_and_wrong_ones(caller: Caller) -> None:
    assert caller.refresh("").json()["error"] == "invalid_request"
    assert caller.refresh(FIRST_REFRESH, client_secret="x").json()["error"] == "invalid_client"
    assert [caller.refresh(FIRST_REFRESH).status_code for _ in range(5)] == [200, 200, 200, 200, 429]


def test_an_unknown_or_expired_token_is_refused_with_the_hint(caller: Caller, shop: Simulator) -> None:
    assert caller.get("Shop").status_code == 200
    shop.call("POST", "/token/expire")
    reply = caller.get("Shop")
    assert reply.status_code == 401
    assert reply.json()["hint"] == "Access token could not be verified"


def test_the_bucket_overflows_once_and_then_refuses(running: Simulator) -> None:
    caller = Caller(begin_again(running, bucket=25, drip=1))
    assert caller.get("Sale", load_relations='["SaleLines"]').headers["X-LS-Api-Request-Cost"] == "1.4"
    replies = [caller.get("Sale", count="1") for _ in range(4)]
    assert [reply.status_code for reply in replies] == [200, 200, 200, 429]
    used, size = replies[2].headers["x-ls-api-bucket-level"].split("/")
    assert float(used) > float(size) == 25
    assert replies[3].headers["X-LS-API-RateLimit-Type"] == "api-leaky-bucket"
    assert int(replies[3].headers["Retry-After"]) >= 1


def test_data_that_is_begun_anew_is_of_an_account_that_nobody_has_asked(running: Simulator) -> None:
    for _ in range(3):
        assert Caller(begin_again(running, bucket=10, drip=1)).get("Sale", count="1").status_code == 200


def test_bursts_are_limited_in_fixed_seconds(running: Simulator) -> None:
    caller = Caller(begin_again(running, burst=2))
    with ThreadPoolExecutor(20) as together:
        replies = list(together.map(lambda _: caller.get("Shop"), range(60)))
    refused = [reply for reply in replies if reply.status_code == 429]
    assert refused
    assert {reply.headers["X-LS-API-RateLimit-Type"] for reply in refused} == {"api-burst-limiter"}


def test_a_new_record_a_change_and_a_deletion(caller: Caller, shop: Simulator) -> None:
    sale = shop.add("sales", calcTotal="12.345", shopID=2)
    assert sale["saleID"] == "901"
    before = caller.get("Sale/5").json()["Sale"]
    changed = shop.change("sales", "5", voided=True, timeStamp=before["timeStamp"])
    assert changed["timeStamp"] == before["timeStamp"] < changed["updatetime"]
    shop.delete("sales", "6")
    assert shop.ledger("sales")["count"] == 900
    assert shop.ledger("sales", UNTIL.isoformat())["cents"] == 1235
    shop.delete("customers", "1")
    assert caller.get("Customer/1").status_code == 404


def test_stock_moves_without_its_item(caller: Caller, shop: Simulator) -> None:
    before = caller.get("Item/4").json()["Item"]["timeStamp"]
    shop.change("items", "4", stock={"1": 70, "2": 7})
    assert caller.get("Item/4").json()["Item"]["timeStamp"] == before
    moved = caller.all("ItemShop", timeStamp=f">=,{UNTIL.isoformat()}")
    assert {row["shopID"]: row["qoh"] for row in moved} == {"0": "77", "1": "70", "2": "7"}


def test_traps_of_lists(caller: Caller, shop: Simulator) -> None:
    shop.trap(single_object=True)
    assert caller.get("Item", itemID="8").json()["Item"]["itemID"] == "8"
    assert caller.get("Item", itemID="9999").json()["Item"] == ""
    shop.trap(single_object=False, empty="/API/V3/Account/314159/Sale")
    assert caller.all("Sale") == []
    assert caller.all("Item") != []
    shop.trap(empty=False, strict=True)
    assert caller.get("Sale", colour="green").status_code == 400


def test_traps_of_pages(caller: Caller, shop: Simulator) -> None:
    shop.trap(short_pages=True)
    sizes = [len(page) for page in caller.pages("Sale", archived="true")]
    assert sum(sizes) == 900
    assert 0 in sizes[:-1]
    shop.trap(short_pages=False, duplicates=3)
    ids = [sale["saleID"] for sale in caller.all("Sale", archived="true")]
    assert len(ids) == 900 + 8 * 4
    assert len(set(ids)) == 900
    shop.trap(duplicates=0, cursor_expiry=2)
    following = caller.get("Sale", limit=10).json()["@attributes"]["next"]
    assert [caller.get(following).status_code for _ in range(2)] == [200, 400]


def test_odd_numbers_mean_the_same(caller: Caller, shop: Simulator) -> None:
    plain = {sale["saleID"]: sale for sale in caller.all("Sale")}
    shop.trap(numbers_as_strings=True)
    odd = {sale["saleID"]: sale for sale in caller.all("Sale")}
    assert any(sale["calcTax2"] == "-0" for sale in odd.values())
    for key, sale in odd.items():
        assert sale["calcTotal"] != plain[key]["calcTotal"]
        assert Decimal(sale["calcTotal"]) == Decimal(plain[key]["calcTotal"])


def test_a_token_dies_after_so_many_requests(caller: Caller, shop: Simulator) -> None:
    shop.trap(token_rotation=3)
    replies = [caller.get("Shop") for _ in range(4)]
    assert [reply.status_code for reply in replies] == [200, 200, 200, 401]
    assert replies[3].json()["hint"] == "Access token has been revoked"


def test_new_records_stay_invisible_for_a_while(caller: Caller, shop: Simulator) -> None:
    shop.trap(eventual=3600)
    shop.add("sales")
    assert len(caller.all("Sale", archived="true")) == 900
    shop.trap(eventual=0)
    assert len(caller.all("Sale", archived="true")) == 901


def test_the_same_seed_is_the_same_shop_and_a_restart_keeps_it(tmp_path: Path, shop: Simulator) -> None:
    with lightspeed_simulator(tmp_path) as other:
        assert other.ledger("sales") == shop.ledger("sales")
        assert Caller(other).all("Item") == Caller(shop).all("Item")
        other.add("sales")
        token = Caller(other, STANDING_REFRESH)
        other.restart()
        other.wait_until_seeded()
        assert other.ledger("sales")["count"] == 901
        assert token.get("Shop").status_code == 200
