"""One process of buyers, in the lean environment: `python -m bench.buyers KIND RAFFLE THREADS SECONDS`.

KIND is what each thread does again and again: `purchase`, through the function's handler, of one ticket; `transaction`,
a bare Firestore transaction that reads and updates the raffle's stand-in; `batch`, a bare batch of one `create()` and
one `Increment` of it, which checks nothing. Prints the milliseconds of each, as a JSON list.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from google.api_core.exceptions import Aborted
from google.cloud import firestore

from functions.raffles import purchase
from shared.platform.context import Platform
from shared.platform.settings import Settings
from shared.runtime.request import Principal, Request

BARE = "bench"


def main(kind: str, raffle_id: str, threads: int, seconds: float) -> None:
    platform = Platform.start(Settings.load())
    deed = DEEDS[kind](platform, raffle_id)
    deed(0)
    print("ready", flush=True)
    sys.stdin.readline()
    found: list[list[float]] = [[] for _ in range(threads)]
    until = time.perf_counter() + seconds
    crowd = [threading.Thread(target=_again, args=(deed, number, found[number], until)) for number in range(threads)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    print(json.dumps([round(taken * 1000, 2) for times in found for taken in times]))


def _again(deed: Callable[[int], Any], number: int, times: list[float], until: float) -> None:
    while (begun := time.perf_counter()) < until:
        try:
            deed(number)
        except (Aborted, ValueError):
            # A bare transaction that lost all of its five tries has sold nothing.
            continue
        times.append(time.perf_counter() - begun)


def _purchase(platform: Platform, raffle_id: str) -> Callable[[int], Any]:
    def buy(number: int) -> None:
        body = {
            "customer_id": f"buyer-{number}",
            "customer_email": "buyer@example.com",
            "customer_name": "Ada Example",
            "num_tickets": 1,
            "payment_method": {"type": "card", "token": "tok_visa"},
        }
        principal = Principal("customer", f"buyer-{number}")
        request_id = platform.ids.new("req")
        request = Request(
            platform=platform, principal=principal, request_id=request_id, path={"raffle_id": raffle_id}, body=body
        )
        assert purchase.handle(request).status == 201

    return buy


def _transaction(platform: Platform, raffle_id: str) -> Callable[[int], Any]:
    client = platform.firestore
    document = client.collection(BARE).document(raffle_id)

    @firestore.transactional
    def sell(transaction: firestore.Transaction) -> None:
        sold = document.get(transaction=transaction).get("sold")
        transaction.update(document, {"sold": sold + 1})

    return lambda number: sell(client.transaction())


def _batch(platform: Platform, raffle_id: str) -> Callable[[int], Any]:
    client = platform.firestore
    document = client.collection(BARE).document(raffle_id)

    def sell(number: int) -> None:
        batch = client.batch()
        batch.create(document.collection("purchases").document(platform.ids.new("TXN")), {"number": number})
        batch.update(document, {"sold": firestore.Increment(1)})
        batch.commit()

    return sell


DEEDS = {"purchase": _purchase, "transaction": _transaction, "batch": _batch}

if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
