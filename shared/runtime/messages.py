"""One Pub/Sub message, from a CloudEvent to the handler. What raises is delivered again, then dead-lettered."""

from __future__ import annotations

import base64
import binascii
import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shared.platform.clock import parse_wire_time
from shared.platform.context import Platform
from shared.platform.errors import Failure
from shared.runtime import logging as logs
from shared.runtime.request import Delivery

if TYPE_CHECKING:
    from cloudevents.http import CloudEvent

log = logging.getLogger("message")


class MessageFunction:
    """Serves one subscriber or job of this instance.

    Failure policy: any failure answers 5xx without details; Pub/Sub delivers again with back-off and moves the message
    to the dead-letter topic after the declared number of attempts.
    """

    def __init__(
        self, name: str, handler: Callable[[Delivery], None], platform: Platform, *, any_data: bool = False
    ) -> None:
        self.name = name
        self.any_data = any_data
        self.handler = handler
        self.platform = platform

    def __call__(self, event: CloudEvent) -> None:
        token = logs.context.set({"function": self.name, "messageId": str(event["id"])})
        try:
            with self.platform.metrics.serving(self.name):
                self._measured(event)
        finally:
            logs.context.reset(token)

    def _measured(self, event: CloudEvent) -> None:
        started, failed = self.platform.clock.monotonic(), True
        try:
            self._handled(event)
            failed = False
        finally:
            milliseconds = (self.platform.clock.monotonic() - started) * 1000
            self.platform.metrics.count("messages")
            self.platform.metrics.count("messages_failed", int(failed))
            self.platform.metrics.observe("message_latency", milliseconds)
        log.info("message", extra={"latencyMs": round(milliseconds, 2)})

    def _handled(self, event: CloudEvent) -> None:
        import werkzeug.exceptions as http_errors

        try:
            self.handler(delivery(self.platform, event, any_data=self.any_data))
        except Failure as failure:
            log.warning("message_failed", exc_info=failure, extra={"code": failure.code})
            raise http_errors.ServiceUnavailable from None
        except Exception:
            log.exception("message_failed")
            raise http_errors.InternalServerError from None


def delivery(platform: Platform, event: Any, *, any_data: bool = False) -> Delivery:
    """The message inside a CloudEvent. Raises ValueError for a body that is no JSON object: a poison message."""
    message = event.data["message"]
    raw = _raw(message)
    try:
        data = _object(raw)
    except ValueError:
        if not any_data:
            raise
        data = {}
    published = message.get("publishTime") or message.get("publish_time")
    return Delivery(
        platform=platform,
        id=str(message.get("messageId") or event["id"]),
        data=data,
        attributes=message.get("attributes") or {},
        published_at=parse_wire_time(published).astimezone(UTC) if published else _now(platform),
        attempt=int(event.data.get("deliveryAttempt") or 0),
        raw=raw,
    )


def _raw(message: Mapping[str, Any]) -> bytes:
    try:
        return base64.b64decode(message.get("data") or "", validate=True)
    except binascii.Error:
        raise ValueError("The message's data is not JSON.") from None


def _object(raw: bytes) -> dict[str, Any]:
    try:
        data = json.loads(raw or b"{}")
    except ValueError:
        raise ValueError("The message's data is not JSON.") from None
    if not isinstance(data, dict):
        raise ValueError("The message's data is not a JSON object.")
    return data


def _now(platform: Platform) -> datetime:
    return platform.clock.now()
