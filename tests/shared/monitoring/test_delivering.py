"""Every alert reaches every channel: late when it is down, once when it is not, never after what came after it."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from itertools import count

import pytest

from shared.monitoring.deliveries import LEASE, Deliveries
from shared.monitoring.notices import KINDS
from shared.platform.errors import Unavailable
from tests.factories.alerts import KEY, Desk, Receivers, alert_event
from tests.factories.documents import documents
from tests.factories.killed import Commits
from tests.factories.severable import severable

RAISED, RESOLVED = f"CRITICAL: {'Requests fail'}", "RESOLVED: Requests fail"


def mails(desk: Desk) -> list[str]:
    """Ids of those that wait in the outbox: without a topic nothing leaves it."""
    return sorted(path for path in documents(desk.platform.firestore) if path.startswith("outbox/eml_"))


def test_an_alert_reaches_every_channel_once(receiving: Receivers, project: str) -> None:
    desk = Desk(project, receiving, ALERT_EMAILS="ann@example.com, bob@example.com")
    event = desk.deliver()
    assert receiving.headlines == [RAISED]
    assert receiving.incidents == [(KEY, "open")]
    assert len(mails(desk)) == 2
    # The same message again, and the job: nothing more.
    desk.delivering.deliver(event)
    desk.later(minutes=10)
    desk.clock.advance(minutes=5)
    desk.deliver("resolved", message="0.50% of the requests")
    assert receiving.headlines == [RAISED, RESOLVED]
    assert receiving.events == [("trigger", "opened"), ("resolve", "resolved")]
    assert len(mails(desk)) == 4
    (delivery, _) = desk.deliveries()
    assert {name: on["state"] for name, on in delivery["channels"].items()} == dict.fromkeys(
        ("slack", "pagerduty", "email"), "delivered"
    )
    assert not delivery["pending"]
    assert delivery["expireAt"] > desk.clock.now()


def test_a_mail_says_what_the_alert_says(receiving: Receivers, project: str) -> None:
    desk = Desk(project, receiving, ALERT_EMAILS="ann@example.com")
    desk.deliver("reminded")
    (path,) = mails(desk)
    stored = documents(desk.platform.firestore)[path]
    assert stored["topic"] == "emails"
    for text in ('"template":"alert"', '"to":"ann@example.com"', '"state":"reminded"', '"value":"1.98"'):
        assert text in stored["data"]


def test_a_reminder_opens_what_a_person_has_closed(desk: Desk) -> None:
    desk.deliver()
    desk.receivers.pagerduty.call("POST", f"/incidents/{KEY}/resolve")
    desk.clock.advance(hours=4)
    desk.deliver("reminded")
    assert desk.receivers.incidents == [(KEY, "resolved"), (KEY, "open")]
    assert desk.receivers.headlines[-1] == "STILL CRITICAL: Requests fail"


@pytest.mark.parametrize(("hours", "down"), [(1, 1), (24, 503)])
def test_a_provider_that_is_down_delays_and_loses_nothing(desk: Desk, hours: int, down: int) -> None:
    desk.receivers.slack.trap(down=down)
    desk.deliver()
    assert (desk.receivers.headlines, desk.receivers.incidents) == ([], [(KEY, "open")])
    assert (desk.states("slack"), desk.states("pagerduty")) == (["pending"], ["delivered"])
    desk.later(hours=hours, every=2 * hours)
    assert desk.states("slack") == ["pending"]
    desk.receivers.slack.clear_traps()
    # The pauses between tries have grown to ten minutes, and the job runs every two.
    desk.later(minutes=12)
    assert desk.receivers.headlines == [RAISED]
    desk.later(minutes=12)
    assert (len(desk.receivers.headlines), desk.states("slack")) == (1, ["delivered"])


def test_what_is_over_before_it_could_be_told(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    for provider in (desk.receivers.slack, desk.receivers.pagerduty):
        provider.trap(down=1)
    desk.deliver()
    desk.clock.advance(hours=4)
    desk.deliver("reminded")
    desk.clock.advance(hours=1)
    desk.deliver("resolved")
    for provider in (desk.receivers.slack, desk.receivers.pagerduty):
        provider.clear_traps()
    desk.later(minutes=15)
    # On Slack it is told that it was; nobody is woken for what is over.
    (message,) = desk.receivers.messages
    assert message["read"].startswith(f"*{RESOLVED}*")
    assert "2 earlier messages of this alert could not be delivered; the first was of 2026-07-01 17:00" in str(message)
    assert desk.states("slack") == ["superseded", "superseded", "delivered"]
    # PagerDuty may have had the trigger, whose answer nobody saw: the end of nothing is dropped there.
    assert desk.states("pagerduty") == ["superseded", "superseded", "delivered"]
    assert desk.receivers.events == [("resolve", "dropped")]
    assert [record.message for record in caplog.records].count("alert_superseded") == 4


def test_an_end_is_sent_only_where_a_beginning_may_have_been(desk: Desk) -> None:
    desk.deliver("resolved")
    assert (desk.receivers.headlines, desk.receivers.events) == ([RESOLVED], [])
    assert (desk.states("pagerduty"), desk.reasons("pagerduty")) == (["skipped"], ["nothing was raised here"])
    desk.receivers.pagerduty.trap(invalid_event=1)
    desk.clock.advance(hours=1)
    desk.deliver()
    desk.receivers.pagerduty.clear_traps()
    desk.clock.advance(hours=1)
    desk.deliver("resolved")
    # Refused: there was never an incident. That its trigger may have arrived is known to be wrong.
    assert desk.states("pagerduty") == ["skipped", "refused", "skipped"]


def test_what_comes_late_is_not_told_after_what_came_after_it(desk: Desk) -> None:
    raised = alert_event("raised", desk.clock.now())
    desk.clock.advance(hours=1)
    desk.deliver("resolved")
    desk.delivering.deliver(raised)
    assert desk.receivers.headlines == [RESOLVED]
    assert desk.receivers.events == []
    assert desk.states("slack") == ["superseded", "delivered"]
    assert "which came first" in desk.reasons("slack")[0]


def test_alerts_do_not_wait_for_each_other(desk: Desk) -> None:
    desk.receivers.slack.trap(down=1)
    desk.deliver(dedupKey="churn")
    desk.receivers.slack.clear_traps()
    desk.deliver(dedupKey="cost")
    assert len(desk.receivers.headlines) == 1
    desk.later(minutes=4)
    assert len(desk.receivers.headlines) == 2


def test_a_silent_channel_is_asked_once_in_a_run(desk: Desk) -> None:
    desk.receivers.slack.trap(down=1)
    for number in range(5):
        desk.deliver(dedupKey=f"sync-stream:{number}")
    desk.clock.advance(minutes=2)
    desk.receivers.slack.reset_requests()
    desk.retry()
    # One alert, three tries.
    assert desk.receivers.slack.requests()["total"] == 3


@pytest.mark.parametrize(
    ("trap", "reason"),
    [
        ({"no_service": 1}, "404 no_service"),
        ({"archived": 1}, "410 channel_is_archived"),
        ({"forbidden": True}, "403 action_prohibited"),
        ({"unauthorized": True}, "403 invalid_token"),
        ({"invalid_payload": 1}, "400 invalid_payload"),
    ],
)
def test_a_channel_that_refuses_leaves_the_alert_to_the_others(
    desk: Desk, caplog: pytest.LogCaptureFixture, trap: dict[str, int], reason: str
) -> None:
    desk.receivers.slack.trap(**trap)
    desk.deliver()
    assert desk.receivers.incidents == [(KEY, "open")]
    assert (desk.states("slack"), desk.reasons("slack")) == (["refused"], [reason])
    (line,) = [record for record in caplog.records if record.message == "alert_refused"]
    assert (line.levelno, line.channel, line.reason) == (logging.ERROR, "slack", reason)  # type: ignore[attr-defined]
    # It is not tried again, and the next message says what is missing.
    desk.later(minutes=30)
    desk.receivers.slack.clear_traps()
    desk.deliver("reminded")
    assert "An earlier message of this alert could not be delivered" in str(desk.receivers.messages)


def test_pagerduty_refuses_and_nothing_is_repeated(desk: Desk) -> None:
    desk.receivers.pagerduty.trap(invalid_event=1)
    desk.deliver()
    assert desk.receivers.pagerduty.requests()["total"] == 1
    assert (desk.states("pagerduty"), desk.reasons("pagerduty")) == (["refused"], ["400"])
    assert desk.receivers.headlines == [RAISED]


def test_without_a_channel_it_is_logged_and_recorded(
    project: str, receiving: Receivers, caplog: pytest.LogCaptureFixture
) -> None:
    none = {"SLACK_WEBHOOK_URL": "", "PAGERDUTY_ROUTING_KEY": ""}
    desk = Desk(project, receiving, **none)
    caplog.set_level(logging.INFO)
    for kind, severity in (("raised", "critical"), ("raised", "warning"), ("raised", "odd"), ("resolved", "critical")):
        desk.deliver(kind, severity=severity, dedupKey=f"{kind}{severity}")
    lines = [record for record in caplog.records if record.message == "alert"]
    assert [line.levelname for line in lines] == ["CRITICAL", "WARNING", "ERROR", "INFO"]
    assert [record.message for record in caplog.records].count("alert_without_channel") == 4
    assert [(found["channels"], found["pending"]) for found in desk.deliveries()] == [({}, False)] * 4


def test_a_channel_that_is_taken_away_is_waited_for_no_longer(desk: Desk) -> None:
    desk.receivers.slack.trap(down=1)
    desk.deliver()
    desk.variables["SLACK_WEBHOOK_URL"] = ""
    desk.delivering = desk.of(desk.instance())
    desk.later(minutes=4)
    assert (desk.states("slack"), desk.reasons("slack")) == (["refused"], ["the channel is not configured any more"])


def test_lost_answers(desk: Desk) -> None:
    """PagerDuty takes it as one; on Slack it comes twice, which is better than not at all."""
    for provider in (desk.receivers.slack, desk.receivers.pagerduty):
        provider.trap(lost_answer=2)
    desk.deliver(dedupKey="first")
    desk.deliver()
    assert desk.receivers.events == [("trigger", "opened"), ("trigger", "opened"), ("trigger", "deduplicated")]
    assert desk.receivers.headlines == [RAISED] * 3


def test_many_instances_at_once(desk: Desk) -> None:
    """Each of the alert's events once on each channel, the last of them last, whoever got which message."""
    events = []
    for kind in KINDS:
        events.append(alert_event(kind, desk.clock.now()))
        desk.clock.advance(minutes=1)
    threads = [
        threading.Thread(target=desk.of(desk.instance()).deliver, args=(event,)) for event in events for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    desk.later(minutes=4)
    assert not any(found["pending"] for found in desk.deliveries())
    assert max(Counter(desk.receivers.headlines).values()) == 1
    assert desk.receivers.headlines[-1] == RESOLVED
    assert not [state for _, state in desk.receivers.incidents if state != "resolved"]


def test_an_instance_whose_clock_is_behind_takes_nobody_s_alert(desk: Desk) -> None:
    taken = Deliveries(desk.instance()).take(KEY)
    desk.clock.advance(seconds=-0.05)
    assert Deliveries(desk.instance()).take(KEY) is None
    assert taken is not None
    assert Deliveries(desk.instance()).release(taken)


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_every_commit(
    receiving: Receivers, project: str, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    """Once redelivered it is on its way; Slack may have it twice, PagerDuty and the mail have it once."""
    commits = Commits(monkeypatch)
    desk = Desk(project, receiving, ALERT_EMAILS="ann@example.com")
    for number in count():
        receiving.begin_again()
        event = alert_event(at=desk.clock.now(), dedupKey=f"killed-{number}-{after}")
        before = len(mails(desk))
        died = commits.dies_at(number, lambda event=event: desk.delivering.deliver(event), after=after)
        desk.clock.advance(seconds=LEASE.total_seconds() + 30)
        desk.delivering = desk.of(desk.instance())
        desk.delivering.deliver(event)
        desk.later(minutes=4)
        assert receiving.headlines in ([RAISED], [RAISED, RAISED])
        assert [outcome for _, outcome in receiving.events if outcome != "deduplicated"] == ["opened"]
        assert len(mails(desk)) - before == 1
        assert not desk.deliveries()[-1]["pending"]
        if not died:
            break
    assert number > 6


def test_firestore_that_is_down(receiving: Receivers, project: str) -> None:
    desk = Desk(project, receiving)
    platform = desk.instance()
    client = severable(platform)
    delivering = desk.of(platform)
    client.down = True
    with pytest.raises(Unavailable):
        delivering.deliver(alert_event())
    assert receiving.headlines == []
    client.down = False
    delivering.deliver(alert_event())
    assert receiving.headlines == [RAISED]


def test_a_clock_that_was_moved_back_leaves_nothing_behind(desk: Desk) -> None:
    desk.receivers.slack.trap(down=1)
    desk.clock.advance(days=30)
    desk.deliver()
    desk.clock.advance(days=-30)
    # The clock of an instance that has run all along does not go back.
    desk.delivering = desk.of(desk.instance())
    desk.receivers.slack.clear_traps()
    desk.later(minutes=2)
    assert desk.receivers.headlines == [RAISED]


@pytest.mark.parametrize(
    "event", [{}, {"type": "alert.invented"}, {"type": "sync.failed", "data": {}}, {**alert_event(), "data": {}}]
)
def test_what_is_no_alert_is_poison(desk: Desk, event: dict[str, object]) -> None:
    with pytest.raises((KeyError, ValueError)):
        desk.delivering.deliver(event)
