"""Job expire_verifications: of each verification that is over one event tells."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from flask.testing import FlaskClient

from local.provision import PubSub
from shared.platform.context import Platform
from shared.verification import pages
from shared.verification.expiry import Expiry
from tests.factories.clock import TestClock
from tests.factories.expiring import expires, record_of
from tests.factories.messages import data_of, message_of, pulled, push


def told(pubsub: PubSub) -> list[str]:
    """Verifications, in the order of their events."""
    events = [data_of(message) for message in pulled(pubsub)]
    assert {event["type"] for event in events} <= {"verification.expired"}
    return [event["data"]["verificationId"] for event in events]


def test_each_is_told_once_when_it_is_over(platform: Platform, pubsub: PubSub, clock: TestClock) -> None:
    for customer, days in (("c-1", -400), ("c-2", -1), ("c-3", 0), ("c-4", 0.01), ("c-5", 365)):
        expires(platform, customer, days)
    for _ in range(2):
        Expiry(platform).run(None, 60)
    assert sorted(told(pubsub)) == ["av_c-1", "av_c-2", "av_c-3"]
    assert record_of(platform, "c-2").expired_told_at == clock.now()
    clock.advance(days=1)
    Expiry(platform).run(None, 60)
    assert told(pubsub) == ["av_c-4"]


def test_the_event_is_the_same_each_time(platform: Platform, pubsub: PubSub, clock: TestClock) -> None:
    """Whoever tells it again after a lost commit says the same under the same id."""
    expires(platform, "c-1", -1)
    Expiry(platform).run(None, 60)
    (message,) = pulled(pubsub)
    event = data_of(message)
    assert (event["eventId"], event["occurredAt"]) == ("evt_expired_av_c-1", "2026-06-30T17:00:00.000Z")
    assert event["data"] == {
        "verificationId": "av_c-1",
        "state": "TX",
        "verifiedAt": "2026-07-01T17:00:00.000Z",
        "expiresAt": "2026-06-30T17:00:00.000Z",
    }


def test_page_by_page(platform: Platform, pubsub: PubSub) -> None:
    for number in range(5):
        expires(platform, f"c-{number}", -1)
    place = Expiry(platform, page=2).run(None, 0)
    assert place is not None
    assert Expiry(platform).run(pages.place_of(pages.message_of(place)), 60) is None
    assert len(told(pubsub)) == 5


def test_the_job_and_its_message_twice(
    function: Callable[[str], FlaskClient], platform: Platform, pubsub: PubSub
) -> None:
    expires(platform, "c-1", days=(datetime.now(UTC) - platform.clock.now()).total_seconds() / 86_400 - 1)
    client = function("verification_expire_verifications")
    for _ in range(2):
        assert push(client, message_of({}), "expire-verifications").status_code == 200
    assert told(pubsub) == ["av_c-1"]
