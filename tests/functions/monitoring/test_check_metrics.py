"""The job that checks the rules, through its functions-framework app: from what was measured to events on `alerts`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from local.provision import PubSub
from shared.memberships import documents as membership_documents
from shared.memberships.models import Member
from shared.runtime import instance
from tests.factories.clock import TestClock
from tests.factories.clock_file import ClockFile
from tests.factories.documents import documents
from tests.factories.memberships import begun
from tests.factories.messages import data_of, message_of, pulled, push
from tests.factories.shop import clock_file


@pytest.fixture
def topics() -> list[str]:
    return ["alerts"]


class Shop:
    """What the job looks at, and what it has told."""

    def __init__(self, client: FlaskClient, pubsub: PubSub, clock: ClockFile) -> None:
        self._client = client
        self._pubsub = pubsub
        self.clock = clock
        self.platform = instance.platform()

    def check(self) -> int:
        return push(self._client, message_of({}), "check-metrics").status_code

    def measure(self, function: str = "verification_verify", **counts: int) -> None:
        with self.platform.metrics.serving(function):
            for name, amount in counts.items():
                self.platform.metrics.count(name, amount)

    def told(self) -> list[tuple[str, str]]:
        return sorted((event["type"], event["data"]["dedupKey"]) for event in self.events())

    def events(self) -> list[dict[str, Any]]:
        return [data_of(message) for message in pulled(self._pubsub, "alerts")]

    def stream(self, name: str, lag: timedelta, failures: int = 0) -> None:
        state = {"watermark": self.platform.clock.now() - lag, "failures": failures, "state": "idle", "mode": "live"}
        self.platform.firestore.collection("sync_state").document(name).set(state)

    def members(self, *tiers: str) -> None:
        """These are all there are."""
        collection = self.platform.firestore.collection("memberships")
        for found in collection.list_documents():
            found.delete()
        for number, tier in enumerate(tiers):
            started = replace(begun(tier), created_at=self.platform.clock.now() - timedelta(days=3))
            member = Member(customer_hash=f"{number}", membership=started)
            collection.document(f"{number}").set(membership_documents.of_member(member))


@pytest.fixture
def shop(
    function: Callable[[str], FlaskClient], pubsub: PubSub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Shop:
    # A test's hours are those of one day, whenever it runs.
    clock = clock_file(tmp_path)
    clock.stand_at(TestClock().at)
    monkeypatch.setenv("CLOCK_FILE", str(clock.path))
    return Shop(function("monitoring_check_metrics"), pubsub, clock)


def test_an_empty_shop_has_no_alert(shop: Shop) -> None:
    assert shop.check() == 200
    assert shop.told() == []


def test_the_contracts_example_from_end_to_end(shop: Shop) -> None:
    shop.measure(verification_attempts=7, verification_successes=7)
    shop.clock.advance(minutes=40)
    shop.measure("verification_resubmit", verification_attempts=5, verification_successes=3)
    assert shop.check() == 200
    (event,) = shop.events()
    assert (event["type"], event["data"]["severity"]) == ("alert.raised", "critical")
    assert event["data"]["message"] == "Success rate is 83.33% (10/12) in the last hour"
    # Twenty-five minutes later the first seven are older than an hour, and five are too few to say anything.
    shop.clock.advance(minutes=25)
    assert (shop.check(), shop.told()) == (200, [])
    shop.clock.advance(minutes=5)
    shop.measure(verification_attempts=100, verification_successes=100)
    assert (shop.check(), shop.told()) == (200, [])
    shop.clock.advance(minutes=30)
    assert shop.check() == 200
    assert shop.told() == [("alert.resolved", "verification-success-rate")]


def test_errors_count_for_a_quarter_of_an_hour(shop: Shop) -> None:
    shop.measure(requests=101, errors=2)
    shop.clock.advance(minutes=15)
    assert (shop.check(), shop.told()) == (200, [])
    shop.measure("memberships_get", requests=101, errors=2)
    shop.clock.advance(minutes=14)
    assert shop.check() == 200
    assert shop.told() == [("alert.raised", "error-rate")]


def test_a_day_of_charges_and_of_costs(shop: Shop) -> None:
    """Quarters of an hour are kept as they pass, so that a day is not read each time."""
    for _ in range(4):
        shop.measure("raffles_purchase", payment_charges=10, query_bytes_billed=50 * 2**30)
        shop.clock.advance(hours=1)
        assert shop.check() == 200
    # 200 GiB are $1.22.
    assert shop.told() == [("alert.raised", "cost")]
    shop.measure("raffles_purchase", payment_charges=2, payment_failures=3)
    assert shop.check() == 200
    (event,) = shop.events()
    assert event["data"]["message"] == "7.14% of the charges (3/42) failed in the last 24 hours"
    kept = [found for path, found in documents(shop.platform.firestore, "daily_figures").items() if "metrics" in path]
    assert sum(slice_[3] for found in kept for slice_ in found["slices"].values()) >= 30
    # A day later nothing of it counts any more.
    for _ in range(25):
        shop.clock.advance(hours=1)
        assert shop.check() == 200
    assert ("alert.resolved", "cost") in shop.told()


def test_each_stream_by_itself(shop: Shop) -> None:
    shop.stream("square_payments", timedelta(minutes=46))
    shop.stream("square_items", timedelta(minutes=5), failures=3)
    shop.stream("lightspeed_products", timedelta(minutes=5))
    assert shop.check() == 200
    assert shop.told() == [
        ("alert.raised", "sync-stream:square_items"),
        ("alert.raised", "sync-stream:square_payments"),
    ]


def test_revenue_is_compared_with_a_week_ago(shop: Shop) -> None:
    shop.members(*["SILVER"] * 20)
    assert (shop.check(), shop.told()) == (200, [])
    shop.clock.advance(days=7)
    shop.members(*["SILVER"] * 19)
    assert (shop.check(), shop.told()) == (200, [])
    # The figures are made every four hours.
    shop.members(*["SILVER"] * 18)
    shop.clock.advance(hours=3, minutes=45)
    assert (shop.check(), shop.told()) == (200, [])
    shop.clock.advance(minutes=15)
    assert shop.check() == 200
    (event,) = shop.events()
    assert (event["data"]["dedupKey"], event["data"]["value"]) == ("mrr-drop", "10.00")


def test_a_source_that_fails_does_not_stop_the_others(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    shop.stream("square_payments", timedelta(hours=1))
    shop.platform.firestore.collection("sync_state").document("square_items").set({"watermark": "no time"})
    shop.measure(requests=101, errors=2)
    assert shop.check() == 200
    assert shop.told() == [("alert.raised", "error-rate")]
    (line,) = [record for record in caplog.records if record.message == "observation_failed"]
    assert line.source == "syncs"  # type: ignore[attr-defined]
