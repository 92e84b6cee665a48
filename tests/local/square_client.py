"""An honest client of Square's API: three retries, a slice again when its cursor expires, the newest version wins."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import requests

from local.simulators.process import Simulator
from local.simulators.square_shop import LOCATIONS, TOKEN

HEADERS = {"Authorization": f"Bearer {TOKEN}", "Square-Version": "2026-09-16"}
BEGINNING = "2009-01-01T00:00:00Z"
UNTIL = "2026-07-01T00:00:00Z"
Record = dict[str, Any]


class CursorExpired(Exception):
    pass


class Client:
    def __init__(self, square: Simulator) -> None:
        self.url = square.url
        self.session = requests.Session()
        self.session.headers.update(HEADERS)
        self.retries = 0
        self.restarts = 0

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """The first answer that is no transient failure; the last one after three retries."""
        for attempt in range(4):
            self.retries += attempt > 0
            try:
                reply = self.session.request(method, self.url + path, timeout=10, **options)
                if reply.status_code == 429 or reply.status_code >= 500:
                    time.sleep(0.02)
                    continue
                reply.json()
            except requests.RequestException:
                continue
            return reply
        raise AssertionError(f"{method} {path} failed four times")

    def get(self, path: str, **query: Any) -> requests.Response:
        return self.call("GET", path, params=query)

    def post(self, path: str, body: Any) -> requests.Response:
        return self.call("POST", path, json=body)

    def pages(self, name: str, path: str, body: Any = None, **query: Any) -> Iterator[list[Record]]:
        """Every page, by GET with a query or by POST with a body."""
        cursor: dict[str, str] = {}
        while True:
            asked = {**query, **cursor}
            reply = self.get(path, **asked) if body is None else self.post(path, {**body, **cursor})
            found = reply.json()
            if any(error["code"] == "INVALID_CURSOR" for error in found.get("errors", ())):
                raise CursorExpired
            assert reply.status_code == 200, reply.text
            yield found.get(name, [])
            if not found.get("cursor"):
                return
            assert found["cursor"] != cursor.get("cursor")
            cursor = {"cursor": found["cursor"]}

    def all(self, name: str, path: str, body: Any = None, **query: Any) -> list[Record]:
        """Every record as it comes, duplicates too; from the start again when the cursor expires."""
        for _ in range(6):
            try:
                return [record for page in self.pages(name, path, body, **query) for record in page]
            except CursorExpired:
                self.restarts += 1
        raise AssertionError(f"{path} could not be read to its end")

    def payments(self, **query: Any) -> list[Record]:
        """Of both locations."""
        asked = {"begin_time": BEGINNING, **query}
        return [
            payment
            for place in LOCATIONS
            for payment in self.all("payments", "/v2/payments", location_id=place, **asked)
        ]

    def orders(self, **body: Any) -> list[Record]:
        return self.all("orders", "/v2/orders/search", {"location_ids": list(LOCATIONS), **body})


def newest(records: list[Record]) -> dict[str, Record]:
    """By id, the version with the latest `updated_at`."""
    found: dict[str, Record] = {}
    for record in records:
        kept = found.get(record["id"])
        if kept is None or record["updated_at"] >= kept["updated_at"]:
            found[record["id"]] = record
    return found


def tally(payments: dict[str, Record]) -> tuple[int, int, int, str]:
    """Count, cents, refunded cents, newest change."""
    return (
        len(payments),
        sum(payment["amount_money"]["amount"] for payment in payments.values()),
        sum(payment.get("refunded_money", {}).get("amount", 0) for payment in payments.values()),
        max((payment["updated_at"] for payment in payments.values()), default=""),
    )


def ledger_tally(square: Simulator) -> tuple[int, int, int, str]:
    found = square.ledger("payments")
    return found["count"], found["cents"], found["refundedCents"], found["newest"]


def ids(records: list[Record]) -> list[str]:
    return [record["id"] for record in records]


def places(records: list[Record], cents: Callable[[Record], int]) -> dict[tuple[str, str], tuple[int, int, str]]:
    """(location, day) → count, cents, newest."""
    found: dict[tuple[str, str], tuple[int, int, str]] = defaultdict(lambda: (0, 0, ""))
    for record in records:
        place = record["location_id"], record["created_at"][:10]
        count, sum_, last = found[place]
        found[place] = count + 1, sum_ + cents(record), max(last, record["updated_at"])
    return dict(found)


def ledger_places(square: Simulator, stream: str, **span: str) -> dict[tuple[str, str], tuple[int, int, str]]:
    found = square.ledger(stream, **span)["places"]
    return {(p["location"], p["day"]): (p["count"], p["cents"], p["newest"]) for p in found}


def amount(payment: Record) -> int:
    return int(payment["amount_money"]["amount"])


def error_of(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]
