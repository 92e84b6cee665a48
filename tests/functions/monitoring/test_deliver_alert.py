"""Alerts from the topic to Slack and PagerDuty, through the functions-framework apps of both functions."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from shared.runtime import instance
from tests.factories.alerts import KEY, Receivers, alert_event
from tests.factories.documents import documents
from tests.factories.messages import message_of, push


@pytest.fixture
def topics() -> list[str]:
    return ["alerts", "emails"]


@pytest.fixture
def configured(receiving: Receivers, monkeypatch: pytest.MonkeyPatch) -> Receivers:
    for name, value in receiving.variables.items():
        monkeypatch.setenv(name, value)
    return receiving


def test_from_the_topic_to_people(configured: Receivers, function: Callable[[str], FlaskClient]) -> None:
    deliver = function("monitoring_deliver_alert")
    raised = message_of(alert_event())
    assert [push(deliver, raised, "alerts").status_code for _ in range(2)] == [200, 200]
    assert configured.headlines == ["CRITICAL: Requests fail"]
    assert configured.incidents == [(KEY, "open")]


def test_an_alert_of_another_domain(configured: Receivers, function: Callable[[str], FlaskClient]) -> None:
    deliver = function("monitoring_deliver_alert")
    known = {"dedupKey": "sync:square", "title": "Sync of square failed: auth_failed", "value": "1", "threshold": "0"}
    assert push(deliver, message_of(alert_event(**known)), "alerts").status_code == 200
    over = alert_event("resolved", event_id="evt_2", **{**known, "title": "Sync of square is well again"})
    over["occurredAt"] = "2026-07-01T18:00:00.000Z"
    assert push(deliver, message_of(over), "alerts").status_code == 200
    assert configured.incidents == [("sync:square", "resolved")]


def test_what_waits_is_sent_by_the_job(configured: Receivers, function: Callable[[str], FlaskClient]) -> None:
    configured.slack.trap(no_service=1)
    configured.pagerduty.trap(burst_429=1)
    deliver, retry = function("monitoring_deliver_alert"), function("monitoring_retry_alerts")
    assert push(deliver, message_of(alert_event()), "alerts").status_code == 200
    (delivery,) = documents(instance.platform().firestore, "alert_deliveries").values()
    states = {name: on["state"] for name, on in delivery["channels"].items()}
    assert states == {"slack": "refused", "pagerduty": "pending"}
    configured.pagerduty.clear_traps()
    # It is not due yet.
    assert push(retry, message_of({}), "retry-alerts").status_code == 200
    assert configured.incidents == []


@pytest.mark.parametrize("data", [{}, {"type": "alert.raised"}, {**alert_event(), "type": "alert.odd"}])
def test_poison_is_not_acknowledged(
    configured: Receivers, function: Callable[[str], FlaskClient], data: dict[str, object]
) -> None:
    assert push(function("monitoring_deliver_alert"), message_of(data), "alerts").status_code == 500
