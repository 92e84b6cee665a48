"""The traps of the Square simulator's lists: each shows what it should, and hides nothing for ever."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from local.simulators.process import Simulator
from local.simulators.square_shop import LOCATIONS
from tests.local.square_client import UNTIL, Client, Record, ids, ledger_tally, newest, tally

LISTS: list[tuple[str, str, Any]] = [
    ("payments", "/v2/payments", None),
    ("orders", "/v2/orders/search", {"location_ids": list(LOCATIONS)}),
    ("customers", "/v2/customers", None),
    ("objects", "/v2/catalog/search", {"object_types": ["ITEM"]}),
]


def read(client: Client, name: str, path: str, body: Any, size: int) -> list[Record]:
    return client.all(name, path, {**body, "limit": size}) if body else client.all(name, path, limit=size)


@pytest.mark.parametrize(("name", "path", "body"), LISTS)
def test_duplicates_come_back_in_an_older_version_after_the_newer(
    square: Simulator, client: Client, name: str, path: str, body: Any
) -> None:
    once = newest(read(client, name, path, body, 20))
    square.trap(duplicates=3)
    pages = list(client.pages(name, path, {**body, "limit": 20} if body else None, **({} if body else {"limit": 20})))
    for before, page in pairwise(pages):
        assert ids(page[:3]) == ids(before[-3:])
        assert page[3]["id"] == page[0]["id"]
        assert page[3]["updated_at"] < page[0]["updated_at"]
        assert {k: v for k, v in page[3].items() if k not in ("updated_at", "version", "version_token")} != {
            k: v for k, v in page[0].items() if k not in ("updated_at", "version", "version_token")
        }
        assert len(page) <= 20
    every = [record for page in pages for record in page]
    assert len(every) > len(once)
    assert newest(every) == once


@pytest.mark.parametrize(("name", "path", "body"), LISTS)
def test_pages_can_be_short_or_empty_and_go_on(
    square: Simulator, client: Client, name: str, path: str, body: Any
) -> None:
    once = read(client, name, path, body, 20)
    square.trap(short_pages=True)
    sizes = [len(p) for p in client.pages(name, path, {**body, "limit": 20} if body else None, **_size(body))]
    assert {0, 1, 20} < set(sizes[:-1])
    assert read(client, name, path, body, 20) == once


def _size(body: Any) -> dict[str, int]:
    return {} if body else {"limit": 20}


@pytest.mark.parametrize(("name", "path", "body"), LISTS)
def test_pages_can_be_shuffled(square: Simulator, client: Client, name: str, path: str, body: Any) -> None:
    once = read(client, name, path, body, 20)
    square.trap(unordered=True)
    shuffled = read(client, name, path, body, 20)
    assert shuffled != once
    assert newest(shuffled) == newest(once)


def test_cursors_expire_every_so_often_and_yet_the_list_ends(square: Simulator, client: Client) -> None:
    square.trap(cursor_expiry=3)
    for _ in range(3):
        assert tally(newest(client.payments(limit=10))) == ledger_tally(square)
    assert client.restarts >= 6


def test_a_payment_is_changed_after_it_was_served(square: Simulator, client: Client) -> None:
    before = newest(client.payments())
    square.trap(edits_behind_cursor=2)
    read_once = newest(client.payments(limit=20))
    assert read_once == before
    assert tally(read_once) != ledger_tally(square)
    found, rounds = read_once, 0
    while tally(found) != ledger_tally(square):
        found, rounds = newest(client.payments(limit=20)), rounds + 1
        assert rounds < 10
    changed = [p for p in found.values() if p["updated_at"] >= UNTIL]
    assert changed
    assert {p["id"] for p in changed} == {p["id"] for p in client.payments(updated_at_begin_time=UNTIL)}


def test_garbage_is_always_the_same_and_none_of_the_ledgers(square: Simulator, client: Client) -> None:
    sound = newest(client.payments())
    square.trap(garbage=20)
    found = client.payments()
    broken = square.ledger("payments")["garbage"]
    assert len(broken) == 420 // 20
    good = newest([p for p in found if p.get("id") in sound and p == sound[p["id"]]])
    assert sound.keys() - good.keys() == set(broken)
    assert tally(good) == ledger_tally(square)
    kinds = [p for p in found if p not in good.values()]
    assert any("id" not in p for p in kinds)
    assert any(p["created_at"] is None for p in kinds)
    assert any(p["amount_money"] == "a string" for p in kinds)
    assert any(isinstance(p["amount_money"], dict) and isinstance(p["amount_money"]["amount"], str) for p in kinds)
    assert client.payments() == found


def test_garbage_among_the_items(square: Simulator, client: Client) -> None:
    sound = newest(client.all("objects", "/v2/catalog/list", types="ITEM"))
    square.trap(garbage=20)
    found = client.all("objects", "/v2/catalog/list", types="ITEM")
    good = [item for item in found if item.get("id") in sound and item == sound[item["id"]]]
    ledger = square.ledger("items")
    assert (len(good), sound.keys() - set(ids(good))) == (ledger["count"], set(ledger["garbage"]))
    square.clear_traps()
    assert square.ledger("items")["garbage"] == []


def test_only_the_main_location_whatever_is_asked(square: Simulator, client: Client) -> None:
    square.trap(default_location_only=True)
    found = client.all("payments", "/v2/payments", location_id=LOCATIONS[1])
    assert {p["location_id"] for p in found} == {LOCATIONS[0]}


def test_everything_empty_or_one_list(square: Simulator, client: Client) -> None:
    square.trap(empty=True)
    for name, path, body in LISTS:
        assert read(client, name, path, body, 20) == []
    assert client.get("/v2/locations").json() == {}
    square.trap(empty="/v2/customers")
    assert client.payments()
    assert client.get("/v2/locations").json()["locations"]
    assert client.all("customers", "/v2/customers") == []
    square.clear_traps()
    square.trap(empty_locations=True)
    assert client.get("/v2/locations").json() == {}
    assert client.payments()


def test_what_is_new_stays_invisible_for_a_while(
    square: Simulator, client: Client, advance: Callable[[timedelta], None]
) -> None:
    square.trap(eventual=30)
    old = client.payments()[0]["id"]
    new = square.add_payment()["id"]
    square.change_payment(old, refund_cents=1)
    assert not {old, new} & set(ids(client.payments()))
    assert client.get(f"/v2/payments/{new}").status_code == 200
    assert square.ledger("payments")["count"] == 421
    advance(timedelta(seconds=40))
    assert {old, new} <= set(ids(client.payments()))
