"""From a CloudEvent to the handler; what raises is delivered again."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.http import CloudEvent
from werkzeug.exceptions import HTTPException, InternalServerError, ServiceUnavailable

from shared.platform.context import Platform
from shared.platform.errors import Failure, Invalid, Unavailable
from shared.runtime.messages import MessageFunction, delivery
from shared.runtime.request import Delivery

PERSONAL = "Ann Example, born 1990-01-31"


def event(message: Any, **more: Any) -> CloudEvent:
    attributes = {"id": "ce-1", "type": "google.cloud.pubsub.topic.v1.messagePublished", "source": "//pubsub/t"}
    return CloudEvent(attributes, {"message": message, **more})


def encoded(value: Any) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


def test_a_message_as_it_is_pushed(platform: Platform) -> None:
    message = {
        "data": encoded({"a": 1}),
        "attributes": {"type": "t"},
        "messageId": "m-1",
        "publishTime": "2026-07-01T16:59:00.5Z",
    }
    found = delivery(platform, event(message, deliveryAttempt=3))
    assert (found.id, found.data, found.attributes, found.attempt) == ("m-1", {"a": 1}, {"type": "t"}, 3)
    assert found.published_at == datetime(2026, 7, 1, 16, 59, 0, 500_000, UTC)


@pytest.mark.parametrize("message", [{}, {"data": ""}, {"data": None}, {"data": encoded({})}])
def test_a_message_without_data_is_an_empty_object(platform: Platform, message: dict[str, Any]) -> None:
    found = delivery(platform, event(message))
    assert (found.id, found.data, found.attributes, found.attempt) == ("ce-1", {}, {}, 0)
    assert found.published_at == platform.clock.now()


@pytest.mark.parametrize(
    "data",
    ["!", "YQ", base64.b64encode(b"\xff").decode(), base64.b64encode(b"{").decode(), encoded([1]), encoded("a")],
)
def test_data_that_is_no_json_object_is_poison(platform: Platform, data: str) -> None:
    with pytest.raises(ValueError, match=r"The message's data is not (JSON|a JSON object)\.") as poison:
        delivery(platform, event({"data": data}))
    assert poison.value.__cause__ is None


@pytest.mark.parametrize(
    ("error", "answer", "severity"),
    [
        (Unavailable(PERSONAL), ServiceUnavailable, "WARNING"),
        (Invalid(PERSONAL), ServiceUnavailable, "WARNING"),
        (ValueError(PERSONAL), InternalServerError, "ERROR"),
        (KeyError(PERSONAL), InternalServerError, "ERROR"),
    ],
)
def test_what_raises_is_a_5xx_without_details(
    platform: Platform, caplog: pytest.LogCaptureFixture, error: Exception, answer: type[HTTPException], severity: str
) -> None:
    def handle(found: Delivery) -> None:
        raise error

    with pytest.raises(answer) as raised:
        MessageFunction("a_function", handle, platform)(event({"data": encoded({"name": PERSONAL})}))
    assert PERSONAL not in str(raised.value.get_response().get_data())
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [(severity, "message_failed")]


def test_a_failure_is_logged_with_its_code(platform: Platform, caplog: pytest.LogCaptureFixture) -> None:
    def handle(found: Delivery) -> None:
        raise Failure("No.", code="no_good")

    with pytest.raises(ServiceUnavailable):
        MessageFunction("a_function", handle, platform)(event({}))
    assert vars(caplog.records[0])["code"] == "no_good"


def test_a_handled_message_is_one_line(platform: Platform, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Delivery] = []
    with caplog.at_level("INFO"):
        assert MessageFunction("a_function", seen.append, platform)(event({"data": encoded({"a": 1})})) is None
    assert [found.data for found in seen] == [{"a": 1}]
    assert [r.getMessage() for r in caplog.records] == ["message"]
