"""A webhook's event has its effect once, however often and however close together it comes."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest

from local.provision import PubSub
from shared.payments.notices import Notice
from shared.platform.context import Platform
from shared.platform.webhooks import WebhookEvents
from tests.factories.documents import documents
from tests.factories.messages import data_of, pulled

TOPIC = "payment-notices"


@pytest.fixture
def topics() -> list[str]:
    return [TOPIC]


def of(platform: Platform) -> WebhookEvents:
    return WebhookEvents(platform.firestore, platform.outbox, platform.clock)


def test_an_event_is_remembered_and_told_once(platform: Platform, pubsub: PubSub) -> None:
    webhooks = of(platform)
    assert webhooks.remember("e-1", [Notice("evt_1", "60001")])
    assert not webhooks.remember("e-1", [Notice("evt_2", "60001")])
    assert webhooks.remember("e-2", [])
    assert [data_of(message) for message in pulled(pubsub, TOPIC)] == [{"transactionId": "60001"}]
    assert not documents(platform.firestore, "outbox")


def test_an_event_that_comes_many_times_at_once_is_told_once(platform: Platform, pubsub: PubSub) -> None:
    fresh: list[bool] = []
    webhooks = of(platform)
    threads = [
        threading.Thread(target=lambda n=n: fresh.append(webhooks.remember("e-1", [Notice(f"evt_{n}", "60001")])))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(fresh) == [False] * 7 + [True]
    assert len(pulled(pubsub, TOPIC)) == 1


def test_an_event_is_kept_for_a_week(platform: Platform, pubsub: PubSub) -> None:
    of(platform).remember("e-1", [])
    found = platform.firestore.collection("webhook_events").document("e-1").get().to_dict()
    assert found is not None
    assert found["expireAt"] - found["receivedAt"] == timedelta(days=7)
    assert json.dumps(sorted(found)) == '["expireAt", "receivedAt"]'
