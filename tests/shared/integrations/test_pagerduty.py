"""PagerDuty's client: events that open and close incidents, and what it makes of the answers."""

from __future__ import annotations

import json
import logging

import pytest

from local.simulators.pagerduty import ROUTING_KEY
from shared.integrations.pagerduty import PagerDuty, body, dedup_key
from shared.monitoring.errors import ChannelRefused
from shared.platform.errors import Unavailable
from shared.platform.ids import Ids
from tests.factories.alerts import KEY, Receivers, notice
from tests.factories.provider import Provider, Reaction
from tests.factories.stepping_clock import SteppingClock

ACCEPTED = Reaction(202, b'{"status":"success"}')


def client(url: str) -> PagerDuty:
    clock = SteppingClock()
    return PagerDuty(url, ROUTING_KEY, "production", clock, Ids(clock))


def test_the_life_of_an_incident(receiving: Receivers) -> None:
    pagerduty = client(receiving.pagerduty.url)
    for kind in ("raised", "reminded", "resolved", "raised"):
        pagerduty.deliver(notice(kind))
    assert receiving.events == [
        ("trigger", "opened"),
        ("trigger", "deduplicated"),
        ("resolve", "resolved"),
        ("trigger", "opened"),
    ]
    assert receiving.incidents == [(KEY, "resolved"), (KEY, "open")]


def test_a_trigger_says_everything() -> None:
    assert body(notice(), "production") == {
        "event_action": "trigger",
        "dedup_key": "error-rate",
        "client": "LivHana",
        "payload": {
            "summary": "Requests fail: 1.98% of the requests (2/101) were answered with 5xx in the last 15 minutes",
            "source": "livhana-production",
            "severity": "critical",
            "timestamp": "2026-07-01T17:00:00.000Z",
            "custom_details": {
                "message": "1.98% of the requests (2/101) were answered with 5xx in the last 15 minutes",
                "value": "1.98",
                "threshold": "1",
                "tags": "requests",
                "event": "evt_error-rate_1782925200_raised",
            },
        },
    }


@pytest.mark.parametrize(("ours", "theirs"), [("critical", "critical"), ("warning", "warning"), ("odd", "error")])
def test_severities(ours: str, theirs: str) -> None:
    assert body(notice(severity=ours), "local")["payload"]["severity"] == theirs


def test_whatever_the_size_it_is_taken(receiving: Receivers) -> None:
    client(receiving.pagerduty.url).deliver(notice(title="x" * 5000, message="y" * 500_000, dedupKey="k" * 300))
    ((key, state),) = receiving.incidents
    assert (len(key), state) == (64, "open")
    assert dedup_key("k" * 255) == "k" * 255


def test_a_bad_event_is_reported_and_not_repeated() -> None:
    told = {"status": "invalid event", "errors": ["'payload.summary' is missing", f"key {ROUTING_KEY} " + "x" * 400]}
    with Provider.running(Reaction(400, json.dumps(told).encode())) as provider:
        with pytest.raises(ChannelRefused) as refused:
            client(provider.url).deliver(notice())
        assert refused.value.reason.startswith("400 'payload.summary' is missing; key ***")
        assert len(refused.value.reason) <= 200
        assert len(provider.received) == 1


@pytest.mark.parametrize("reaction", [Reaction(500), Reaction(429), Reaction(dropped=True), Reaction(200)])
def test_what_is_tried_again_later(reaction: Reaction) -> None:
    with Provider.running(reaction) as provider, pytest.raises(Unavailable):
        client(provider.url).deliver(notice())


def test_what_is_mended_at_once() -> None:
    with Provider.running(Reaction(503), ACCEPTED) as provider:
        client(provider.url).deliver(notice())
        assert len(provider.received) == 2


@pytest.mark.parametrize("reaction", [Reaction(dropped=True), Reaction(400), Reaction(500), ACCEPTED])
def test_the_key_is_in_no_log_line_and_no_failure(caplog: pytest.LogCaptureFixture, reaction: Reaction) -> None:
    caplog.set_level(logging.DEBUG)
    with Provider.running(reaction) as provider:
        told = ""
        try:
            client(provider.url).deliver(notice())
        except (Unavailable, ChannelRefused) as failure:
            told = str(failure)
    assert ROUTING_KEY not in told + caplog.text
