"""From observations to events: each transition once, whoever checks at the same time and wherever it dies."""

from __future__ import annotations

import threading
from fractions import Fraction
from itertools import count
from typing import Any

import pytest

from local.provision import PubSub
from shared.monitoring.alerting import Alerting
from shared.monitoring.models import Observation, Observed
from shared.platform.context import Platform
from shared.platform.errors import Unavailable
from shared.platform.ids import Ids
from shared.platform.settings import Settings
from tests.factories.clock import TestClock
from tests.factories.documents import documents
from tests.factories.killed import Commits
from tests.factories.messages import data_of, pulled
from tests.factories.severable import severable

TOPIC = "alerts"


@pytest.fixture
def topics() -> list[str]:
    return [TOPIC]


def dead_letters(number: int) -> Observed:
    return Observed(frozenset({"dead_letters"}), [Observation(name="dead_letters", value=Fraction(number))])


def lags(**minutes: int) -> Observed:
    names = frozenset({"sync_lag_minutes", "sync_failures"})
    found = [Observation(name="sync_lag_minutes", value=Fraction(m), subject=stream) for stream, m in minutes.items()]
    return Observed(names, found)


def told(pubsub: PubSub) -> list[tuple[str, str]]:
    return [(event["type"], event["data"]["dedupKey"]) for event in events(pubsub)]


def events(pubsub: PubSub) -> list[dict[str, Any]]:
    return [data_of(message) for message in pulled(pubsub, TOPIC)]


def test_the_life_of_an_alert(platform: Platform, pubsub: PubSub, clock: TestClock) -> None:
    alerting = Alerting(platform)
    alerting.evaluate(dead_letters(0))
    assert told(pubsub) == []
    alerting.evaluate(dead_letters(2))
    (raised,) = events(pubsub)
    assert raised["type"] == "alert.raised"
    assert raised["data"] == {
        "severity": "warning",
        "title": "Messages were given up",
        "message": "2 messages lie in the dead-letter queue",
        "tags": "messages",
        "dedupKey": "dead-letters",
        "value": "2",
        "threshold": "0",
    }
    clock.advance(hours=3, minutes=45)
    alerting.evaluate(dead_letters(3))
    assert told(pubsub) == []
    clock.advance(minutes=15)
    alerting.evaluate(dead_letters(3))
    assert told(pubsub) == [("alert.reminded", "dead-letters")]
    alerting.evaluate(dead_letters(0))
    clock.advance(minutes=30)
    alerting.evaluate(dead_letters(0))
    (resolved,) = events(pubsub)
    assert (resolved["type"], resolved["data"]["value"]) == ("alert.resolved", "0")
    stored = documents(platform.firestore)
    assert stored["alert_states/dead-letters"]["open"] is False
    assert not [path for path in stored if path.startswith("outbox/")]


def test_each_stream_has_an_alert_of_its_own(platform: Platform, pubsub: PubSub, clock: TestClock) -> None:
    alerting = Alerting(platform)
    alerting.evaluate(lags(square_payments=50, square_items=10, lightspeed_products=60))
    assert sorted(told(pubsub)) == [
        ("alert.raised", "sync-stream:lightspeed_products"),
        ("alert.raised", "sync-stream:square_payments"),
    ]
    alerting.evaluate(lags(square_payments=5, square_items=50))
    clock.advance(minutes=30)
    alerting.evaluate(lags(square_payments=5, square_items=65))
    assert told(pubsub) == [
        ("alert.raised", "sync-stream:square_items"),
        ("alert.resolved", "sync-stream:square_payments"),
    ]
    # A stream that is there no more is over a day later, and says so.
    clock.advance(days=1)
    alerting.evaluate(lags(square_items=5))
    (resolved,) = [event for event in events(pubsub) if event["type"] == "alert.resolved"]
    assert resolved["data"]["dedupKey"] == "sync-stream:lightspeed_products"
    assert (resolved["data"]["message"], resolved["data"]["value"]) == (
        "There was nothing to measure for 24 hours.",
        None,
    )


def test_what_was_not_seen_changes_nothing(platform: Platform, pubsub: PubSub, clock: TestClock) -> None:
    alerting = Alerting(platform)
    alerting.evaluate(dead_letters(1))
    for _ in range(4):
        clock.advance(days=1)
        judged = alerting.evaluate(Observed(frozenset()))
    assert told(pubsub) == [("alert.raised", "dead-letters")]
    assert {one.finding.verdict.value for one in judged} == {"unseen"}


def test_many_checks_at_once_tell_each_transition_once(platform: Platform, pubsub: PubSub, clock: TestClock) -> None:
    def all_at_once(observed: Observed) -> None:
        checks = [Platform(Settings.load(), clock, Ids(clock)) for _ in range(6)]
        threads = [threading.Thread(target=Alerting(check).evaluate, args=(observed,)) for check in checks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    for observed in (dead_letters(1), dead_letters(1), dead_letters(0)):
        all_at_once(observed)
        clock.advance(hours=4)
    all_at_once(dead_letters(0))
    assert told(pubsub) == [(f"alert.{kind}", "dead-letters") for kind in ("raised", "reminded", "resolved")]


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_every_commit_tells_each_transition_once(
    platform: Platform, pubsub: PubSub, clock: TestClock, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    commits = Commits(monkeypatch)
    for number in count():
        died = []
        for observed in (lags(a=50, b=50), lags(a=50, b=50), lags(a=0, b=0), lags(a=0, b=0)):
            alerting = Alerting(Platform(Settings.load(), clock, Ids(clock)))
            died.append(commits.dies_at(number, lambda: alerting.evaluate(observed), after=after))  # noqa: B023
            Alerting(platform).evaluate(observed)
            # What was committed and not published goes out with the relay.
            clock.advance(seconds=30)
            platform.outbox.relay()
            clock.advance(hours=4)
        found = events(pubsub)
        ids = {event["eventId"]: (event["data"]["dedupKey"], event["type"].partition(".")[2]) for event in found}
        assert sorted(ids.values()) == [
            (f"sync-stream:{stream}", kind) for stream in "ab" for kind in ("raised", "reminded", "resolved")
        ]
        if not any(died):
            break
    assert number > 2


def test_one_that_cannot_be_kept_does_not_hold_up_the_others(
    platform: Platform, pubsub: PubSub, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = severable(again := Platform(Settings.load(), platform.clock, platform.ids))
    client.down = True
    with pytest.raises(Unavailable):
        Alerting(again).evaluate(dead_letters(1))
    client.down = False
    Alerting(again).evaluate(dead_letters(1))
    assert told(pubsub) == [("alert.raised", "dead-letters")]


def test_ids_follow_from_the_alert(platform: Platform, pubsub: PubSub, clock: TestClock) -> None:
    Alerting(platform).evaluate(dead_letters(1))
    first = int(clock.now().timestamp() * 1000)
    clock.advance(hours=4)
    Alerting(platform).evaluate(dead_letters(1))
    assert [event["eventId"] for event in events(pubsub)] == [
        f"evt_dead-letters_{first}_1",
        f"evt_dead-letters_{first}_2",
    ]
