"""Slack's and PagerDuty's simulators answer as the real ones do, and misbehave on demand."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import requests

from local.environment import PASSED_ON
from local.simulators.pagerduty import ROUTING_KEY, PagerDutyProvider
from local.simulators.process import Simulator, SimulatorFailed
from local.simulators.slack import HOOK, SlackProvider

TRIGGER = {
    "routing_key": ROUTING_KEY,
    "event_action": "trigger",
    "dedup_key": "a",
    "payload": {"summary": "It burns", "source": "shop", "severity": "critical"},
}


@pytest.fixture(scope="module")
def slack_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with Simulator("slack", tmp_path_factory.mktemp("slack")) as running:
        yield running


@pytest.fixture(scope="module")
def pagerduty_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with Simulator("pagerduty", tmp_path_factory.mktemp("pagerduty")) as running:
        yield running


@pytest.fixture
def slack(slack_process: Simulator) -> Simulator:
    slack_process.clear_traps()
    slack_process.seed(per_second=1000)
    return slack_process


@pytest.fixture
def pagerduty(pagerduty_process: Simulator) -> Simulator:
    pagerduty_process.clear_traps()
    pagerduty_process.seed(per_minute=120)
    return pagerduty_process


def post(slack: Simulator, body: bytes = b'{"text": "hello"}', path: str = HOOK) -> tuple[int, str]:
    reply = requests.post(slack.url + path, data=body, timeout=10)
    assert reply.headers["Content-Type"].startswith("text/plain")
    return reply.status_code, reply.text


def enqueue(pagerduty: Simulator, **changes: object) -> requests.Response:
    event = {name: value for name, value in {**TRIGGER, **changes}.items() if value is not None}
    return requests.post(f"{pagerduty.url}/v2/enqueue", json=event, timeout=10)


def outcomes(pagerduty: Simulator) -> list[str]:
    return [event["outcome"] for event in pagerduty.call("GET", "/events")["events"]]


def test_variables_of_both_are_passed_on() -> None:
    for kind in (SlackProvider, PagerDutyProvider):
        assert all(name.startswith(PASSED_ON) for name in kind.environment(""))
    assert len(ROUTING_KEY) == 32


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (b'{"text": "hello"}', (200, "ok")),
        (b'{"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x"}}]}', (200, "ok")),
        (b"{}", (400, "no_text")),
        (b"", (400, "no_text")),
        (b"{", (400, "invalid_payload")),
        (b'"text"', (400, "invalid_payload")),
        (
            b'{"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "%s"}}]}' % (b"x" * 3001),
            (400, "invalid_payload"),
        ),
        (b'{"blocks": [%s]}' % b",".join([b'{"type": "divider"}'] * 51), (400, "invalid_payload")),
    ],
)
def test_slack_answers_in_a_word(slack: Simulator, body: bytes, answer: tuple[int, str]) -> None:
    assert post(slack, body) == answer
    assert slack.state()["counts"] == {"messages": int(answer[0] == 200)}


def test_slack_knows_one_webhook(slack: Simulator) -> None:
    assert post(slack, path="/services/T1/B1/another") == (404, "no_service")


def test_slack_takes_a_message_a_second(slack: Simulator) -> None:
    slack.seed(per_second=1)
    assert post(slack) == (200, "ok")
    refused = requests.post(slack.url + HOOK, json={"text": "x"}, timeout=10)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    time.sleep(1.05)
    assert post(slack) == (200, "ok")


@pytest.mark.parametrize(
    ("traps", "answer"),
    [
        ({"down": 503}, (503, "down")),
        ({"no_service": 1}, (404, "no_service")),
        ({"archived": 1}, (410, "channel_is_archived")),
        ({"forbidden": True}, (403, "action_prohibited")),
        ({"invalid_payload": 1}, (400, "invalid_payload")),
        ({"errors_5xx": 1}, (500, "rollup_error")),
    ],
)
def test_slacks_traps(slack: Simulator, traps: dict[str, int], answer: tuple[int, str]) -> None:
    slack.trap(**traps)
    status, word = post(slack)
    assert (status // 100 * 100 if "errors_5xx" in traps else status, word) == answer
    assert slack.state()["counts"] == {"messages": 0}


def test_slack_that_loses_its_answer_has_taken_the_message(slack: Simulator) -> None:
    for trap, taken in (("lost_answer", 1), ("down", 1)):
        slack.clear_traps()
        slack.trap(**{trap: 1})
        with pytest.raises(requests.ConnectionError):
            post(slack)
        assert slack.state()["counts"] == {"messages": taken}


def test_slack_shows_what_it_would_make_of_a_text(slack: Simulator) -> None:
    text = "<!channel> <@U1> <https://a.example.com|x> &lt;!here&gt; https://b.example.com"
    requests.post(slack.url + HOOK, json={"text": text}, timeout=10)
    (message,) = slack.call("GET", "/messages")["messages"]
    assert message["mentions"] == ["!channel", "@U1"]
    assert message["links"] == ["https://a.example.com|x", "https://b.example.com"]
    assert message["read"].endswith("<!here> https://b.example.com")


def test_an_incident(pagerduty: Simulator) -> None:
    reply = enqueue(pagerduty)
    assert (reply.status_code, reply.json()["dedup_key"]) == (202, "a")
    enqueue(pagerduty)
    pagerduty.call("POST", "/incidents/a/acknowledge")
    enqueue(pagerduty)
    enqueue(pagerduty, event_action="resolve", payload=None)
    enqueue(pagerduty, event_action="resolve", payload=None)
    enqueue(pagerduty, event_action="acknowledge", payload=None)
    enqueue(pagerduty)
    assert outcomes(pagerduty) == [
        "opened", "deduplicated", "deduplicated", "resolved", "dropped", "dropped", "opened",
    ]  # fmt: skip
    assert [one["state"] for one in pagerduty.call("GET", "/incidents")["incidents"]] == ["resolved", "open"]
    with pytest.raises(SimulatorFailed):
        pagerduty.call("POST", "/incidents/b/resolve")


def test_an_unknown_key_is_taken_and_dropped(pagerduty: Simulator) -> None:
    assert enqueue(pagerduty, routing_key="x" * 32).status_code == 202
    assert outcomes(pagerduty) == ["dropped"]


def test_without_a_key_each_trigger_is_an_incident(pagerduty: Simulator) -> None:
    keys = {enqueue(pagerduty, dedup_key=None).json()["dedup_key"] for _ in range(2)}
    assert len(keys) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"routing_key": None},
        {"event_action": "shout"},
        {"dedup_key": "x" * 256},
        {"event_action": "resolve", "dedup_key": None},
        {"payload": None},
        {"payload": {"summary": "x", "source": "y"}},
        {"payload": {"summary": "x" * 1025, "source": "y", "severity": "info"}},
        {"payload": {"summary": "x", "source": "y", "severity": "odd"}},
    ],
)
def test_what_is_malformed_is_refused(pagerduty: Simulator, changes: dict[str, object]) -> None:
    reply = enqueue(pagerduty, **changes)
    assert reply.status_code == 400
    assert reply.json()["errors"]
    assert outcomes(pagerduty) == []


def test_too_many_in_a_minute(pagerduty: Simulator) -> None:
    pagerduty.seed(per_minute=3)
    assert [enqueue(pagerduty).status_code for _ in range(5)] == [202, 202, 202, 429, 429]


def test_pagerduty_that_loses_its_answer_has_taken_the_event(pagerduty: Simulator) -> None:
    for trap, events in (("lost_answer", ["opened"]), ("down", ["opened"])):
        pagerduty.clear_traps()
        pagerduty.trap(**{trap: 1})
        with pytest.raises(requests.ConnectionError):
            enqueue(pagerduty)
        assert outcomes(pagerduty) == events
