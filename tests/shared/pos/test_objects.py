"""Records that a webhook has named: read as they are by then, whatever the event said and however often it comes."""

from __future__ import annotations

import pytest

from shared.platform.errors import Unavailable
from shared.pos.trigger import TriggerService
from tests.factories.shop import Shop

TABLE = "analytics.square_payments"


def deliver(shop: Shop, *ids: str, message_id: str = "m-1") -> None:
    found = {"source": "square", "mode": "objects", "stream": "square_payments", "ids": list(ids)}
    shop.deliver(found, message_id)


def count(shop: Shop) -> int:
    return int(shop.rows(TABLE, "COUNT(*) AS n")[0]["n"])


def data_version(shop: Shop) -> str | None:
    found = shop.platform.firestore.collection("sync_sources").document("square").get().to_dict()
    return found["dataVersion"] if found else None


def test_a_new_payment_is_there_within_one_message(shop: Shop) -> None:
    new = shop.square.add_payment(amount=1234)
    deliver(shop, new["id"])
    assert shop.payment(new["id"])["amount"] == 1234
    assert count(shop) == 1
    first = data_version(shop)
    assert first
    deliver(shop, new["id"], message_id="m-2")
    assert count(shop) == 1
    # Nothing changed: what is cached is still right.
    assert data_version(shop) == first


def test_a_refund_changes_its_payment(shop: Shop) -> None:
    shop.sync()
    paid = shop.rows(TABLE, "id", "created_at > '2000-01-01' AND status = 'COMPLETED' AND refunded_amount = 0")[0]["id"]
    before = count(shop)
    shop.advance(minutes=5)
    shop.square.change_payment(paid, refund_cents=50)
    deliver(shop, paid)
    assert shop.payment(paid)["refunded_amount"] == 50
    assert count(shop) == before
    # The next increment reads it once more, and finds nothing to change.
    shop.advance(minutes=5)
    shop.sync()
    assert shop.certificate()["green"]
    assert shop.state()["rowsWritten"] == 0


def test_it_touches_neither_the_watermark_nor_a_run_under_way(shop: Shop) -> None:
    shop.sync()
    watermark = shop.state()["watermark"]
    shop.advance(minutes=1)
    running = TriggerService(shop.platform).request("square", "incremental", "", "", "req_1")
    assert len(shop.events("sync-requests")) == 1
    new = shop.square.add_payment(amount=7)
    deliver(shop, new["id"])
    assert shop.payment(new["id"])["amount"] == 7
    assert shop.state()["watermark"] == watermark
    assert shop.platform.firestore.collection("sync_sources").document("square").get().get("activeJob") == running.id


def test_a_payment_that_is_not_there_is_no_failure(shop: Shop) -> None:
    deliver(shop, "no-such-payment")
    assert count(shop) == 0


def test_a_broken_record_is_rejected(shop: Shop) -> None:
    new = shop.square.add_payment(amount=5)
    shop.square.trap(garbage=1)
    deliver(shop, new["id"])
    assert count(shop) == 0
    assert [row["stream"] for row in shop.rows("commerce.sync_rejects", "stream", "TRUE")] == ["square_payments"]


def test_an_outage_fails_the_message_and_a_refusal_is_noticed(shop: Shop) -> None:
    shop.hurry()
    new = shop.square.add_payment(amount=5)
    shop.square.trap(errors_5xx=1)
    with pytest.raises(Unavailable):
        deliver(shop, new["id"])
    shop.square.clear_traps()
    shop.square.trap(unauthorized=True)
    deliver(shop, new["id"])
    assert shop.state()["lastError"]["code"] == "auth_failed"
    assert count(shop) == 0
    shop.square.clear_traps()
    deliver(shop, new["id"])
    assert count(shop) == 1


def test_a_stream_that_there_is_not_is_poison(shop: Shop) -> None:
    with pytest.raises(ValueError, match="square_socks"):
        shop.deliver({"source": "square", "mode": "objects", "stream": "square_socks", "ids": ["1"]})
